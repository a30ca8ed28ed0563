// What all filesystem rules share: the engine, the volume's format as last loaded, who acts, and what this process holds open.
import type { FormatRecord } from '../format/format-record.ts';
import { VolumeError } from '../volume.ts';
import type { ResolvedVolumeOptions } from '../volume-options.ts';
import { Change } from './change.ts';
import type { MetaEngine, MetaReader, Node } from './engine.ts';
import type { IdAllocator } from './id-allocator.ts';
import type { OpenFiles } from './open-files.ts';

export interface FilesystemContext {
  readonly engine: MetaEngine;
  readonly options: ResolvedVolumeOptions;
  readonly inodes: IdAllocator;
  readonly openFiles: OpenFiles;
  /** Where paths begin: the volume's root, or the directory that is served in its place. */
  root: bigint;
  /** The format as last loaded; replaced when another client changes it. */
  format: FormatRecord;
  /** This client's session; 0n when reading only. */
  session: bigint;
  /** Set when the volume is lost: every operation then fails with it. */
  lost: VolumeError | undefined;
  /** Takes over the data of files that a committed change removed. */
  readonly onChanged: (change: Change) => void;
  /** The format was changed by another client. */
  readonly onFormat: (format: FormatRecord, before: FormatRecord) => void;
}

/** Runs a body in a writing transaction with its accounting; the body may run again, so it must not act outside. */
export async function change<T>(fs: FilesystemContext, body: (change: Change) => Promise<T>): Promise<T> {
  refuseLost(fs);
  if (fs.options.readOnly) throw new VolumeError('EROFS', 'the volume is open for reading only');
  let last: Change | undefined;
  const result = await fs.engine.write(async (tx) => {
    const current = new Change(fs, tx);
    const value = await body(current);
    await current.settle();
    last = current;
    return value;
  });
  if (last !== undefined) fs.onChanged(last);
  return result;
}

/** Reads, each statement of its own state. */
export async function look<T>(fs: FilesystemContext, body: (reader: MetaReader) => Promise<T>): Promise<T> {
  refuseLost(fs);
  return fs.engine.look(body);
}

/** Reads of one consistent state. */
export async function snapshot<T>(fs: FilesystemContext, body: (reader: MetaReader) => Promise<T>): Promise<T> {
  refuseLost(fs);
  return fs.engine.read(body);
}

function refuseLost(fs: FilesystemContext): void {
  if (fs.lost !== undefined) throw fs.lost;
}

export const MAY_READ = 4;
export const MAY_WRITE = 2;
export const MAY_SEARCH = 1;

/**
 * EACCES unless the acting user has these rights on the inode. Root has all. An access control list that grants more than
 * the owner's bits is not evaluated: where one could decide, the answer is no.
 */
export function requireAccess(fs: FilesystemContext, node: Node, rights: number): void {
  const { uid, gid } = fs.options;
  if (uid === 0) return;
  let granted: number;
  if (uid === node.uid) granted = node.mode >> 6;
  else if (node.accessAcl !== 0) granted = 0;
  else if (gid === node.gid) granted = node.mode >> 3;
  else granted = node.mode;
  if ((granted & rights) !== rights) {
    throw new VolumeError('EACCES', `user ${uid} lacks the permission on inode ${node.inode}`);
  }
}

/** EACCES when a sticky directory keeps this user from removing another's entry. */
export function requireStickyOwner(fs: FilesystemContext, directory: Node, entry: Node): void {
  const { uid } = fs.options;
  if (uid !== 0 && (directory.mode & 0o1000) !== 0 && uid !== directory.uid && uid !== entry.uid) {
    throw new VolumeError('EACCES', `inode ${entry.inode} belongs to another user in a sticky directory`);
  }
}
