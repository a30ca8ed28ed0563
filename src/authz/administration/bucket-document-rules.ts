// Who may change which configuration of a bucket, and how a document is judged before it is stored.
import type { BucketDocumentName } from '../store/bucket-documents.ts';
import { setBucketAcl } from './bucket-access-control.ts';
import { setBucketDocument } from './bucket-documents.ts';
import { setBucketPolicy } from './bucket-policies.ts';
import type { Command, Rules } from './command.ts';

export interface BucketDocumentRule {
  /** The actions that set and remove it. */
  readonly put: string;
  readonly remove: string;
  /** Largest document, bytes. */
  readonly maxBytes: number;
  /**
   * The document is the payload that the client signed, byte for byte: then a signature that covers a hash must cover this one's.
   * Not so where the gateway writes the document itself, out of headers or with names filled in.
   */
  readonly isPayload: boolean;
  /** It tells of the bucket's objects: the action is asked for the object that makes it so. */
  readonly ofObject?: boolean;
  /** Makes the change; refuses a document that is wrong (AdminRefusal). '' removes. Absent: any text will do. */
  readonly set?: (rules: Rules, bucket: string, text: string, nowMs: number) => Command;
}

const KIB = 1024;
/** S3: largest bucket configuration in XML that any client sends; lifecycle rules are the largest. */
const MAX_XML_BYTES = 256 * KIB;

function xml(put: string, remove = put): BucketDocumentRule {
  return { put, remove, maxBytes: MAX_XML_BYTES, isPayload: false };
}

/** A row a document. */
export const BUCKET_DOCUMENT_RULES: Readonly<Record<BucketDocumentName, BucketDocumentRule>> = {
  policy: {
    put: 's3:PutBucketPolicy',
    remove: 's3:DeleteBucketPolicy',
    maxBytes: 20 * KIB,
    isPayload: true,
    set: setBucketPolicy,
  },
  notification: xml('s3:PutBucketNotification'),
  lifecycle: xml('s3:PutLifecycleConfiguration'),
  objectLock: xml('s3:PutBucketObjectLockConfiguration'),
  versioning: xml('s3:PutBucketVersioning'),
  encryption: xml('s3:PutEncryptionConfiguration'),
  tagging: xml('s3:PutBucketTagging'),
  quota: xml('admin:SetBucketQuota'),
  replication: xml('s3:PutReplicationConfiguration'),
  // written when the bucket is made; nobody asks for them otherwise
  owner: xml('admin:*'),
  location: xml('admin:*'),
  acl: { ...xml('s3:PutBucketAcl'), set: setBucketAcl },
  objectAcl: { ...xml('s3:PutObjectAcl', 's3:PutBucketAcl'), ofObject: true },
  cors: xml('s3:PutBucketCORS'),
  logging: xml('s3:PutBucketLogging'),
  ownershipControls: xml('s3:PutBucketOwnershipControls'),
  publicAccessBlock: xml('s3:PutBucketPublicAccessBlock'),
  requestPayment: xml('s3:PutBucketRequestPayment'),
  website: xml('s3:PutBucketWebsite', 's3:DeleteBucketWebsite'),
};

/** The change that sets or ('') removes a document. Throws AdminRefusal. */
export function bucketDocumentChange(
  rules: Rules,
  bucket: string,
  name: BucketDocumentName,
  text: string,
  nowMs: number,
): Command {
  const set = BUCKET_DOCUMENT_RULES[name].set;
  return set === undefined ? setBucketDocument(bucket, name, text, nowMs) : set(rules, bucket, text, nowMs);
}
