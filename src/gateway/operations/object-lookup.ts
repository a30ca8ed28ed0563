// Finding the object that a read, a copy or a tagging request names, and saying what is not there only to those who may know.
import type { ExistingFile, OpenedFile, VolumePath } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { BucketName, ObjectKey } from '../s3/object-name.ts';
import type { Grant, OperationContext } from '../s3/operation.ts';
import { objectPlace, requireBucket } from './bucket-access.ts';
import { isObject } from './object-attributes.ts';
import { asAnswer, isMissing } from './volume-errors.ts';

/** S3: the version of an object in a bucket that never had versions. */
export const NULL_VERSION = 'null';

export interface FoundObject extends ExistingFile {
  readonly path: VolumePath;
}

/** What of a grant finding an object needs. */
export type Asker = Pick<Grant<unknown>, 'refusalsOf' | 'decided'>;

/** An object, and the version of it that was named, if one was. */
export interface ObjectReference {
  readonly bucket: BucketName;
  readonly key: ObjectKey;
  readonly versionId?: string | undefined;
}

/**
 * The object, and the very one that was decided on. Throws NoSuchBucket; NoSuchKey or NoSuchVersion to those who may list the key,
 * AccessDenied to others; StaleDecision.
 */
export async function findObject(
  asker: Asker,
  context: OperationContext,
  reference: ObjectReference,
): Promise<FoundObject> {
  const path = objectPlace(context, reference.bucket, reference.key);
  const existing = await unlessMissing(context.volume.statWithXattrs(path));
  if (isTheObject(asker, context, reference, existing)) return { ...existing, path };
  throw await missingObject(asker, context, reference);
}

/** As `findObject`, and the very object open; its reader is to be closed. */
export async function openObject(
  asker: Asker,
  context: OperationContext,
  reference: ObjectReference,
): Promise<FoundObject & OpenedFile> {
  const path = objectPlace(context, reference.bucket, reference.key);
  const opened = await unlessMissing(context.volume.openWithXattrs(path));
  try {
    if (isTheObject(asker, context, reference, opened)) return { ...opened, path };
    throw await missingObject(asker, context, reference);
  } catch (error) {
    await opened?.reader?.close();
    throw error;
  }
}

/** Undefined for what is not there. */
async function unlessMissing<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (!isMissing(error)) throw asAnswer(error, 'object');
    return undefined;
  }
}

/** Whether what stands at the place of a reference is the object that is meant. Throws StaleDecision when another was decided on. */
function isTheObject<T extends ExistingFile>(
  { decided }: Asker,
  { features }: OperationContext,
  { bucket, key, versionId }: ObjectReference,
  existing: T | undefined,
): existing is T {
  decided.require(bucket, key, existing?.attributes.inode);
  return existing !== undefined && isObject(existing, key, features) && isNullVersion(versionId);
}

/** What to say of an object that is not there. */
export async function missingObject(
  asker: Asker,
  context: OperationContext,
  reference: ObjectReference,
): Promise<S3Error> {
  const { bucket, key, versionId } = reference;
  await requireBucket(context, bucket);
  const question = { action: 's3:ListBucket', bucket, context: { 's3:prefix': [key] } };
  const refusals = await asker.refusalsOf([question]);
  if (refusals.length !== 1 || refusals[0] !== undefined) return refusals[0] ?? new S3Error('AccessDenied');
  return isNullVersion(versionId)
    ? new S3Error('NoSuchKey')
    : new S3Error('NoSuchVersion', undefined, { fields: { VersionId: versionId ?? '' } });
}

/** True when the version that exists is meant: none named, or 'null'. */
export function isNullVersion(versionId: string | undefined): boolean {
  return versionId === undefined || versionId === '' || versionId === NULL_VERSION;
}

/** S3: version ids are no longer than that. */
const MAX_VERSION_ID_BYTES = 1024;

/** The condition key of a version that was named. Throws InvalidArgument for what can be no version's id. */
export function versionContext(versionId: string | undefined): Readonly<Record<string, readonly string[]>> {
  if (versionId === undefined) return {};
  if (Buffer.byteLength(versionId) > MAX_VERSION_ID_BYTES) {
    throw new S3Error('InvalidArgument', 'Invalid version id specified', { fields: { ArgumentName: 'versionId' } });
  }
  return { 's3:versionid': [versionId] };
}
