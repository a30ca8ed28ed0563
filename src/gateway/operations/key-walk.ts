// The keys of a bucket in S3's order, as they stream out of the volume: a depth-first walk that holds one open directory a
// level, starts at the directory of the prefix and behind the marker, and descends only where it is told to.
import type { Attributes, DirectoryEntry, Volume, VolumePath } from '../../juicefs/volume.ts';
import { MAX_KEY_BYTES } from '../s3/object-name.ts';
import { HIDDEN_ROOT_NAMES } from './bucket-access.ts';
import { compareKeys } from './key-order.ts';
import { isDirectoryObject } from './object-attributes.ts';
import { isErrno, isMissing } from './volume-errors.ts';

/** A key that the walk came by; directories that it did not descend into (`descend`) come with their '/'. */
export interface WalkedKey {
  readonly key: string;
  readonly attributes: Attributes;
}

export interface KeyWalk {
  readonly volume: Volume;
  readonly bucketPath: VolumePath;
  readonly prefix: string;
  /** Only keys after this, bytewise; '' for all. */
  readonly after: string;
  /** Leave out the keys of directories (--hide-dir-object). */
  readonly hideDirectories: boolean;
  /** Whether to walk through a directory (its key, with '/'), or to hand out its key alone. */
  descend(directoryKey: string): boolean;
  /** Entries fetched in one round trip; a hint. */
  readonly pageSize: number;
  /** Ends the walk: many directories may go by without a key. */
  readonly signal: AbortSignal;
}

/** A directory that the walk is in. */
interface Level {
  /** '' for the bucket, else the directory's key with '/'. */
  readonly key: string;
  readonly attributes: Attributes | undefined;
  readonly entries: AsyncIterator<DirectoryEntry>;
  /** No entry came out of it, though it was read from its first. */
  empty: boolean;
}

/**
 * Walks. A directory that was put as an object is a key; one that holds nothing at all is too, as the Go gateway has it (it
 * could not be found and removed otherwise), but not when it is itself the prefix.
 */
export async function* walkKeys(walk: KeyWalk): AsyncGenerator<WalkedKey, void, void> {
  const start = startOf(walk.prefix);
  if (start === undefined || !mayHoldKeysAfter(walk.prefix, walk.after)) return;
  const path = [...walk.bucketPath, ...start.components];
  if (start.key !== '') {
    const attributes = await directoryAt(walk.volume, path);
    if (attributes === undefined) return;
    if (start.namePrefix === '' && isObjectKey(walk, start.key, attributes)) yield { key: start.key, attributes };
  }
  const stack: Level[] = [openLevel(walk, path, start.key, undefined, start.namePrefix)];
  try {
    for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
      walk.signal.throwIfAborted();
      const entry = await nextEntry(level);
      if (entry === undefined) {
        stack.pop();
        if (level.empty && level.attributes !== undefined && isEmptyKey(walk, level)) {
          yield { key: level.key, attributes: level.attributes };
        }
        continue;
      }
      level.empty = false;
      if (level.key === '' && HIDDEN_ROOT_NAMES.has(entry.name)) continue;
      const key = level.key + entry.name;
      if (entry.attributes.type !== 'directory') {
        if (compareKeys(key, walk.after) > 0) yield { key, attributes: entry.attributes };
        continue;
      }
      const directoryKey = `${key}/`;
      if (!mayHoldKeysAfter(directoryKey, walk.after) || Buffer.byteLength(directoryKey) > MAX_KEY_BYTES) continue;
      if (!walk.descend(directoryKey)) {
        yield { key: directoryKey, attributes: entry.attributes };
        continue;
      }
      // a symbolic link back to a directory that the walk is in names nothing new, for ever
      if (stack.some(({ attributes }) => attributes?.inode === entry.attributes.inode)) continue;
      if (isObjectKey(walk, directoryKey, entry.attributes)) yield { key: directoryKey, attributes: entry.attributes };
      const childPath = [...walk.bucketPath, ...directoryKey.slice(0, -1).split('/')];
      stack.push(openLevel(walk, childPath, directoryKey, entry.attributes, ''));
    }
  } finally {
    for (const { entries } of stack) await entries.return?.();
  }
}

/** Where a prefix begins: its directory, and the beginning of the names in it. Undefined when no key can begin so. */
function startOf(prefix: string): { components: readonly string[]; key: string; namePrefix: string } | undefined {
  const slash = prefix.lastIndexOf('/');
  const key = prefix.slice(0, slash + 1);
  const namePrefix = prefix.slice(slash + 1);
  const components = key === '' ? [] : key.slice(0, -1).split('/');
  const possible =
    Buffer.byteLength(prefix) <= MAX_KEY_BYTES &&
    prefix.isWellFormed() &&
    !prefix.includes('\0') &&
    !HIDDEN_ROOT_NAMES.has(components[0] ?? '') &&
    components.every((part) => part !== '' && part !== '.' && part !== '..');
  return possible ? { components, key, namePrefix } : undefined;
}

async function directoryAt(volume: Volume, path: VolumePath): Promise<Attributes | undefined> {
  try {
    const attributes = await volume.stat(path);
    return attributes.type === 'directory' ? attributes : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function openLevel(
  walk: KeyWalk,
  path: VolumePath,
  key: string,
  attributes: Attributes | undefined,
  namePrefix: string,
): Level {
  const after = afterWithin(key, walk.after);
  const entries = walk.volume.list(path, {
    pageSize: walk.pageSize,
    ...(namePrefix === '' ? {} : { prefix: namePrefix }),
    ...(after === '' ? {} : { after }),
  });
  return { key, attributes, entries: entries[Symbol.asyncIterator](), empty: after === '' };
}

/**
 * The next entry; undefined at the end, also of a directory that was removed while it was read, or that the file system does
 * not let the gateway read: one such directory should not hide the bucket.
 */
async function nextEntry(level: Level): Promise<DirectoryEntry | undefined> {
  try {
    const result = await level.entries.next();
    return result.done ? undefined : result.value;
  } catch (error) {
    if (!isMissing(error) && !isErrno(error, 'EACCES')) throw error;
    level.empty = false;
    return undefined;
  }
}

/** Where in a directory to begin, so that keys up to `after` are mostly passed by: the sort key to list after. */
function afterWithin(directoryKey: string, after: string): string {
  if (!after.startsWith(directoryKey)) return '';
  const rest = after.slice(directoryKey.length);
  const slash = rest.indexOf('/');
  // the directory 'name/' itself may hold keys after the marker, and comes after the sort key 'name'
  return slash < 0 ? rest : rest.slice(0, slash);
}

function mayHoldKeysAfter(directoryKey: string, after: string): boolean {
  return compareKeys(directoryKey, after) > 0 || after.startsWith(directoryKey);
}

function isObjectKey(walk: KeyWalk, key: string, attributes: Attributes): boolean {
  return !walk.hideDirectories && isDirectoryObject(attributes.atimeNs) && compareKeys(key, walk.after) > 0;
}

/** An empty directory that is not a directory object was not handed out yet. */
function isEmptyKey(walk: KeyWalk, level: Level): boolean {
  const handedOut = level.attributes !== undefined && isDirectoryObject(level.attributes.atimeNs);
  return !walk.hideDirectories && !handedOut && compareKeys(level.key, walk.after) > 0;
}
