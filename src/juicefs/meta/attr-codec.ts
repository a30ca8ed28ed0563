// The stored form of inodes and directory entries in Redis and the key-value engines. JuiceFS: pkg/meta/interface.go, Attr.Marshal.
import { VolumeError } from '../volume.ts';
import type { Edge, Node } from './engine.ts';

const NS = 1_000_000_000n;
const TWO_32 = 2 ** 32;
/** The greatest upper half of an integer that a number holds exactly. */
const MAX_HIGH = 2 ** 21 - 1;
const BASE_BYTES = 63;
const EDGE_BYTES = 9;

/** A node's value; the inode's number is in its key. */
export function encodeNode(node: Node): Buffer {
  const withAcl = node.accessAcl !== 0 || node.defaultAcl !== 0;
  const withTier = node.tier !== 0;
  // One zero byte ends it always.
  const bytes = Buffer.allocUnsafe(BASE_BYTES + 8 + (withAcl ? 8 : 0) + (withTier ? 1 : 0) + 1);
  bytes.writeUInt8(node.flags & 0xff, 0);
  bytes.writeUInt16BE(((node.type & 0xf) << 12) | (node.mode & 0x0fff), 1);
  bytes.writeUInt32BE(node.uid >>> 0, 3);
  bytes.writeUInt32BE(node.gid >>> 0, 7);
  writeTime(bytes, 11, node.atimeNs);
  writeTime(bytes, 23, node.mtimeNs);
  writeTime(bytes, 35, node.ctimeNs);
  bytes.writeUInt32BE(node.nlink, 47);
  bytes.writeUInt32BE(Math.floor(node.length / TWO_32), 51);
  bytes.writeUInt32BE(node.length >>> 0, 55);
  bytes.writeUInt32BE(node.rdev >>> 0, 59);
  bytes.writeBigUInt64BE(node.parent, 63);
  let at = BASE_BYTES + 8;
  if (withAcl) {
    bytes.writeUInt32BE(node.accessAcl, at);
    bytes.writeUInt32BE(node.defaultAcl, at + 4);
    at += 8;
  }
  if (withTier) bytes.writeUInt8(node.tier, at);
  bytes.writeUInt8(0, bytes.length - 1);
  return bytes;
}

/** A node out of its value; EIO when it is cut. */
export function decodeNode(inode: bigint, stored: Uint8Array): Node {
  const bytes = view(stored);
  if (bytes.length < BASE_BYTES) {
    throw new VolumeError(
      'EIO',
      `the attributes of inode ${inode} have ${bytes.length} bytes, less than ${BASE_BYTES}`,
    );
  }
  const typeAndMode = bytes.readUInt16BE(1);
  let at = BASE_BYTES;
  const has = (count: number): boolean => bytes.length - at >= count;
  const parent = has(8) ? readInode(bytes, at) : 0n;
  at += 8;
  const withAcl = has(8);
  const accessAcl = withAcl ? bytes.readUInt32BE(at) : 0;
  const defaultAcl = withAcl ? bytes.readUInt32BE(at + 4) : 0;
  if (withAcl) at += 8;
  return {
    inode,
    type: typeAndMode >> 12,
    flags: bytes.readUInt8(0),
    mode: typeAndMode & 0x0fff,
    uid: bytes.readUInt32BE(3),
    gid: bytes.readUInt32BE(7),
    atimeNs: readTime(bytes, 11),
    mtimeNs: readTime(bytes, 23),
    ctimeNs: readTime(bytes, 35),
    nlink: bytes.readUInt32BE(47),
    length: bytes.readUInt32BE(51) * TWO_32 + bytes.readUInt32BE(55),
    rdev: bytes.readUInt32BE(59),
    parent,
    accessAcl,
    defaultAcl,
    tier: has(1) ? bytes.readUInt8(at) : 0,
  };
}

function writeTime(bytes: Buffer, at: number, timeNs: bigint): void {
  const seconds = timeNs / NS;
  const rest = Number(timeNs - seconds * NS);
  // Before 1970 the fraction still counts up.
  const whole = rest < 0 ? Number(seconds) - 1 : Number(seconds);
  bytes.writeInt32BE(Math.floor(whole / TWO_32), at);
  bytes.writeUInt32BE(whole >>> 0, at + 4);
  bytes.writeUInt32BE(rest < 0 ? rest + 1_000_000_000 : rest, at + 8);
}

function readTime(bytes: Buffer, at: number): bigint {
  const high = bytes.readInt32BE(at);
  // Numbers hold the seconds of any sane time, and cost less than integers of any size.
  if (high > MAX_HIGH || high < -MAX_HIGH) return bytes.readBigInt64BE(at) * NS + BigInt(bytes.readUInt32BE(at + 8));
  return BigInt(high * TWO_32 + bytes.readUInt32BE(at + 4)) * NS + BigInt(bytes.readUInt32BE(at + 8));
}

function readInode(bytes: Buffer, at: number): bigint {
  const high = bytes.readUInt32BE(at);
  return high > MAX_HIGH ? bytes.readBigUInt64BE(at) : BigInt(high * TWO_32 + bytes.readUInt32BE(at + 4));
}

/** A directory entry's value: type, inode. */
export function encodeEdge({ inode, type }: Edge): Buffer {
  const bytes = Buffer.allocUnsafe(EDGE_BYTES);
  bytes.writeUInt8(type, 0);
  bytes.writeBigUInt64BE(inode, 1);
  return bytes;
}

/** A directory entry out of its value; EIO when it is cut. */
export function decodeEdge(stored: Uint8Array): Edge {
  const bytes = view(stored);
  if (bytes.length < EDGE_BYTES) throw new VolumeError('EIO', 'a directory entry is cut');
  return { type: bytes.readUInt8(0), inode: readInode(bytes, 1) };
}

/** The same bytes, as a Buffer. */
export function view(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
