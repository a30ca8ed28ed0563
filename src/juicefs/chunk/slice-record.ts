// Slices: contiguous, immutable runs of bytes written once and laid over each other within a chunk (a 64 MiB window of a
// file). Their stored form, and what a reader sees of a chunk after all of them.
import { VolumeError } from '../volume.ts';

/** Bytes a chunk covers. */
export const CHUNK_SIZE = 64 * 1024 * 1024;

/** Bytes of a stored record. */
export const RECORD_BYTES = 24;

/** One stored record: `len` bytes of slice `id`, from its offset `off`, appear at `pos` of the chunk. Id 0n = zeros. */
export interface SliceRecord {
  readonly pos: number;
  readonly id: bigint;
  /** Bytes of the whole slice. */
  readonly size: number;
  readonly off: number;
  readonly len: number;
}

/** A piece of a chunk as read: as a record, in order, not overlapping. */
export type ChunkPiece = SliceRecord;

/** The stored form of records. */
export function encodeRecords(records: readonly SliceRecord[]): Buffer {
  const bytes = Buffer.alloc(records.length * RECORD_BYTES);
  let at = 0;
  for (const { pos, id, size, off, len } of records) {
    bytes.writeUInt32BE(pos, at);
    bytes.writeBigUInt64BE(id, at + 4);
    bytes.writeUInt32BE(size, at + 12);
    bytes.writeUInt32BE(off, at + 16);
    bytes.writeUInt32BE(len, at + 20);
    at += RECORD_BYTES;
  }
  return bytes;
}

/** Records from their stored form; EIO when it is cut or holds what no client writes. */
export function decodeRecords(stored: Uint8Array, where: string): SliceRecord[] {
  if (stored.length % RECORD_BYTES !== 0) {
    throw new VolumeError(
      'EIO',
      `the slice list of ${where} has ${stored.length} bytes, no multiple of ${RECORD_BYTES}`,
    );
  }
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  const records: SliceRecord[] = [];
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    const record = {
      pos: bytes.readUInt32BE(at),
      id: bytes.readBigUInt64BE(at + 4),
      size: bytes.readUInt32BE(at + 12),
      off: bytes.readUInt32BE(at + 16),
      len: bytes.readUInt32BE(at + 20),
    };
    if (record.pos + record.len > CHUNK_SIZE || (record.id > 0n && record.off + record.len > record.size)) {
      throw new VolumeError('EIO', `the slice list of ${where} has an impossible record at byte ${at}`);
    }
    records.push(record);
  }
  return records;
}

/**
 * What a reader sees: later records over earlier ones. Pieces in order of position, without the holes: what no piece covers
 * is zeros.
 */
export function overlay(records: readonly SliceRecord[]): ChunkPiece[] {
  const first = records[0];
  if (records.length === 1 && first !== undefined) return first.id > 0n && first.len > 0 ? [first] : [];
  return overlayWithHoles(records).filter((piece) => piece.id > 0n);
}

/** As `overlay`, with the stretches that a record of id 0 made holes. */
export function overlayWithHoles(records: readonly SliceRecord[]): ChunkPiece[] {
  let pieces: SliceRecord[] = [];
  for (const record of records) {
    if (record.len === 0) continue;
    pieces = isAppend(pieces, record) ? push(pieces, record) : cover(pieces, record);
  }
  return pieces;
}

/** The usual case: a record that starts where all others have ended. */
function isAppend(pieces: readonly SliceRecord[], record: SliceRecord): boolean {
  const last = pieces[pieces.length - 1];
  return last === undefined || last.pos + last.len <= record.pos;
}

function push(pieces: SliceRecord[], record: SliceRecord): SliceRecord[] {
  pieces.push(record);
  return pieces;
}

function cover(pieces: readonly SliceRecord[], record: SliceRecord): SliceRecord[] {
  const end = record.pos + record.len;
  const result: SliceRecord[] = [];
  let placed = false;
  for (const piece of pieces) {
    const pieceEnd = piece.pos + piece.len;
    if (piece.pos < record.pos) result.push(clip(piece, piece.pos, Math.min(pieceEnd, record.pos)));
    if (pieceEnd > record.pos && !placed) {
      result.push(record);
      placed = true;
    }
    if (pieceEnd > end) result.push(clip(piece, Math.max(piece.pos, end), pieceEnd));
  }
  if (!placed) result.push(record);
  return result;
}

/** The part of a piece within [start, end) of the chunk. */
export function clip(piece: SliceRecord, start: number, end: number): SliceRecord {
  if (start === piece.pos && end === piece.pos + piece.len) return piece;
  return { ...piece, pos: start, off: piece.off + (start - piece.pos), len: end - start };
}
