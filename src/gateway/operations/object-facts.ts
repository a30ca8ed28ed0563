// The facts of an object that policies may ask for: its tags.
import type { ExistingFile, Volume, VolumePath } from '../../juicefs/volume.ts';
import type { ObjectFacts } from '../s3/facts.ts';
import { granteesOf } from './object-acl.ts';
import { TAGS_XATTR, textXattr } from './object-attributes.ts';
import { parseStoredTags } from './tag-set.ts';
import { isMissing } from './volume-errors.ts';

const EXISTING_TAG = 's3:ExistingObjectTag/';
/** Asked by the sidecar itself: to whom the object's access control list grants a permission, or that there is no object. */
const NO_OBJECT = 'none';
const EXISTING_ACL = 's3:ExistingObjectAcl/';

/**
 * Reads the tags that condition keys (`s3:ExistingObjectTag/NAME`) name. They count whether or not this gateway has --object-tag:
 * a policy speaks of the object, not of the gateway.
 */
export async function readObjectFacts(
  volume: Pick<Volume, 'statWithXattrs'>,
  path: VolumePath,
  keys: readonly string[],
): Promise<ObjectFacts> {
  let existing: ExistingFile | undefined;
  try {
    existing = await volume.statWithXattrs(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const tags = new Map(
    parseStoredTags(existing === undefined ? undefined : textXattr(existing.xattrs, TAGS_XATTR)).map(
      ({ key, value }) => [key, value] as const,
    ),
  );
  const context: Record<string, readonly string[]> = {};
  for (const key of keys) {
    if (key.startsWith(EXISTING_ACL)) {
      context[key] = existing === undefined ? [NO_OBJECT] : granteesOf(existing.xattrs, key.slice(EXISTING_ACL.length));
      continue;
    }
    const value = key.startsWith(EXISTING_TAG) ? tags.get(key.slice(EXISTING_TAG.length)) : undefined;
    context[key] = value === undefined ? [] : [value];
  }
  return { inode: existing?.attributes.inode ?? null, context };
}
