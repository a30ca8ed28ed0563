// Makes a file exist at a path in one transaction: missing parents, node, chunks, slice references, extended attributes,
// entry, and the removal of what stood there. It leaves the rows that the Go client leaves by create, write and rename.

import type { SliceRecord } from '../chunk/slice-record.ts';
import { encodeRecords } from '../chunk/slice-record.ts';
import { type CommitGuard, type ExistingFile, VolumeError } from '../volume.ts';
import { toAttributes } from './attributes.ts';
import type { Change } from './change.ts';
import type { Edge, MetaReader, Node } from './engine.ts';
import { holdParent, insertEntry, newNode, requireMayAdd, requireMayRemove, touchParent } from './entry-rules.ts';
import type { FilesystemContext } from './filesystem-context.ts';
import { TYPE_DIRECTORY, TYPE_FILE } from './inode.ts';
import { makeDirectories } from './make-directories.ts';
import { foreseeEntry, removeEntry } from './removal.ts';
import { resolveNode } from './resolve.ts';

/** A slice that was uploaded for the new file. */
export interface NewSlice extends SliceRecord {
  readonly chunkIndex: number;
}

export interface FileContent {
  readonly length: number;
  /** When the last byte was written. */
  readonly mtimeNs: bigint;
  /** Slices in order of position; those that nobody refers to yet get a reference row, the others one more reference. */
  readonly slices: readonly NewSlice[];
  readonly shared: boolean;
}

export interface FileCommit {
  readonly mode: number;
  readonly skipTrash: boolean;
  /** Of the path's first names, which are not made when they are missing. */
  readonly existingParents: number;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly guard: CommitGuard | undefined;
}

/** Puts a file at a path; `ids` are unused inode numbers, one for the file and one for each directory that may be missing. */
export async function commitFile(
  change: Change,
  names: readonly Uint8Array[],
  content: FileContent,
  commit: FileCommit,
  ids: bigint[],
): Promise<Node> {
  const name = names[names.length - 1];
  if (name === undefined) throw new VolumeError('EISDIR', 'the root of the volume is a directory');
  await foreseeEntry(change, names);
  const parent = await holdParent(
    change,
    await makeDirectories(change, names.slice(0, -1), 0o777, ids, commit.existingParents),
    0,
  );
  const existing = await change.tx.edge(parent.inode, name);
  if (existing?.type === TYPE_DIRECTORY) throw new VolumeError('EISDIR', 'a directory stands at the path');
  requireMayAdd(change, parent, name, names);
  if (commit.guard !== undefined) commit.guard(await existingFile(change.fs, change.tx, names, existing));
  if (existing !== undefined) {
    requireMayRemove(change, parent, name);
    await removeEntry(change, parent, name, existing, commit);
  }
  const node = await newNode(change, parent, takeId(ids), TYPE_FILE, commit.mode);
  node.length = content.length;
  node.mtimeNs = content.mtimeNs;
  await insertEntry(change, parent, name, node);
  await writeSlices(change, node.inode, content);
  for (const [key, value] of commit.xattrs) await change.tx.setXattr(node.inode, key, value);
  await touchParent(change, parent, 0);
  return node;
}

/** What a guard is shown: the file a reader of the path would get, or nothing. */
export async function existingFile(
  fs: FilesystemContext,
  reader: MetaReader,
  names: readonly Uint8Array[],
  edge: Edge | undefined,
): Promise<ExistingFile | undefined> {
  if (edge === undefined) return undefined;
  let node: Node;
  try {
    node = await resolveNode(fs, reader, names);
  } catch (error) {
    if (error instanceof VolumeError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const [xattrs] = await reader.xattrs([node.inode]);
  return { attributes: toAttributes(node), xattrs: xattrs ?? new Map() };
}

async function writeSlices(change: Change, inode: bigint, content: FileContent): Promise<void> {
  const chunks = new Map<number, NewSlice[]>();
  const references = new Map<bigint, { size: number; count: number }>();
  for (const slice of content.slices) {
    const chunk = chunks.get(slice.chunkIndex);
    if (chunk === undefined) chunks.set(slice.chunkIndex, [slice]);
    else chunk.push(slice);
    const reference = references.get(slice.id) ?? { size: slice.size, count: 0 };
    reference.count += 1;
    references.set(slice.id, reference);
  }
  for (const [index, slices] of chunks) await change.tx.appendSlices(inode, index, encodeRecords(slices));
  for (const [id, { size, count }] of references) {
    if (content.shared) await change.tx.addSliceRefs(id, size, count);
    else await change.tx.insertSliceRef(id, size);
  }
}

function takeId(ids: bigint[]): bigint {
  const id = ids.pop();
  if (id === undefined) throw new Error('too few inode numbers were reserved for the transaction');
  return id;
}
