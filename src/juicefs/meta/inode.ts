// Inode numbers with a meaning, the numeric inode types of the stored rows, and how much space an inode is charged.
import type { InodeType } from '../volume.ts';

export const ROOT_INODE = 1n;
/** The root of the trash; the directories in it, one an hour, are numbered after it. JuiceFS: pkg/meta/interface.go. */
export const TRASH_INODE = 0x7fff_ffff_1000_0000n;
/** The name under which the trash is reached in the root; no entry row exists for it. */
export const TRASH_NAME = '.trash';

/** Length every directory has in its row. */
export const DIRECTORY_LENGTH = 4096;

/** Whether an inode is the trash or one of its hourly directories. */
export function isTrash(inode: bigint): boolean {
  return inode >= TRASH_INODE;
}

export const TYPE_FILE = 1;
export const TYPE_DIRECTORY = 2;
export const TYPE_SYMLINK = 3;

const TYPE_NAMES: readonly InodeType[] = ['file', 'directory', 'symlink', 'fifo', 'blockdev', 'chardev', 'socket'];

/** The public name of a stored type; undefined for a number no version writes. */
export function typeName(type: number): InodeType | undefined {
  return TYPE_NAMES[type - 1];
}

/** Flag bits of a node row. */
export const FLAG_IMMUTABLE = 1;
export const FLAG_APPEND = 2;
export const FLAG_SKIP_TRASH = 32;

/** Chunks, of 64 MiB each, that a file of this length may have. */
export function chunkCount(length: number): number {
  return Math.ceil(length / 2 ** 26);
}

const SPACE_UNIT = 4096;

/** Space an inode of this length is charged: whole 4 KiB, and never less than one. */
export function chargedSpace(length: number): number {
  return length <= 0 ? SPACE_UNIT : Math.ceil(length / SPACE_UNIT) * SPACE_UNIT;
}
