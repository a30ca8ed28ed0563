// The accesses that each S3 operation asks for, as a table: what a policy has to allow. A test holds it against what the operations really
// ask; docs/s3-actions.md is made of it (npm run docs).
// AWS: "Actions, resources, and condition keys for Amazon S3"; "Required permissions for Amazon S3 API operations".

/** What an access is about. */
export type AccessTarget = 'service' | 'bucket' | 'object' | 'source' | 'eachKey' | 'eachBucket';

export interface AccessRow {
  readonly action: string;
  readonly on: AccessTarget;
  /** Only then; always without. */
  readonly when?: string;
  /** The condition keys of this access alone, beside those of every request. */
  readonly keys?: readonly string[];
}

export interface OperationAccess {
  readonly operation: string;
  /** All must be allowed, but those on each key and each bucket, which are answered one by one. */
  readonly accesses: readonly AccessRow[];
  readonly note?: string;
}

const TAGS = ['s3:RequestObjectTag/KEY', 's3:RequestObjectTagKeys'] as const;
const EXISTING = 's3:ExistingObjectTag/KEY';
const LISTING = ['s3:prefix', 's3:delimiter', 's3:max-keys'] as const;

const onBucket = (operation: string, action: string): OperationAccess => ({
  operation,
  accesses: [{ action, on: 'bucket' }],
});
const onObject = (operation: string, action: string): OperationAccess => ({
  operation,
  accesses: [{ action, on: 'object' }],
});
const WITH_TAGS: AccessRow = { action: 's3:PutObjectTagging', on: 'object', when: 'it brings tags', keys: TAGS };
const WITH_ACL: AccessRow = { action: 's3:PutObjectAcl', on: 'object', when: 'it brings a list that grants something' };
const upload = (operation: string): OperationAccess => ({
  operation,
  accesses: [{ action: 's3:PutObject', on: 'object', keys: TAGS }, WITH_TAGS, WITH_ACL],
});
const part = (operation: string): OperationAccess => onObject(operation, 's3:PutObject');

export const S3_ACCESSES: readonly OperationAccess[] = [
  {
    operation: 'ListBuckets',
    accesses: [
      { action: 's3:ListAllMyBuckets', on: 'service' },
      { action: 's3:ListBucket', on: 'eachBucket', when: 'no statement allows or denies s3:ListAllMyBuckets' },
    ],
    note: 'Whom no statement lets list all sees the buckets that they may list, and is refused when there are none. Never for the anonymous.',
  },
  // ---- buckets
  {
    operation: 'CreateBucket',
    accesses: [
      { action: 's3:CreateBucket', on: 'bucket', keys: ['s3:LocationConstraint'] },
      { action: 's3:PutBucketAcl', on: 'bucket', when: 'it brings a list that grants something' },
      { action: 's3:PutBucketOwnershipControls', on: 'bucket', when: 'it brings an object ownership' },
    ],
  },
  {
    operation: 'DeleteBucket',
    accesses: [
      { action: 's3:DeleteBucket', on: 'bucket' },
      { action: 's3:ForceDeleteBucket', on: 'bucket', when: 'x-minio-force-delete is true' },
    ],
  },
  onBucket('HeadBucket', 's3:ListBucket'),
  onBucket('GetBucketLocation', 's3:GetBucketLocation'),
  ...['ListObjects', 'ListObjectsV2'].map((operation) => ({
    operation,
    accesses: [{ action: 's3:ListBucket', on: 'bucket', keys: LISTING } as const],
  })),
  {
    operation: 'ListObjectVersions',
    accesses: [{ action: 's3:ListBucketVersions', on: 'bucket', keys: LISTING }],
    note: 'In the dialects portcullis, minio and juicefs s3:ListBucket does as well.',
  },
  {
    operation: 'ListMultipartUploads',
    accesses: [{ action: 's3:ListBucketMultipartUploads', on: 'bucket', keys: ['s3:prefix'] }],
  },
  {
    operation: 'DeleteObjects',
    accesses: [{ action: 's3:DeleteObject', on: 'eachKey', keys: ['s3:versionid', EXISTING] }],
    note: 'Each key is decided on its own; those that are refused come back as errors.',
  },
  // ---- configuration of buckets
  onBucket('GetBucketPolicy', 's3:GetBucketPolicy'),
  onBucket('PutBucketPolicy', 's3:PutBucketPolicy'),
  onBucket('DeleteBucketPolicy', 's3:DeleteBucketPolicy'),
  onBucket('GetBucketPolicyStatus', 's3:GetBucketPolicyStatus'),
  onBucket('GetPublicAccessBlock', 's3:GetBucketPublicAccessBlock'),
  onBucket('PutPublicAccessBlock', 's3:PutBucketPublicAccessBlock'),
  onBucket('DeletePublicAccessBlock', 's3:PutBucketPublicAccessBlock'),
  onBucket('GetBucketAcl', 's3:GetBucketAcl'),
  onBucket('PutBucketAcl', 's3:PutBucketAcl'),
  onBucket('GetBucketOwnershipControls', 's3:GetBucketOwnershipControls'),
  onBucket('PutBucketOwnershipControls', 's3:PutBucketOwnershipControls'),
  onBucket('DeleteBucketOwnershipControls', 's3:PutBucketOwnershipControls'),
  onBucket('GetBucketAccelerateConfiguration', 's3:GetAccelerateConfiguration'),
  onBucket('GetBucketCors', 's3:GetBucketCORS'),
  onBucket('PutBucketCors', 's3:PutBucketCORS'),
  onBucket('DeleteBucketCors', 's3:PutBucketCORS'),
  onBucket('GetBucketEncryption', 's3:GetEncryptionConfiguration'),
  onBucket('DeleteBucketEncryption', 's3:PutEncryptionConfiguration'),
  onBucket('GetBucketLifecycleConfiguration', 's3:GetLifecycleConfiguration'),
  onBucket('PutBucketLifecycleConfiguration', 's3:PutLifecycleConfiguration'),
  onBucket('DeleteBucketLifecycle', 's3:PutLifecycleConfiguration'),
  onBucket('GetBucketLogging', 's3:GetBucketLogging'),
  onBucket('GetBucketNotificationConfiguration', 's3:GetBucketNotification'),
  onBucket('PutBucketNotificationConfiguration', 's3:PutBucketNotification'),
  onBucket('ListenBucketNotification', 's3:ListenBucketNotification'),
  { operation: 'ListenNotification', accesses: [{ action: 's3:ListenNotification', on: 'service' }] },
  onBucket('GetObjectLockConfiguration', 's3:GetBucketObjectLockConfiguration'),
  onBucket('PutObjectLockConfiguration', 's3:PutBucketObjectLockConfiguration'),
  onBucket('GetBucketReplication', 's3:GetReplicationConfiguration'),
  onBucket('DeleteBucketReplication', 's3:PutReplicationConfiguration'),
  onBucket('GetBucketRequestPayment', 's3:GetBucketRequestPayment'),
  onBucket('GetBucketTagging', 's3:GetBucketTagging'),
  { operation: 'PutBucketTagging', accesses: [{ action: 's3:PutBucketTagging', on: 'bucket', keys: TAGS }] },
  onBucket('DeleteBucketTagging', 's3:PutBucketTagging'),
  onBucket('GetBucketVersioning', 's3:GetBucketVersioning'),
  onBucket('GetBucketWebsite', 's3:GetBucketWebsite'),
  onBucket('DeleteBucketWebsite', 's3:DeleteBucketWebsite'),
  // ---- objects
  ...['GetObject', 'HeadObject'].map((operation) => ({
    operation,
    accesses: [{ action: 's3:GetObject', on: 'object', keys: ['s3:versionid', EXISTING] } as const],
    note: 'What is not there is said to be missing to those only who may s3:ListBucket with its key as prefix; others are refused.',
  })),
  {
    operation: 'GetObjectAttributes',
    accesses: [
      { action: 's3:GetObject', on: 'object', keys: ['s3:versionid', EXISTING] },
      { action: 's3:GetObjectAttributes', on: 'object', keys: ['s3:versionid', EXISTING] },
    ],
  },
  upload('PutObject'),
  upload('PostObject'),
  {
    operation: 'CopyObject',
    accesses: [
      { action: 's3:GetObject', on: 'source', keys: ['s3:versionid', EXISTING] },
      { action: 's3:PutObject', on: 'object', keys: ['s3:x-amz-copy-source', ...TAGS] },
      { ...WITH_TAGS, when: 'it brings tags and x-amz-tagging-directive is REPLACE' },
      WITH_ACL,
    ],
  },
  {
    operation: 'DeleteObject',
    accesses: [{ action: 's3:DeleteObject', on: 'object', keys: ['s3:versionid', EXISTING] }],
    note: 'With a version it is s3:DeleteObjectVersion, too: neither may be denied (portcullis, minio), one must be allowed (portcullis). So in portcullis with all actions that have one on versions.',
  },
  {
    operation: 'GetObjectTagging',
    accesses: [{ action: 's3:GetObjectTagging', on: 'object', keys: ['s3:versionid', EXISTING] }],
  },
  {
    operation: 'PutObjectTagging',
    accesses: [{ action: 's3:PutObjectTagging', on: 'object', keys: ['s3:versionid', EXISTING, ...TAGS] }],
  },
  {
    operation: 'DeleteObjectTagging',
    accesses: [{ action: 's3:DeleteObjectTagging', on: 'object', keys: ['s3:versionid', EXISTING] }],
  },
  {
    operation: 'GetObjectAcl',
    accesses: [{ action: 's3:GetObjectAcl', on: 'object', keys: ['s3:versionid', EXISTING] }],
  },
  {
    operation: 'PutObjectAcl',
    accesses: [{ action: 's3:PutObjectAcl', on: 'object', keys: ['s3:versionid', EXISTING] }],
  },
  onObject('GetObjectRetention', 's3:GetObjectRetention'),
  onObject('PutObjectRetention', 's3:PutObjectRetention'),
  onObject('GetObjectLegalHold', 's3:GetObjectLegalHold'),
  onObject('PutObjectLegalHold', 's3:PutObjectLegalHold'),
  // ---- uploads in parts
  upload('CreateMultipartUpload'),
  part('UploadPart'),
  {
    operation: 'UploadPartCopy',
    accesses: [
      { action: 's3:GetObject', on: 'source', keys: ['s3:versionid', EXISTING] },
      { action: 's3:PutObject', on: 'object', keys: ['s3:x-amz-copy-source'] },
    ],
  },
  part('CompleteMultipartUpload'),
  onObject('AbortMultipartUpload', 's3:AbortMultipartUpload'),
  onObject('ListParts', 's3:ListMultipartUploadParts'),
];

/** Condition keys that every request has, whatever it asks; and those that its headers bring. */
export const EVERY_REQUEST: readonly (readonly [key: string, from: string])[] = [
  ['aws:SourceIp', 'the address of the peer, or the one forwarded by proxies of --trusted-proxy'],
  ['aws:SecureTransport', 'whether it came over TLS (also as a trusted proxy says)'],
  ['aws:UserAgent, aws:Referer', 'the headers'],
  ['aws:CurrentTime, aws:EpochTime', "the sidecar's clock"],
  ['aws:username, aws:userid', 'the user whose rights it has; the credential itself in the dialects minio and juicefs'],
  [
    'aws:principaltype (aws: aws:PrincipalType)',
    'Anonymous, User, AssumedRole (service accounts and sessions), Account (root)',
  ],
  ['aws:groups', "the user's enabled groups"],
  ['s3:signatureversion', 'AWS4-HMAC-SHA256, AWS, or empty'],
  ['s3:authType', 'REST-HEADER, REST-QUERY-STRING, POST, or empty'],
  ['s3:signatureAge', 'milliseconds since a URL was signed'],
  ['s3:x-amz-content-sha256', 'what the signature covers as the hash of the payload'],
  ['s3:x-amz-acl, s3:x-amz-grant-*', 'the headers'],
  ['s3:x-amz-storage-class, s3:x-amz-metadata-directive', 'the headers'],
  ['s3:x-amz-server-side-encryption, -customer-algorithm, -aws-kms-key-id', 'the headers'],
  ['s3:object-lock-mode, -legal-hold, -retain-until-date, -remaining-retention-days', 'the x-amz-object-lock headers'],
  ['jwt:*, ldap:*', 'what an identity provider says of the owner of a session'],
];
