// The sub-resources of S3: query parameters that make a request another operation. One that no row of the operation table
// mentions is still decided, by the action it would need, and then answered NotImplemented; never taken for another operation.
import { S3Error } from './errors.ts';
import { defineOperation, type Operation, type RouteMatch } from './operation.ts';

type Method = RouteMatch['method'];
type Target = 'bucket' | 'object';

/** The IAM actions of a sub-resource by method. Methods that are not here do not exist in S3. */
type Actions = Readonly<Partial<Record<Method, string>>>;

/** AWS: "Actions, resources, and condition keys for Amazon S3"; by the parameter's name. */
const SUB_RESOURCES: Readonly<Record<string, Readonly<Partial<Record<Target, Actions>>>>> = {
  abac: { bucket: { GET: 's3:GetBucketAbac', PUT: 's3:PutBucketAbac' } },
  accelerate: { bucket: { GET: 's3:GetAccelerateConfiguration', PUT: 's3:PutAccelerateConfiguration' } },
  acl: {
    bucket: { GET: 's3:GetBucketAcl', PUT: 's3:PutBucketAcl' },
    object: { GET: 's3:GetObjectAcl', PUT: 's3:PutObjectAcl' },
  },
  analytics: { bucket: configuration('AnalyticsConfiguration') },
  attributes: { object: { GET: 's3:GetObjectAttributes' } },
  cors: { bucket: configuration('BucketCORS') },
  delete: { bucket: { POST: 's3:DeleteObject' } },
  encryption: {
    bucket: configuration('EncryptionConfiguration'),
    object: { PUT: 's3:UpdateObjectEncryption' },
  },
  'intelligent-tiering': { bucket: configuration('IntelligentTieringConfiguration') },
  inventory: { bucket: configuration('InventoryConfiguration') },
  'legal-hold': { object: { GET: 's3:GetObjectLegalHold', PUT: 's3:PutObjectLegalHold' } },
  lifecycle: { bucket: configuration('LifecycleConfiguration') },
  location: { bucket: { GET: 's3:GetBucketLocation' } },
  logging: { bucket: { GET: 's3:GetBucketLogging', PUT: 's3:PutBucketLogging' } },
  metadataConfiguration: { bucket: metadataTables() },
  metadataInventoryTable: { bucket: { PUT: 's3:UpdateBucketMetadataInventoryTableConfiguration' } },
  metadataJournalTable: { bucket: { PUT: 's3:UpdateBucketMetadataJournalTableConfiguration' } },
  metadataTable: { bucket: metadataTables() },
  metrics: { bucket: configuration('MetricsConfiguration') },
  notification: { bucket: { GET: 's3:GetBucketNotification', PUT: 's3:PutBucketNotification' } },
  'object-lock': {
    bucket: { GET: 's3:GetBucketObjectLockConfiguration', PUT: 's3:PutBucketObjectLockConfiguration' },
  },
  ownershipControls: { bucket: configuration('BucketOwnershipControls') },
  policy: {
    bucket: { GET: 's3:GetBucketPolicy', PUT: 's3:PutBucketPolicy', DELETE: 's3:DeleteBucketPolicy' },
  },
  policyStatus: { bucket: { GET: 's3:GetBucketPolicyStatus' } },
  publicAccessBlock: { bucket: configuration('BucketPublicAccessBlock') },
  // a directory bucket's: what would be moved would be overwritten by nothing
  renameObject: { object: { PUT: 's3:PutObject' } },
  replication: { bucket: configuration('ReplicationConfiguration') },
  requestPayment: { bucket: { GET: 's3:GetBucketRequestPayment', PUT: 's3:PutBucketRequestPayment' } },
  restore: { object: { POST: 's3:RestoreObject' } },
  retention: { object: { GET: 's3:GetObjectRetention', PUT: 's3:PutObjectRetention' } },
  session: { bucket: { GET: 's3express:CreateSession' } },
  select: { object: { POST: 's3:GetObject' } },
  tagging: {
    bucket: { GET: 's3:GetBucketTagging', PUT: 's3:PutBucketTagging', DELETE: 's3:PutBucketTagging' },
    object: { GET: 's3:GetObjectTagging', PUT: 's3:PutObjectTagging', DELETE: 's3:DeleteObjectTagging' },
  },
  torrent: { object: { GET: 's3:GetObjectTorrent' } },
  uploadId: {
    object: {
      GET: 's3:ListMultipartUploadParts',
      PUT: 's3:PutObject',
      POST: 's3:PutObject',
      DELETE: 's3:AbortMultipartUpload',
    },
  },
  uploads: { bucket: { GET: 's3:ListBucketMultipartUploads' }, object: { POST: 's3:PutObject' } },
  versioning: { bucket: { GET: 's3:GetBucketVersioning', PUT: 's3:PutBucketVersioning' } },
  versions: { bucket: { GET: 's3:ListBucketVersions' } },
  website: { bucket: { GET: 's3:GetBucketWebsite', PUT: 's3:PutBucketWebsite', DELETE: 's3:DeleteBucketWebsite' } },
};

/** Reading, writing and removing one configuration; S3 has no action for removing these, but the writing one's. */
function configuration(name: string): Actions {
  return { GET: `s3:Get${name}`, PUT: `s3:Put${name}`, DELETE: `s3:Put${name}` };
}

/** Tables of a bucket's metadata, in either form that S3 gave them. */
function metadataTables(): Actions {
  return {
    GET: 's3:GetBucketMetadataTableConfiguration',
    POST: 's3:CreateBucketMetadataTableConfiguration',
    DELETE: 's3:DeleteBucketMetadataTableConfiguration',
  };
}

/** With uploadId, names a part. */
const PART_NUMBER = 'partNumber';

/**
 * The sub-resources that a request names. partNumber is one where something is written; reading, it chooses a part of
 * what is read.
 */
export function namedSubResources(method: string, parameters: Iterable<string>): string[] {
  const named: string[] = [];
  for (const name of parameters) {
    if (Object.hasOwn(SUB_RESOURCES, name)) named.push(name);
    else if (name === PART_NUMBER && method !== 'GET' && method !== 'HEAD') named.push(name);
  }
  return named;
}

interface UnimplementedInput {
  readonly action: string;
}

/** A row for each sub-resource, target and method of S3: asks for its action, then answers NotImplemented. */
export function unimplementedOperations(): Operation<UnimplementedInput>[] {
  return Object.entries(SUB_RESOURCES).flatMap(([name, targets]) =>
    Object.entries(targets).flatMap(([target, actions]) =>
      Object.entries(actions).map(([method, action]) =>
        unimplementedOperation(name, target as Target, method as Method, action),
      ),
    ),
  );
}

function unimplementedOperation(
  name: string,
  target: Target,
  method: Method,
  action: string,
): Operation<UnimplementedInput> {
  return defineOperation<UnimplementedInput>({
    name: 'Unimplemented',
    match: { method, target, query: [name] },
    // whatever body there is stays unread
    body: 'payload',
    checksumHeaders: 'object',
    parse: () => ({ action }),
    questions: (input, { bucket, key }) => [
      {
        action: input.action,
        ...(bucket === undefined ? {} : { bucket }),
        ...(key === undefined ? {} : { key }),
      },
    ],
    handle: async () => {
      throw new S3Error('NotImplemented', `?${name} is not implemented.`);
    },
  });
}
