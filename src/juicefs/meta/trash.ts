// The trash: which removals go there, the hourly directory they go to, and the name they get in it.
import { VolumeError } from '../volume.ts';
import type { Change } from './change.ts';
import type { Node } from './engine.ts';
import {
  chargedSpace,
  DIRECTORY_LENGTH,
  FLAG_SKIP_TRASH,
  isTrash,
  ROOT_INODE,
  TRASH_INODE,
  TYPE_DIRECTORY,
} from './inode.ts';
import { MAX_NAME_BYTES } from './volume-path.ts';

const NS_PER_HOUR = 3_600_000_000_000n;
const TRASH_MODE = 0o555;

/** Whether removing this node from this directory puts it into the trash. */
export function goesToTrash(change: Change, parent: Node, node: Node, skipTrash: boolean): boolean {
  return !skipTrash && change.fs.format.trashDays > 0 && !isTrash(parent.inode) && (node.flags & FLAG_SKIP_TRASH) === 0;
}

/** `{parent}-{inode}-{name}`, cut to the length a name may have. */
export function trashEntryName(parent: bigint, inode: bigint, name: Uint8Array): Buffer {
  const head = `${parent}-${inode}-`;
  const entry = Buffer.allocUnsafe(head.length + name.length);
  entry.write(head, 'latin1');
  entry.set(name, head.length);
  return entry.length > MAX_NAME_BYTES ? entry.subarray(0, MAX_NAME_BYTES) : entry;
}

/** The name of the hour that was asked for last: all of an hour ask for it. */
let named = { hour: -1, name: '' };

/** The name of the hour's directory, in UTC: 2026-01-31-23. */
export function trashHourName(timeNs: bigint): string {
  const hour = Number(timeNs / NS_PER_HOUR);
  if (named.hour !== hour) {
    const text = new Date(hour * 3_600_000).toISOString();
    named = { hour, name: `${text.slice(0, 10)}-${text.slice(11, 13)}` };
  }
  return named.name;
}

/** The hour a trash directory's name stands for, in milliseconds; undefined for a name that is none. */
export function trashHourOf(name: string): number | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})-(\d{2})$/.exec(name);
  if (match === null) return undefined;
  const millis = Date.parse(`${match[1]}T${match[2]}:00:00Z`);
  return Number.isNaN(millis) ? undefined : millis;
}

/** The trash directory of this hour, made when it is the first removal of it. */
export async function trashDirectory(change: Change): Promise<bigint> {
  const { tx, nowNs } = change;
  const name = Buffer.from(trashHourName(nowNs));
  const existing = await tx.edge(TRASH_INODE, name);
  if (existing !== undefined) return existing.inode;
  if ((await tx.node(TRASH_INODE)) === undefined) await tx.insertNode(trashNode(TRASH_INODE, ROOT_INODE, nowNs));
  const inode = TRASH_INODE + BigInt(await tx.addToCounter('nextTrash', 1));
  if (inode <= TRASH_INODE) throw new VolumeError('EIO', 'the counter of trash directories is damaged');
  const node = trashNode(inode, TRASH_INODE, nowNs);
  await tx.insertEdge(TRASH_INODE, name, node);
  await tx.insertNode(node);
  if (change.fs.format.dirStats) await tx.insertDirectoryUsage(inode, { length: 0, space: 0, inodes: 0 });
  // It counts as an inode of the volume, but neither links nor times of the trash's root change.
  change.addUsage(node, chargedSpace(0), 1);
  return inode;
}

/** The row of the trash's root, or of an hour in it. */
export function trashNode(inode: bigint, parent: bigint, nowNs: bigint): Node {
  return {
    inode,
    type: TYPE_DIRECTORY,
    flags: 0,
    mode: TRASH_MODE,
    uid: 0,
    gid: 0,
    atimeNs: nowNs,
    mtimeNs: nowNs,
    ctimeNs: nowNs,
    nlink: 2,
    length: DIRECTORY_LENGTH,
    rdev: 0,
    parent,
    accessAcl: 0,
    defaultAcl: 0,
    tier: 0,
  };
}
