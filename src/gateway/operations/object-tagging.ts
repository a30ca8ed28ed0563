// What the three tagging operations of an object share: whom they speak of, and that tags are enabled at all.
import { S3Error } from '../s3/errors.ts';
import type { Grant, OperationContext, Question, S3Request } from '../s3/operation.ts';
import { bucketOf, keyOf } from './bucket-access.ts';
import { TAGS_XATTR } from './object-attributes.ts';
import { findObject, type ObjectReference, versionContext } from './object-lookup.ts';
import { answering } from './volume-errors.ts';

/** The object that a tagging request names. */
export function parseTaggedObject(request: S3Request): ObjectReference {
  return { bucket: bucketOf(request), key: keyOf(request), versionId: request.query.get('versionId') };
}

/** The question of a tagging request. */
export function taggingQuestion(
  action: string,
  { bucket, key, versionId }: ObjectReference,
  context: Question['context'] = {},
): [Question] {
  return [{ action, bucket, key, context: { ...versionContext(versionId), ...context } }];
}

/** Throws NotImplemented without --object-tag. */
export function requireTagging(context: OperationContext): void {
  if (!context.features.objectTag) {
    throw new S3Error('NotImplemented', 'Object tags are not enabled. The gateway needs --object-tag.');
  }
}

/** Sets the stored tags of the very object that was found, or removes them. */
export async function storeTags(
  grant: Grant<ObjectReference>,
  context: OperationContext,
  text: string | undefined,
): Promise<void> {
  const found = await findObject(grant, context, grant.input);
  const xattrs = new Map([[TAGS_XATTR, text === undefined || text === '' ? undefined : Buffer.from(text)]]);
  await answering('object', () =>
    context.volume.setXattrs(found.path, xattrs, { expectInode: found.attributes.inode }),
  );
}
