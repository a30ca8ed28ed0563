// The parts of an upload, as they lie in its directory.
import type { Attributes } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { OperationContext, PayloadDigests } from '../s3/operation.ts';
import { type FoundUpload, findUpload, noSuchUpload, partNumberOf, type UploadReference } from './multipart-upload.ts';
import { ETAG_XATTR, textXattr } from './object-attributes.ts';
import { CHECKSUM_XATTR, checksumXattr, type ObjectChecksum, storedChecksum } from './object-checksum.ts';
import { isMissing } from './volume-errors.ts';

export interface UploadedPart {
  readonly number: number;
  readonly attributes: Attributes;
}

/** All parts, by number. At most MAX_PARTS. Throws NoSuchUpload when the upload vanishes meanwhile. */
export async function uploadedParts(
  context: OperationContext,
  upload: FoundUpload,
  uploadId: string,
): Promise<readonly UploadedPart[]> {
  const parts: UploadedPart[] = [];
  try {
    for await (const { name, attributes } of context.volume.list(upload.path)) {
      const number = partNumberOf(name);
      if (number !== undefined && attributes.type === 'file') parts.push({ number, attributes });
    }
  } catch (error) {
    throw isMissing(error) ? noSuchUpload(uploadId, error) : error;
  }
  return parts.sort((a, b) => a.number - b.number);
}

/** What is recorded of a part's bytes. */
export interface PartDigests {
  readonly etag: string | undefined;
  readonly checksum: ObjectChecksum | undefined;
}

/** The digests of parts, in order. */
export async function partDigests(
  context: OperationContext,
  parts: readonly UploadedPart[],
): Promise<readonly PartDigests[]> {
  if (parts.length === 0) return [];
  const xattrs = await context.volume.xattrsOf(parts.map(({ attributes }) => attributes.inode));
  return parts.map((_, i) => {
    const own = xattrs[i] ?? new Map();
    return { etag: textXattr(own, ETAG_XATTR), checksum: storedChecksum(own) };
  });
}

/** What a part carries. */
export function partXattrs(md5Hex: string, checksum: PayloadDigests['checksum']): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>([[ETAG_XATTR, Buffer.from(md5Hex)]]);
  if (checksum !== undefined) xattrs.set(CHECKSUM_XATTR, checksumXattr({ ...checksum, type: 'FULL_OBJECT' }));
  return xattrs;
}

/**
 * After a part was written: a commit makes missing directories, so a part that arrives while its upload is aborted or
 * completed would bring the directory back. It is taken away again. Throws NoSuchUpload.
 */
export async function requireUploadStill(
  context: OperationContext,
  reference: UploadReference,
  upload: FoundUpload,
): Promise<void> {
  try {
    await findUpload(context, reference);
  } catch (error) {
    if (error instanceof S3Error && error.code === 'NoSuchUpload') {
      await context.volume.removeTree(upload.path, { skipTrash: true });
    }
    throw error;
  }
}
