// The parts of an upload, as they lie in its directory.
import type { Attributes } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { OperationContext } from '../s3/operation.ts';
import { type FoundUpload, findUpload, noSuchUpload, partNumberOf, type UploadReference } from './multipart-upload.ts';
import { ETAG_XATTR, textXattr } from './object-attributes.ts';
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

/** The ETags of parts, in order; undefined where none is recorded. */
export async function partEtags(
  context: OperationContext,
  parts: readonly UploadedPart[],
): Promise<readonly (string | undefined)[]> {
  if (parts.length === 0) return [];
  const xattrs = await context.volume.xattrsOf(parts.map(({ attributes }) => attributes.inode));
  return parts.map((_, i) => textXattr(xattrs[i] ?? new Map(), ETAG_XATTR));
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
