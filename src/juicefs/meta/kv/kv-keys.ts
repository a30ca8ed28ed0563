// The keys of a volume in a key-value store, and the values that are numbers. Inodes within keys are little-endian, all other
// numbers of keys big-endian. JuiceFS: pkg/meta/tkv.go.
import type { SliceName } from '../engine.ts';

const letter = (text: string): Buffer => Buffer.from(text, 'latin1');

/** An inode as it stands in a key. */
function inodeBytes(inode: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(inode);
  return bytes;
}

export function big8(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt.asIntN(64, value));
  return bytes;
}

function big4(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const of = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? letter(part) : part)));

const A = (inode: bigint, kind: string): Buffer => of('A', inodeBytes(inode), kind);

export const KEYS = {
  setting: letter('setting'),
  counter: (name: string) => of('C', name),
  node: (inode: bigint) => A(inode, 'I'),
  entries: (parent: bigint) => A(parent, 'D'),
  entry: (parent: bigint, name: Uint8Array) => of(A(parent, 'D'), Buffer.from(name)),
  parents: (inode: bigint) => A(inode, 'P'),
  parent: (inode: bigint, parent: bigint) => of(A(inode, 'P'), inodeBytes(parent)),
  chunks: (inode: bigint) => A(inode, 'C'),
  chunk: (inode: bigint, index: number) => of(A(inode, 'C'), big4(index)),
  symlink: (inode: bigint) => A(inode, 'S'),
  xattrs: (inode: bigint) => A(inode, 'X'),
  xattr: (inode: bigint, name: string) => of(A(inode, 'X'), Buffer.from(name)),
  deletedFiles: letter('D'),
  deletedFile: (inode: bigint, length: number) => of('D', inodeBytes(inode), big8(BigInt(length))),
  flocks: (inode: bigint) => of('F', inodeBytes(inode)),
  allFlocks: letter('F'),
  allPlocks: letter('P'),
  sliceRefs: letter('K'),
  sliceRef: ({ id, size }: SliceName) => of('K', big8(id), big4(size)),
  delayed: letter('L'),
  delayedAt: (unixSeconds: number, key: bigint) => of('L', big8(BigInt(unixSeconds)), big8(key)),
  sessions: letter('SE'),
  session: (id: bigint) => of('SE', big8(id)),
  sessionInfo: (id: bigint) => of('SI', big8(id)),
  sustained: (id: bigint) => of('SS', big8(id)),
  sustainedInode: (id: bigint, inode: bigint) => of('SS', big8(id), inodeBytes(inode)),
  detachedNodes: letter('N'),
  detachedNode: (inode: bigint) => of('N', inodeBytes(inode)),
  usages: letter('U'),
  usage: (inode: bigint) => of('U', inodeBytes(inode)),
  directoryQuotas: letter('QD'),
  directoryQuota: (inode: bigint) => of('QD', inodeBytes(inode)),
  ownerQuotas: (kind: 'user' | 'group') => letter(kind === 'user' ? 'QU' : 'QG'),
  ownerQuota: (kind: 'user' | 'group', id: number) => of(kind === 'user' ? 'QU' : 'QG', big8(BigInt(id))),
  aclRules: letter('R'),
  aclRule: (id: number) => of('R', big4(id)),
} as const;

/** Counters that are times of leases are big-endian; those that are counted, little-endian. */
export function isLease(counter: string): boolean {
  return counter.startsWith('lastCleanup') || counter === 'nextCleanupSlices';
}

/** A counted number: 8 bytes, little-endian; 0 where there is none. */
export function readCount(value: Buffer | undefined): number {
  return value === undefined || value.length < 8 ? 0 : Number(value.readBigInt64LE(0));
}

export function writeCount(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

/** Numbers of 8 bytes each, big-endian; 0 for those that are missing. */
export function readNumbers(value: Buffer | undefined, count: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    value === undefined || value.length < 8 * (i + 1) ? 0 : Number(value.readBigInt64BE(8 * i)),
  );
}

export function writeNumbers(...values: readonly number[]): Buffer {
  return Buffer.concat(values.map((value) => big8(BigInt(value))));
}
