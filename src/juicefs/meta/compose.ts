// Makes a file out of pieces of others without copying data: the new file's records point into the old files' slices.
import { CHUNK_SIZE, type ChunkPiece, clip, decodeRecords, overlay } from '../chunk/slice-record.ts';
import { type FilePiece, VolumeError } from '../volume.ts';
import type { MetaTransaction } from './engine.ts';
import type { NewSlice } from './file-commit.ts';
import { type FilesystemContext, MAY_READ, requireAccess } from './filesystem-context.ts';
import { TYPE_FILE } from './inode.ts';

/** Records that a chunk gets, at most: so many make every reader slow, and more do not fit into a row of every engine. */
const MAX_RECORDS = 2500;

/** The pieces would make a chunk of too many records: their bytes are better copied. */
export class TooManyPieces extends Error {}

/**
 * The slices of a file made of these pieces, one after the other, and its length. ENOENT or EINVAL for a piece that is not there;
 * TooManyPieces.
 */
export async function composeSlices(
  fs: FilesystemContext,
  tx: MetaTransaction,
  pieces: readonly FilePiece[],
): Promise<{ slices: NewSlice[]; length: number }> {
  const slices: NewSlice[] = [];
  let length = 0;
  for (const piece of pieces) {
    // Held: while the file is there, so are its slices.
    const node = await tx.lockNode(piece.inode);
    if (node === undefined) throw new VolumeError('ENOENT', `inode ${piece.inode} is gone`);
    if (node.type !== TYPE_FILE) throw new VolumeError('EINVAL', `inode ${piece.inode} is not a file`);
    requireAccess(fs, node, MAY_READ);
    if (piece.start < 0 || piece.start > piece.end || piece.end > node.length) {
      throw new VolumeError('EINVAL', `bytes ${piece.start} to ${piece.end} are not within inode ${piece.inode}`);
    }
    for await (const part of sourceParts(tx, piece)) {
      placeAt(slices, length + part.at, part.piece);
    }
    length += piece.end - piece.start;
  }
  if ([...recordsByChunk(slices).values()].some((records) => records > MAX_RECORDS)) throw new TooManyPieces();
  return { slices, length };
}

/** How many records each chunk of a file has that is made of these slices. */
export function recordsByChunk(slices: readonly NewSlice[]): Map<number, number> {
  const records = new Map<number, number>();
  for (const { chunkIndex } of slices) records.set(chunkIndex, (records.get(chunkIndex) ?? 0) + 1);
  return records;
}

/** The stored parts of a piece with their offset from the piece's start; holes are left out, as they read as zeros anyway. */
async function* sourceParts(tx: MetaTransaction, piece: FilePiece): AsyncGenerator<{ at: number; piece: ChunkPiece }> {
  if (piece.start === piece.end) return;
  const first = Math.floor(piece.start / CHUNK_SIZE);
  const last = Math.floor((piece.end - 1) / CHUNK_SIZE);
  for (const chunk of await tx.lockChunks(piece.inode, first, last)) {
    const base = chunk.index * CHUNK_SIZE;
    const from = Math.max(piece.start - base, 0);
    const to = Math.min(piece.end - base, CHUNK_SIZE);
    for (const part of overlay(decodeRecords(chunk.slices, `inode ${piece.inode}, chunk ${chunk.index}`))) {
      const start = Math.max(part.pos, from);
      const end = Math.min(part.pos + part.len, to);
      if (start < end) yield { at: base + start - piece.start, piece: clip(part, start, end) };
    }
  }
}

/** Adds a piece at a position of the new file; one that crosses a chunk's end becomes two records. */
function placeAt(slices: NewSlice[], position: number, piece: ChunkPiece): void {
  let taken = 0;
  while (taken < piece.len) {
    const at = position + taken;
    const chunkIndex = Math.floor(at / CHUNK_SIZE);
    const pos = at - chunkIndex * CHUNK_SIZE;
    const len = Math.min(piece.len - taken, CHUNK_SIZE - pos);
    slices.push({ chunkIndex, pos, id: piece.id, size: piece.size, off: piece.off + taken, len });
    taken += len;
  }
}
