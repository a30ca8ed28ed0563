// The configurations of a bucket that a JuiceFS volume does not have: each is authorized first and then told truthfully to
// be absent; removing them is done already. What would set them is refused as not implemented (the fallback rows of
// ../s3/sub-resource.ts). Data, as the answers differ in nothing but their names.
import { S3Error, type S3ErrorCode } from '../s3/errors.ts';
import { defineOperation, type Operation } from '../s3/operation.ts';
import { element, xmlDocument } from '../s3/xml.ts';
import { bucketOf, requireBucket, requireWritable } from './bucket-access.ts';
import { xmlReply } from './listing.ts';

/** A sub-resource that can be read: by the error that says "not configured", or by the document that does. */
interface AbsentConfiguration {
  readonly operation: string;
  readonly parameter: string;
  readonly action: string;
  readonly answer: { readonly error: S3ErrorCode } | { readonly document: () => string };
  /** Where S3 can remove it: the operation and its action. */
  readonly removal?: readonly [operation: string, action: string];
}

const ABSENT: readonly AbsentConfiguration[] = [
  {
    operation: 'GetBucketAccelerateConfiguration',
    parameter: 'accelerate',
    action: 's3:GetAccelerateConfiguration',
    answer: { document: () => xmlDocument('AccelerateConfiguration') },
  },
  {
    operation: 'GetBucketEncryption',
    parameter: 'encryption',
    action: 's3:GetEncryptionConfiguration',
    answer: { error: 'ServerSideEncryptionConfigurationNotFoundError' },
    removal: ['DeleteBucketEncryption', 's3:PutEncryptionConfiguration'],
  },
  {
    operation: 'GetBucketLogging',
    parameter: 'logging',
    action: 's3:GetBucketLogging',
    answer: { document: () => xmlDocument('BucketLoggingStatus') },
  },
  {
    operation: 'GetObjectLockConfiguration',
    parameter: 'object-lock',
    action: 's3:GetBucketObjectLockConfiguration',
    answer: { error: 'ObjectLockConfigurationNotFoundError' },
  },
  {
    operation: 'GetBucketReplication',
    parameter: 'replication',
    action: 's3:GetReplicationConfiguration',
    answer: { error: 'ReplicationConfigurationNotFoundError' },
    removal: ['DeleteBucketReplication', 's3:PutReplicationConfiguration'],
  },
  {
    operation: 'GetBucketRequestPayment',
    parameter: 'requestPayment',
    action: 's3:GetBucketRequestPayment',
    answer: { document: () => xmlDocument('RequestPaymentConfiguration', element('Payer', 'BucketOwner')) },
  },
  {
    operation: 'GetBucketVersioning',
    parameter: 'versioning',
    action: 's3:GetBucketVersioning',
    answer: { document: () => xmlDocument('VersioningConfiguration') },
  },
  {
    operation: 'GetBucketWebsite',
    parameter: 'website',
    action: 's3:GetBucketWebsite',
    answer: { error: 'NoSuchWebsiteConfiguration' },
    removal: ['DeleteBucketWebsite', 's3:DeleteBucketWebsite'],
  },
];

function absentOperation({ operation, parameter, action, answer }: AbsentConfiguration) {
  return defineOperation({
    name: operation,
    match: { method: 'GET', target: 'bucket', query: [parameter] },
    body: 'none',
    parse: (request) => ({ bucket: bucketOf(request) }),
    questions: ({ bucket }) => [{ action, bucket }],
    async handle(grant, context) {
      await requireBucket(context, grant.input.bucket);
      if ('error' in answer) throw new S3Error(answer.error);
      return xmlReply(answer.document());
    },
  });
}

function removalOperation({ parameter, removal }: AbsentConfiguration) {
  if (removal === undefined) return [];
  const [name, action] = removal;
  return [
    defineOperation({
      name,
      match: { method: 'DELETE', target: 'bucket', query: [parameter] },
      body: 'none',
      parse: (request) => ({ bucket: bucketOf(request) }),
      questions: ({ bucket }) => [{ action, bucket }],
      async handle(grant, context) {
        requireWritable(context);
        await requireBucket(context, grant.input.bucket);
        return { status: 204 };
      },
    }),
  ];
}

/** What is answered of each: one operation for reading it, and one for removing it where there is such a thing. */
export const bucketSubResources: readonly Operation<{ readonly bucket: ReturnType<typeof bucketOf> }>[] = [
  ...ABSENT.map(absentOperation),
  ...ABSENT.flatMap(removalOperation),
];
