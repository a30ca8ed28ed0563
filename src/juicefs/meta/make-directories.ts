// Makes directories: one that must be new, or a whole path of which some may exist.
import { VolumeError } from '../volume.ts';
import type { Change } from './change.ts';
import { MetaConflict, type Node } from './engine.ts';
import { holdParent, insertEntry, newNode, requireMayAdd, touchParent } from './entry-rules.ts';
import { TYPE_DIRECTORY } from './inode.ts';
import { resolve, resolveParent } from './resolve.ts';

/**
 * The directory at a path, made with its missing parents, but for the first `existing` names: ENOENT when one of them is missing. Uses
 * one of `ids` for each directory made.
 */
export async function makeDirectories(
  change: Change,
  names: readonly Uint8Array[],
  mode: number,
  ids: bigint[],
  existing = 0,
): Promise<Node> {
  const found = await resolve(change.fs, change.tx, names, { followLast: true });
  if (found.edge !== undefined) {
    const node = found.node ?? (await change.tx.node(found.edge.inode));
    if (node === undefined) throw new MetaConflict('the directory was removed');
    if (node.type !== TYPE_DIRECTORY) throw new VolumeError('ENOTDIR', 'a component of the path is not a directory');
    return node;
  }
  if (found.missing.length > names.length - existing)
    throw new VolumeError('ENOENT', 'a directory on the path is missing');
  let parent = await change.tx.node(found.directory);
  if (parent === undefined) throw new MetaConflict('the parent directory was removed');
  for (const name of found.missing) parent = await makeDirectory(change, parent, name, mode, ids, names);
  return parent;
}

/** A new directory at a path; EEXIST when anything stands there. */
export async function makeNewDirectory(
  change: Change,
  names: readonly Uint8Array[],
  mode: number,
  ids: bigint[],
): Promise<Node> {
  if (names.length === 0) throw new VolumeError('EEXIST', 'the root of the volume exists');
  const { parent, name, edge } = await resolveParent(change.fs, change.tx, names);
  if (edge !== undefined) throw new VolumeError('EEXIST', 'something stands at the path already');
  return makeDirectory(change, parent, name, mode, ids, names);
}

async function makeDirectory(
  change: Change,
  parent: Node,
  name: Uint8Array,
  mode: number,
  ids: bigint[],
  path: readonly Uint8Array[],
): Promise<Node> {
  const held = await holdParent(change, parent, 1);
  requireMayAdd(change, held, name, path);
  const id = ids.pop();
  if (id === undefined) throw new Error('too few inode numbers were reserved for the transaction');
  const node = await newNode(change, held, id, TYPE_DIRECTORY, mode);
  await insertEntry(change, held, name, node);
  await touchParent(change, held, 1);
  return node;
}
