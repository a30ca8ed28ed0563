// Where a bucket lies, whether it exists, and whether it may be changed. Every handler passes through here first.
import type { Attributes, VolumePath } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { BucketName, ObjectKey } from '../s3/object-name.ts';
import type { OperationContext } from '../s3/operation.ts';
import { isMissing } from './volume-errors.ts';

/** JuiceFS: the gateway's work area in the root of the volume (uploads, temporary files). */
export const WORK_AREA = '.sys';
/** JuiceFS: identities and bucket configuration in the root of the volume. */
export const CONFIGURATION_AREA = '.minio.sys';
/** Names in a bucket's root that are never keys: neither listed nor reachable. */
export const HIDDEN_ROOT_NAMES: ReadonlySet<string> = new Set([WORK_AREA, CONFIGURATION_AREA, '.trash']);

/** The bucket's directory. Throws NoSuchBucket for another name than the one bucket of single-bucket mode. */
export function bucketDirectory(context: OperationContext, bucket: BucketName): VolumePath {
  const { multiBuckets, singleBucket } = context.features;
  if (!multiBuckets && bucket !== singleBucket) throw new S3Error('NoSuchBucket');
  return context.bucketPath(bucket);
}

/** The place of an object. Throws as `bucketDirectory`. */
export function objectPlace(context: OperationContext, bucket: BucketName, key: ObjectKey): VolumePath {
  bucketDirectory(context, bucket);
  return context.objectPath(bucket, key);
}

/** Attributes of the bucket's directory. Throws NoSuchBucket. */
export async function requireBucket(context: OperationContext, bucket: BucketName): Promise<Attributes> {
  const path = bucketDirectory(context, bucket);
  let attributes: Attributes;
  try {
    attributes = await context.volume.stat(path);
  } catch (error) {
    throw isMissing(error) ? new S3Error('NoSuchBucket', undefined, { cause: error }) : error;
  }
  if (attributes.type !== 'directory') throw new S3Error('NoSuchBucket');
  return attributes;
}

/** Throws AccessDenied when the gateway or its volume is read-only. Called before a body is read. */
export function requireWritable(context: OperationContext): void {
  if (context.features.readOnly || context.volume.readOnly) {
    throw new S3Error('AccessDenied', 'The gateway is read-only.');
  }
}

/** The bucket of a request that `match.target` says has one. */
export function bucketOf(request: { readonly bucket: BucketName | undefined }): BucketName {
  if (request.bucket === undefined) throw new S3Error('InvalidBucketName');
  return request.bucket;
}

/** The key of a request that `match.target` says has one. */
export function keyOf(request: { readonly key: ObjectKey | undefined }): ObjectKey {
  if (request.key === undefined) throw new S3Error('XMinioInvalidObjectName');
  return request.key;
}
