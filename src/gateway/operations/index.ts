// The operation table: every S3 operation that is served. Sub-resources that are in no row are answered by dispatch.
import type { Operation } from '../s3/operation.ts';
import { abortMultipartUpload } from './abort-multipart-upload.ts';
import { bucketDocuments } from './bucket-documents.ts';
import { bucketSubResources } from './bucket-sub-resources.ts';
import { completeMultipartUpload } from './complete-multipart-upload.ts';
import { copyObject } from './copy-object.ts';
import { createBucket } from './create-bucket.ts';
import { createMultipartUpload } from './create-multipart-upload.ts';
import { deleteBucket } from './delete-bucket.ts';
import { deleteBucketPolicy } from './delete-bucket-policy.ts';
import { deleteObject } from './delete-object.ts';
import { deleteObjectTagging } from './delete-object-tagging.ts';
import { deleteObjects } from './delete-objects.ts';
import { getBucketAcl } from './get-bucket-acl.ts';
import { getBucketLocation } from './get-bucket-location.ts';
import { getBucketPolicy } from './get-bucket-policy.ts';
import { getBucketPolicyStatus } from './get-bucket-policy-status.ts';
import { getObject } from './get-object.ts';
import { getObjectAcl } from './get-object-acl.ts';
import { getObjectAttributes } from './get-object-attributes.ts';
import { getObjectTagging } from './get-object-tagging.ts';
import { headBucket } from './head-bucket.ts';
import { headObject } from './head-object.ts';
import { listBuckets } from './list-buckets.ts';
import { listMultipartUploads } from './list-multipart-uploads.ts';
import { listObjectVersions } from './list-object-versions.ts';
import { listObjects } from './list-objects.ts';
import { listObjectsV2 } from './list-objects-v2.ts';
import { listParts } from './list-parts.ts';
import { objectLockOperations } from './object-lock.ts';
import {
  deleteBucketOwnershipControls,
  getBucketOwnershipControls,
  putBucketOwnershipControls,
} from './ownership-controls.ts';
import { postObject } from './post-object.ts';
import { deletePublicAccessBlock, getPublicAccessBlock, putPublicAccessBlock } from './public-access-block.ts';
import { putBucketAcl } from './put-bucket-acl.ts';
import { putBucketPolicy } from './put-bucket-policy.ts';
import { putObject } from './put-object.ts';
import { putObjectAcl } from './put-object-acl.ts';
import { putObjectTagging } from './put-object-tagging.ts';
import { uploadPart } from './upload-part.ts';
import { uploadPartCopy } from './upload-part-copy.ts';

/** What dispatch chooses from. The inputs differ; each row keeps its own together. */
export const OPERATIONS: readonly Operation<unknown>[] = [
  abortMultipartUpload,
  ...bucketDocuments,
  ...bucketSubResources,
  ...objectLockOperations,
  completeMultipartUpload,
  copyObject,
  createBucket,
  createMultipartUpload,
  deleteBucket,
  deleteBucketOwnershipControls,
  deleteBucketPolicy,
  deleteObject,
  deleteObjectTagging,
  deleteObjects,
  deletePublicAccessBlock,
  getPublicAccessBlock,
  putPublicAccessBlock,
  getBucketAcl,
  getBucketLocation,
  getBucketOwnershipControls,
  getBucketPolicy,
  getBucketPolicyStatus,
  getObject,
  getObjectAcl,
  getObjectAttributes,
  getObjectTagging,
  headBucket,
  headObject,
  listBuckets,
  listMultipartUploads,
  listObjectVersions,
  listObjects,
  listObjectsV2,
  listParts,
  postObject,
  putBucketAcl,
  putBucketOwnershipControls,
  putBucketPolicy,
  putObject,
  putObjectAcl,
  putObjectTagging,
  uploadPart,
  uploadPartCopy,
];
