// Where multipart uploads lie: JuiceFS's layout, so that the Go gateway can finish what we began and the other way round.
//   single bucket:  /.sys/uploads/<u3>/<uploadId>/<partNumber>
//   many buckets:   /.sys/<bucket>/uploads/<u3>/<uploadId>/<partNumber>
// <u3> is the first three characters of the id. The directory of an upload carries its key, tags and metadata.
import { randomUUID } from 'node:crypto';
import type { ExistingFile, VolumePath } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { BucketName, ObjectKey } from '../s3/object-name.ts';
import type { OperationContext, S3Request } from '../s3/operation.ts';
import { bucketDirectory, bucketOf, keyOf, WORK_AREA } from './bucket-access.ts';
import { textXattr, UPLOAD_KEY_XATTR, UPLOAD_OWNER_XATTR } from './object-attributes.ts';
import { type Owner, ownerOfId } from './owner.ts';
import { asAnswer, isMissing } from './volume-errors.ts';

/** AWS: part numbers go from 1 to this. */
export const MAX_PARTS = 10_000;
/** AWS: fewest bytes of a part that is not the last. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;

/** The form of every upload id. What has another form names no upload, and no path. */
const UPLOAD_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PART_FILE = /^[1-9]\d{0,4}$/;
const GROUP_LENGTH = 3;

/** An upload that a request names. */
export interface UploadReference {
  readonly bucket: BucketName;
  readonly key: ObjectKey;
  readonly uploadId: string;
}

/** Reads bucket, key and uploadId. */
export function parseUploadReference(request: S3Request): UploadReference {
  return { bucket: bucketOf(request), key: keyOf(request), uploadId: request.query.get('uploadId') ?? '' };
}

/** Reads partNumber. Throws InvalidArgument. */
export function parsePartNumber(request: S3Request): number {
  const text = request.query.get('partNumber') ?? '';
  const number = Number(text);
  if (!PART_FILE.test(text) || number > MAX_PARTS) {
    throw new S3Error('InvalidArgument', `A part number is a whole number from 1 to ${MAX_PARTS}.`, {
      fields: { ArgumentName: 'partNumber', ArgumentValue: text },
    });
  }
  return number;
}

/** A new upload id. */
export function newUploadId(): string {
  return randomUUID();
}

export function isUploadId(text: string): boolean {
  return UPLOAD_ID.test(text);
}

/** The number of a part's file; undefined for other files in an upload's directory. */
export function partNumberOf(name: string): number | undefined {
  return PART_FILE.test(name) && Number(name) <= MAX_PARTS ? Number(name) : undefined;
}

/** The work area of a bucket. */
export function bucketWorkArea(context: OperationContext, bucket: BucketName): VolumePath {
  bucketDirectory(context, bucket);
  return context.features.multiBuckets ? [WORK_AREA, bucket] : [WORK_AREA];
}

/** The directory of all uploads of a bucket. */
export function uploadsDirectory(context: OperationContext, bucket: BucketName): VolumePath {
  return [...bucketWorkArea(context, bucket), 'uploads'];
}

/** The directory of an upload. Throws NoSuchUpload for an id of another form. */
export function uploadDirectory(context: OperationContext, bucket: BucketName, uploadId: string): VolumePath {
  if (!isUploadId(uploadId)) throw noSuchUpload(uploadId);
  return [...uploadsDirectory(context, bucket), uploadId.slice(0, GROUP_LENGTH), uploadId];
}

export interface FoundUpload extends ExistingFile {
  readonly path: VolumePath;
}

/**
 * The upload, if it exists and is for this very key: who may write one key must not reach an upload of another by its id.
 * Throws NoSuchUpload.
 */
export async function findUpload(context: OperationContext, reference: UploadReference): Promise<FoundUpload> {
  const path = uploadDirectory(context, reference.bucket, reference.uploadId);
  let existing: ExistingFile;
  try {
    existing = await context.volume.statWithXattrs(path);
  } catch (error) {
    throw isMissing(error) ? noSuchUpload(reference.uploadId, error) : asAnswer(error, 'upload');
  }
  if (textXattr(existing.xattrs, UPLOAD_KEY_XATTR) !== reference.key) throw noSuchUpload(reference.uploadId);
  return { ...existing, path };
}

/** Who began an upload; the account when that is not recorded. */
export function uploadOwner(xattrs: ReadonlyMap<string, Uint8Array>): Owner {
  const id = textXattr(xattrs, UPLOAD_OWNER_XATTR);
  return id === undefined ? '' : ownerOfId(id);
}

/** NoSuchUpload, naming it. */
export function noSuchUpload(uploadId: string, cause?: unknown): S3Error {
  return new S3Error('NoSuchUpload', undefined, { fields: { UploadId: uploadId }, cause });
}
