// Finds what a path names. Symbolic links are followed within the volume only: a link that points out of it, or to
// nothing, is as if nothing were there.
import { VolumeError } from '../volume.ts';
import type { ChunkRow, Edge, MetaReader, Node, WalkBrings } from './engine.ts';
import { type FilesystemContext, MAY_SEARCH, requireAccess } from './filesystem-context.ts';
import { isTrash, TYPE_DIRECTORY, TYPE_SYMLINK } from './inode.ts';

/** Symbolic links followed on one path before it is called a loop. */
const MAX_LINKS = 40;

const SLASH = 0x2f;
const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');

/** Where a path leads, as far as it exists. */
export interface Resolution {
  /** The directory the rest of the path starts in, or that holds the last name. */
  readonly directory: bigint;
  /** The names that do not exist yet; empty when all of the path does. */
  readonly missing: readonly Uint8Array[];
  /** The last name, in `directory`; undefined for the root (and where a link ended in a directory). */
  readonly name: Uint8Array | undefined;
  /** What the path names; undefined when something is missing. */
  readonly edge: Edge | undefined;
  /** Its node, where the walk brought it along. */
  readonly node?: Node | undefined;
  /** What else of the node the walk was to bring, and did, as of the same moment. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
  readonly chunks?: readonly ChunkRow[] | undefined;
}

/** Follows a path. ENOTDIR when something on the way is no directory; ELOOP; EACCES. */
export async function resolve(
  fs: FilesystemContext,
  reader: MetaReader,
  names: readonly Uint8Array[],
  options: { readonly followLast: boolean; readonly brings?: WalkBrings },
): Promise<Resolution> {
  let links = 0;
  let directory = fs.root;
  let rest: readonly Uint8Array[] = names;
  while (rest.length > 0) {
    const [first] = rest;
    if (first === undefined) break;
    if (links > 0 && (DOT.equals(first) || DOT_DOT.equals(first))) {
      // Only a link's target has these; a path cannot.
      if (DOT_DOT.equals(first)) directory = await parentDirectory(fs, reader, directory);
      rest = rest.slice(1);
      continue;
    }
    const run = links > 0 ? untilDots(rest) : rest;
    const walk = await walkChecked(fs, reader, directory, run, options.brings);
    const { edge, consumed } = walk;
    if (walk.missing) {
      const at = edge?.inode ?? directory;
      const missing = rest.slice(consumed);
      // A '..' after a missing name leads nowhere.
      if (missing.some((name) => DOT.equals(name) || DOT_DOT.equals(name))) throw dangling();
      return { directory: at, missing, name: missing[missing.length - 1], edge: undefined };
    }
    if (edge === undefined) break;
    const last = consumed === rest.length;
    if (edge.type === TYPE_SYMLINK && (!last || options.followLast)) {
      if (++links > MAX_LINKS) throw new VolumeError('ELOOP', `more than ${MAX_LINKS} symbolic links on the path`);
      const target = linkTarget(fs, await reader.symlink(edge.inode));
      directory = target.absolute ? fs.root : walk.parent;
      rest = [...target.names, ...rest.slice(consumed)];
      continue;
    }
    if (last) {
      const { node, xattrs, chunks } = walk;
      return { directory: walk.parent, missing: [], name: rest[consumed - 1], edge, node, xattrs, chunks };
    }
    if (edge.type !== TYPE_DIRECTORY) throw new VolumeError('ENOTDIR', 'a component of the path is not a directory');
    directory = edge.inode;
    rest = rest.slice(consumed);
  }
  return { directory, missing: [], name: undefined, edge: { inode: directory, type: TYPE_DIRECTORY } };
}

/** The node at a path; ENOENT when there is none. */
export async function resolveNode(
  fs: FilesystemContext,
  reader: MetaReader,
  names: readonly Uint8Array[],
  options: { followLast: boolean } = { followLast: true },
): Promise<Node> {
  const found = await resolve(fs, reader, names, options);
  const node = found.node ?? (found.edge === undefined ? undefined : await reader.node(found.edge.inode));
  if (node === undefined) throw new VolumeError('ENOENT', 'no such file or directory');
  return node;
}

/** The node at a path, with what the engine brings along of it; ENOENT when there is none. */
export async function resolveWith(
  fs: FilesystemContext,
  reader: MetaReader,
  names: readonly Uint8Array[],
  brings: WalkBrings,
): Promise<{ readonly node: Node } & Pick<Resolution, 'xattrs' | 'chunks'>> {
  const { edge, node, xattrs, chunks } = await resolve(fs, reader, names, { followLast: true, brings });
  if (node !== undefined) return { node, xattrs, chunks };
  const found = edge === undefined ? undefined : await reader.node(edge.inode);
  if (found === undefined) throw new VolumeError('ENOENT', 'no such file or directory');
  return { node: found };
}

/** The directory at a path; ENOENT, ENOTDIR. */
export async function resolveDirectory(
  fs: FilesystemContext,
  reader: MetaReader,
  names: readonly Uint8Array[],
): Promise<Node> {
  const node = await resolveNode(fs, reader, names);
  if (node.type !== TYPE_DIRECTORY) throw new VolumeError('ENOTDIR', 'not a directory');
  return node;
}

/** The existing directory that holds (or would hold) the last name, and that name. EBUSY for the root itself. */
export async function resolveParent(
  fs: FilesystemContext,
  reader: MetaReader,
  names: readonly Uint8Array[],
): Promise<{ parent: Node; name: Uint8Array; edge: Edge | undefined }> {
  const name = names[names.length - 1];
  if (name === undefined) throw new VolumeError('EBUSY', 'the root of the volume cannot be changed this way');
  const parent = await resolveDirectory(fs, reader, names.slice(0, -1));
  requireAccess(fs, parent, MAY_SEARCH);
  return { parent, name, edge: await reader.edge(parent.inode, name) };
}

async function walkChecked(
  fs: FilesystemContext,
  reader: MetaReader,
  start: bigint,
  names: readonly Uint8Array[],
  brings: WalkBrings | undefined,
) {
  if (fs.options.uid === 0) return reader.walk(start, names, brings);
  // Every directory on the way must allow searching: one step at a time.
  let directory = start;
  let step = await reader.walk(directory, names.slice(0, 1));
  await requireSearch(fs, reader, directory);
  let consumed = step.consumed;
  while (!step.missing && step.edge?.type === TYPE_DIRECTORY && consumed < names.length) {
    directory = step.edge.inode;
    await requireSearch(fs, reader, directory);
    const next = await reader.walk(directory, names.slice(consumed, consumed + 1));
    consumed += next.consumed;
    step = next.missing ? { ...step, missing: true } : next;
  }
  return { ...step, consumed };
}

async function requireSearch(fs: FilesystemContext, reader: MetaReader, directory: bigint): Promise<void> {
  const node = await reader.node(directory);
  if (node !== undefined) requireAccess(fs, node, MAY_SEARCH);
}

async function parentDirectory(fs: FilesystemContext, reader: MetaReader, directory: bigint): Promise<bigint> {
  const node = directory === fs.root ? undefined : await reader.node(directory);
  if (node === undefined || isTrash(node.parent)) throw dangling();
  return node.parent;
}

function untilDots(names: readonly Uint8Array[]): readonly Uint8Array[] {
  const at = names.findIndex((name) => DOT.equals(name) || DOT_DOT.equals(name));
  return at < 0 ? names : names.slice(0, at);
}

/** A target's names. An absolute one counts only below the mount point, as which this volume is known. */
function linkTarget(fs: FilesystemContext, target: Uint8Array | undefined): { absolute: boolean; names: Buffer[] } {
  if (target === undefined || target.length === 0) throw dangling();
  let bytes = Buffer.from(target);
  const absolute = bytes[0] === SLASH;
  if (absolute) {
    const mountpoint = Buffer.from(`${fs.options.mountpoint.replace(/\/+$/, '')}/`);
    if (!bytes.subarray(0, mountpoint.length).equals(mountpoint)) throw dangling();
    bytes = bytes.subarray(mountpoint.length);
  }
  const names: Buffer[] = [];
  for (let from = 0; from <= bytes.length; ) {
    const slash = bytes.indexOf(SLASH, from);
    const to = slash < 0 ? bytes.length : slash;
    if (to > from) names.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return { absolute, names };
}

function dangling(): VolumeError {
  return new VolumeError('ENOENT', 'a symbolic link leads out of the volume or to nothing');
}
