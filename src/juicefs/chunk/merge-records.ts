// What a compaction makes of a chunk's records: which it leaves alone, and the one stretch that takes the place of the others.
// The Go client decides the same way (pkg/meta/slice.go), so that two clients do not undo each other's work.
import { type ChunkPiece, overlayWithHoles, type SliceRecord } from './slice-record.ts';

/** Records looked at by one compaction; the rest is left to the next. */
export const MAX_COMPACTED_RECORDS = 1000;
const LARGE_BYTES = 1 << 20;
/** A first record that is this part of the whole is not worth being copied. */
const LARGE_SHARE = 5;

export interface MergePlan {
  /** Records at the front that stay as they are. */
  readonly skipped: number;
  /** Records after them that are replaced. */
  readonly replaced: readonly SliceRecord[];
  /** Where in the chunk the merged bytes begin, and how many they are. */
  readonly pos: number;
  readonly size: number;
}

/** How to merge the records of a chunk; undefined when there is nothing to gain. */
export function planMerge(records: readonly SliceRecord[]): MergePlan | undefined {
  const considered = records.slice(0, MAX_COMPACTED_RECORDS);
  const skipped = countSkipped(considered);
  const replaced = considered.slice(skipped);
  const { pos, size } = extent(replaced);
  return replaced.length < 2 || size === 0 ? undefined : { skipped, replaced, pos, size };
}

/** The stretch from the first to the last byte that is no hole. Holes alone become one byte, so that something takes their place. */
function extent(records: readonly SliceRecord[]): { pos: number; size: number; pieces: readonly ChunkPiece[] } {
  const all = overlayWithHoles(records);
  const first = all.findIndex((piece) => piece.id > 0n);
  const [start] = all;
  if (first < 0) return { pos: start?.pos ?? 0, size: all.length > 0 ? 1 : 0, pieces: all };
  const last = all.findLastIndex((piece) => piece.id > 0n);
  const pieces = all.slice(first, last + 1);
  const pos = pieces[0]?.pos ?? 0;
  const end = pieces[pieces.length - 1];
  return { pos, size: end === undefined ? 0 : end.pos + end.len - pos, pieces };
}

/** Large records at the front that nothing lies over, and that do not come again. */
function countSkipped(records: readonly SliceRecord[]): number {
  let skipped = 0;
  for (; skipped < records.length; skipped++) {
    const rest = records.slice(skipped);
    const [first] = rest;
    const { size, pieces } = extent(rest);
    if (first === undefined || first.len < LARGE_BYTES || first.len * LARGE_SHARE < size || size === 0) break;
    const [lowest] = pieces;
    if (lowest === undefined || !sameRecord(lowest, first)) break;
    if (rest.slice(1).some((record) => sameRecord(record, first))) break;
  }
  return skipped;
}

function sameRecord(a: SliceRecord, b: SliceRecord): boolean {
  return a.pos === b.pos && a.id === b.id && a.size === b.size && a.off === b.off && a.len === b.len;
}
