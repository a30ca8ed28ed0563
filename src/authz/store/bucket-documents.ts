// The configuration documents of a bucket, by name: which there are, and which of them `juicefs gateway` has a field for. A new kind
// of document is a new row here; every store keeps it from then on.

/**
 * Name of a document → its field in `.metadata.bin`; undefined where the Go gateway has none (the volume keeps those below
 * /.minio.sys/portcullis/buckets, tied to the bucket's creation time). A document is UTF-8 text, XML or JSON as S3 has it.
 */
const FIELDS = {
  policy: 'PolicyConfigJSON',
  notification: 'NotificationConfigXML',
  lifecycle: 'LifecycleConfigXML',
  objectLock: 'ObjectLockConfigXML',
  versioning: 'VersioningConfigXML',
  encryption: 'EncryptionConfigXML',
  tagging: 'TaggingConfigXML',
  quota: 'QuotaConfigJSON',
  replication: 'ReplicationConfigXML',
  owner: undefined,
  location: undefined,
  acl: undefined,
  objectAcl: undefined,
  cors: undefined,
  logging: undefined,
  ownershipControls: undefined,
  publicAccessBlock: undefined,
  requestPayment: undefined,
  website: undefined,
} as const satisfies Readonly<Record<string, string | undefined>>;

export type BucketDocumentName = keyof typeof FIELDS;

export const BUCKET_DOCUMENT_NAMES = Object.keys(FIELDS) as readonly BucketDocumentName[];

/** The field of a document in `.metadata.bin`; undefined when the Go gateway knows no such document. */
export function metadataField(name: BucketDocumentName): string | undefined {
  return FIELDS[name];
}

export function isBucketDocumentName(name: string): name is BucketDocumentName {
  return Object.hasOwn(FIELDS, name);
}
