// What may be done to a directory's entries, and the bookkeeping every change of them shares.
import { VolumeError } from '../volume.ts';
import { inheritAcl } from './acl-inheritance.ts';
import type { Change } from './change.ts';
import { MetaConflict, type Node } from './engine.ts';
import { MAY_SEARCH, MAY_WRITE, requireAccess } from './filesystem-context.ts';
import {
  chargedSpace,
  DIRECTORY_LENGTH,
  FLAG_APPEND,
  FLAG_IMMUTABLE,
  FLAG_SKIP_TRASH,
  isTrash,
  ROOT_INODE,
  TRASH_INODE,
  TRASH_NAME,
  TYPE_DIRECTORY,
} from './inode.ts';
import { requireNewName } from './volume-path.ts';

const SETGID = 0o2000;

/** Refuses to add entries to a directory that `path` led to or through: permissions, immutability, the trash. */
export function requireMayAdd(change: Change, parent: Node, name: Uint8Array, path: readonly Uint8Array[]): void {
  if (parent.type !== TYPE_DIRECTORY) throw new VolumeError('ENOTDIR', 'the parent is not a directory');
  requireNewName(name);
  if (isTrash(parent.inode) || isTrashName(parent, name)) {
    throw new VolumeError('EPERM', 'nothing can be put into the trash by name');
  }
  if (parent.parent > TRASH_INODE) {
    if (Buffer.from(TRASH_NAME).equals(path[0] ?? Buffer.of())) {
      throw new VolumeError('ENOENT', 'the parent directory is in the trash');
    }
    // The path led there a moment ago: where it leads now is found by looking again.
    throw new MetaConflict('the parent directory was removed');
  }
  requireAccess(change.fs, parent, MAY_WRITE | MAY_SEARCH);
  if ((parent.flags & FLAG_IMMUTABLE) !== 0) throw new VolumeError('EPERM', 'the directory is immutable');
}

/** Refuses to take entries out of a directory. */
export function requireMayRemove(change: Change, parent: Node, name: Uint8Array): void {
  if (isTrashName(parent, name)) throw new VolumeError('EPERM', 'the trash cannot be removed by name');
  if (isTrash(parent.inode) && change.fs.options.uid !== 0)
    throw new VolumeError('EPERM', 'only root empties the trash');
  requireAccess(change.fs, parent, MAY_WRITE | MAY_SEARCH);
  requireChangeable(parent);
}

/** EPERM for what is immutable or append-only. */
export function requireChangeable(node: Node): void {
  if ((node.flags & (FLAG_IMMUTABLE | FLAG_APPEND)) !== 0) {
    throw new VolumeError('EPERM', `inode ${node.inode} is immutable or append-only`);
  }
}

function isTrashName(parent: Node, name: Uint8Array): boolean {
  return parent.inode === ROOT_INODE && Buffer.from(TRASH_NAME).equals(name);
}

/** The row of a new file or directory in a directory: owner, mode, lists, flags and tier as its parent passes them on. */
export async function newNode(change: Change, parent: Node, inode: bigint, type: number, mode: number): Promise<Node> {
  const { uid, gid, umask } = change.fs.options;
  const directory = type === TYPE_DIRECTORY;
  const inheritsGroup = (parent.mode & SETGID) !== 0;
  const asked = mode & 0o7777;
  const access =
    parent.defaultAcl === 0
      ? { mode: asked & ~umask, accessAcl: 0, defaultAcl: 0 }
      : await inheritAcl(change, parent, type, asked);
  return {
    inode,
    type,
    flags: parent.flags & FLAG_SKIP_TRASH,
    ...access,
    mode: inheritsGroup && directory ? access.mode | SETGID : access.mode,
    uid,
    gid: inheritsGroup ? parent.gid : gid,
    atimeNs: change.nowNs,
    mtimeNs: change.nowNs,
    ctimeNs: change.nowNs,
    nlink: directory ? 2 : 1,
    length: directory ? DIRECTORY_LENGTH : 0,
    rdev: 0,
    parent: parent.inode,
    tier: parent.tier,
  };
}

/** Writes a new node with its entry, and counts it. The parent's own row is left to `touchParent`. */
export async function insertEntry(change: Change, parent: Node, name: Uint8Array, node: Node): Promise<void> {
  const { tx } = change;
  await tx.insertEdge(parent.inode, name, node);
  await tx.insertNode(node);
  if (node.type === TYPE_DIRECTORY) change.made.add(node.inode);
  if (node.type === TYPE_DIRECTORY && change.fs.format.dirStats) {
    await tx.insertDirectoryUsage(node.inode, { length: 0, space: 0, inodes: 0 });
  }
  change.addUsage(node, chargedSpace(node.type === TYPE_DIRECTORY ? 0 : node.length), 1);
  change.countEntry(parent.inode, node, 1);
}

/**
 * A directory as it is now, kept from being removed by others until the change is done: whoever adds an entry needs it. When
 * its row is going to be touched, that is said before, so that two changes do not wait for each other.
 */
export async function holdParent(change: Change, parent: Node, nlinkDelta: number): Promise<Node> {
  if (change.made.has(parent.inode)) return parent;
  const held = await change.tx.holdNode(parent.inode, wantsTouch(change, parent, nlinkDelta), parent);
  // The path led there a moment ago: whoever looks again finds out what stands there now, and makes it if it is missing.
  if (held?.parent !== parent.parent) throw new MetaConflict('the parent directory was removed or moved');
  return held;
}

function wantsTouch(change: Change, parent: Node, nlinkDelta: number): boolean {
  if (isTrash(parent.inode)) return false;
  const age = change.nowNs - parent.mtimeNs;
  return nlinkDelta !== 0 || age >= BigInt(change.fs.options.skipDirMtimeMs) * 1_000_000n;
}

/**
 * Updates a directory after its entries changed: link count, mtime and ctime. Times alone are not written when they are
 * only just older, so that a busy directory's row is not fought over.
 */
export async function touchParent(change: Change, parent: Node, nlinkDelta: number): Promise<void> {
  if (!wantsTouch(change, parent, nlinkDelta)) return;
  if (!(await change.tx.touchDirectory(parent.inode, nlinkDelta, change.nowNs))) {
    throw new MetaConflict('the parent directory was removed');
  }
  parent.nlink += nlinkDelta;
  parent.mtimeNs = change.nowNs;
  parent.ctimeNs = change.nowNs;
}
