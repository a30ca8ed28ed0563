// Takes an entry out of a directory: into the trash, or for good. A file's data is never deleted here; it is queued, and
// deleted after the transaction, or when the last reader of this process is done with it.
import { VolumeError } from '../volume.ts';
import type { Change } from './change.ts';
import type { Edge, Node } from './engine.ts';
import { requireChangeable } from './entry-rules.ts';
import { requireStickyOwner } from './filesystem-context.ts';
import { chargedSpace, isTrash, TRASH_INODE, TYPE_DIRECTORY, TYPE_FILE, TYPE_SYMLINK } from './inode.ts';
import { goesToTrash, trashDirectory, trashEntryName, trashHourName } from './trash.ts';

/** An entry at this path is about to be put or removed, which in a volume with a trash may put something there. */
export async function foreseeEntry(change: Change, names: readonly Uint8Array[]): Promise<void> {
  const other = { parent: TRASH_INODE, name: Buffer.from(trashHourName(change.nowNs)) };
  // Not every client may search every directory: then the path is followed step by step.
  if (change.fs.options.uid === 0) await change.tx.foreseePath?.(names, other);
}

/**
 * Removes an entry and its link. Refuses (before anything is written) a directory that is not empty and what is immutable.
 * The parent's row is the caller's to touch.
 */
export async function removeEntry(
  change: Change,
  parent: Node,
  name: Uint8Array,
  edge: Edge,
  options: { skipTrash: boolean },
): Promise<void> {
  const { tx } = change;
  const node = await tx.lockNode(edge.inode);
  if (node === undefined) {
    // A damaged volume: an entry to nothing. It goes, and nothing else is known of it.
    change.fs.options.log.warn('removed an entry without an inode', {
      parent: String(parent.inode),
      inode: String(edge.inode),
    });
    await tx.deleteEdge(parent.inode, name, edge, undefined);
    change.countEntry(parent.inode, { type: edge.type, length: 0 }, -1);
    return;
  }
  requireStickyOwner(change.fs, parent, node);
  if (edge.type === TYPE_DIRECTORY) {
    if (await tx.hasEntries(edge.inode)) throw new VolumeError('ENOTEMPTY', 'the directory is not empty');
  } else {
    requireChangeable(node);
  }
  const trash = await trashFor(change, parent, name, node, options.skipTrash);
  await tx.deleteEdge(parent.inode, name, edge, node);
  change.countEntry(parent.inode, node, -1);
  if (edge.type === TYPE_DIRECTORY) {
    await tx.deleteDirectoryUsage(node.inode);
    await tx.deleteDirectoryQuota(node.inode);
  }
  node.ctimeNs = change.nowNs;
  if (trash !== undefined) await moveToTrash(change, parent, name, node, trash);
  else await unlinkForGood(change, node);
}

/** The trash directory this removal goes to; undefined when it does not. */
async function trashFor(
  change: Change,
  parent: Node,
  name: Uint8Array,
  node: Node,
  skipTrash: boolean,
): Promise<bigint | undefined> {
  if (!goesToTrash(change, parent, node, skipTrash)) return undefined;
  const trash = await trashDirectory(change);
  if (node.nlink < 2 || node.type === TYPE_DIRECTORY) return trash;
  // Another link of the same file was removed from this very place in this hour: one entry in the trash is enough.
  const occupied = await change.tx.edge(trash, trashEntryName(parent.inode, node.inode, name));
  return occupied === undefined ? trash : undefined;
}

async function moveToTrash(change: Change, parent: Node, name: Uint8Array, node: Node, trash: bigint): Promise<void> {
  // A file that was ever linked twice has no one parent.
  if (node.parent > 0n) node.parent = trash;
  await change.tx.updateNode(node);
  const entryName = trashEntryName(parent.inode, node.inode, name);
  await change.tx.insertEdge(trash, entryName, node);
  change.countEntry(trash, node, 1);
}

async function unlinkForGood(change: Change, node: Node): Promise<void> {
  const { tx, fs } = change;
  if (node.type !== TYPE_DIRECTORY) {
    node.nlink -= 1;
    if (node.nlink > 0) {
      await tx.updateNode(node);
      return;
    }
  }
  await tx.deleteXattrs(node.inode);
  if (node.type === TYPE_FILE && fs.session > 0n && fs.openFiles.has(node.inode)) {
    node.nlink = 0;
    await tx.updateNode(node);
    await tx.sustain(fs.session, node.inode);
    change.orphans.push(node.inode);
    return;
  }
  if (node.type === TYPE_FILE) await queueFile(change, node);
  if (node.type === TYPE_SYMLINK) await tx.deleteSymlink(node.inode);
  await tx.deleteNode(node.inode);
  change.addUsage(node, -chargedSpace(node.type === TYPE_FILE ? node.length : 0), -1);
}

async function queueFile(change: Change, node: Node): Promise<void> {
  const file = { inode: node.inode, length: node.length };
  await change.tx.queueDeletedFile(file, Number(change.nowNs / 1_000_000_000n));
  change.deletedFiles.push(file);
}

/** Ends an inode that a session kept alive: its data may go now. */
export async function removeSustained(change: Change, session: bigint, inode: bigint): Promise<void> {
  const { tx } = change;
  await tx.release(session, inode);
  const node = await tx.lockNode(inode);
  // Linked again, or ended by another session: nothing to delete.
  if (node === undefined || node.nlink > 0 || isTrash(node.inode)) return;
  await queueFile(change, node);
  await tx.deleteXattrs(inode);
  await tx.deleteNode(inode);
  change.addUsage(node, -chargedSpace(node.length), -1);
}
