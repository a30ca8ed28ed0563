// What portcullis knows beyond minio: the actions that the gateway asks for and MinIO has none of, under AWS's names, and the condition
// keys on access control lists. Data. AWS: "Actions, resources, and condition keys for Amazon S3".
import type { ActionTable } from './dialect.ts';

const ACL_KEYS = [
  's3:x-amz-acl',
  's3:x-amz-grant-full-control',
  's3:x-amz-grant-read',
  's3:x-amz-grant-read-acp',
  's3:x-amz-grant-write',
  's3:x-amz-grant-write-acp',
];
const TAG = 's3:ExistingObjectTag';

/** Further actions, and further keys of those that are known. */
export const PORTCULLIS_ACTIONS: ActionTable = {
  's3:CreateBucket': ACL_KEYS,
  's3:DeleteBucketWebsite': [],
  's3:DeleteObject': [TAG],
  's3:DeleteObjectVersion': [TAG],
  's3:GetAccelerateConfiguration': [],
  's3:GetAnalyticsConfiguration': [],
  's3:GetBucketAcl': [],
  's3:GetBucketCORS': [],
  's3:GetBucketLogging': [],
  's3:GetBucketOwnershipControls': [],
  's3:GetBucketPublicAccessBlock': [],
  's3:GetBucketRequestPayment': [],
  's3:GetBucketWebsite': [],
  's3:GetIntelligentTieringConfiguration': [],
  's3:GetMetricsConfiguration': [],
  's3:GetObjectAcl': ['s3:versionid', TAG],
  's3:GetObjectTorrent': [],
  's3:GetObjectVersionAcl': ['s3:versionid', TAG],
  's3:PutAccelerateConfiguration': [],
  's3:PutAnalyticsConfiguration': [],
  's3:PutBucketAcl': ACL_KEYS,
  's3:PutBucketCORS': [],
  's3:PutBucketLogging': [],
  's3:PutBucketOwnershipControls': [],
  's3:PutBucketPublicAccessBlock': [],
  's3:PutBucketRequestPayment': [],
  's3:PutBucketWebsite': [],
  's3:PutIntelligentTieringConfiguration': [],
  's3:PutMetricsConfiguration': [],
  's3:PutObject': [...ACL_KEYS, 's3:object-lock-remaining-retention-days'],
  's3:PutObjectAcl': [...ACL_KEYS, 's3:versionid', TAG],
  's3:PutObjectVersionAcl': [...ACL_KEYS, 's3:versionid', TAG],
};
