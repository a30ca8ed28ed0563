// Deletes what nothing refers to any more: the chunks of removed files, the slices whose last reference went with them,
// and their blocks. Every step can be repeated, and the row that remembers the work goes last.
import type { BlockStore } from '../chunk/block-store.ts';
import { decodeRecords } from '../chunk/slice-record.ts';
import { VolumeError } from '../volume.ts';
import type { DeletedFile, SliceName, SliceRef } from './engine.ts';
import type { FilesystemContext } from './filesystem-context.ts';

const DELAYED_RECORD_BYTES = 12;

/** Deletes a removed file's chunks and the slices only it used, then forgets it. */
export async function deleteFileData(fs: FilesystemContext, blocks: BlockStore, file: DeletedFile): Promise<void> {
  // The rows say which chunks there are: a file that was truncated may have some beyond its length.
  const chunks = await fs.engine.look(async (reader) => reader.chunksOfDeleted(file));
  for (const { index } of chunks) await deleteChunk(fs, blocks, file.inode, index);
  await fs.engine.write(async (tx) => tx.dequeueDeletedFile(file));
}

async function deleteChunk(fs: FilesystemContext, blocks: BlockStore, inode: bigint, index: number): Promise<void> {
  const freed = await fs.engine.write(async (tx) => {
    const stored = await tx.lockChunk(inode, index);
    if (stored === undefined) return [];
    const counts = new Map<bigint, { size: number; count: number }>();
    for (const { id, size } of recordsOf(fs, stored, inode, index)) {
      if (id === 0n) continue;
      const seen = counts.get(id) ?? { size, count: 0 };
      seen.count += 1;
      counts.set(id, seen);
    }
    for (const [id, { size, count }] of counts) await tx.addSliceRefs(id, size, -count);
    await tx.deleteChunk(inode, index);
    return (await tx.sliceRefs([...counts].map(([id, { size }]) => ({ id, size })))).filter(({ refs }) => refs <= 0);
  });
  for (const slice of freed) await deleteSlice(fs, blocks, slice);
}

/** A damaged list frees nothing: what it pointed to is left for `gc`. */
function recordsOf(fs: FilesystemContext, slices: Uint8Array, inode: bigint, index: number) {
  try {
    return decodeRecords(slices, `inode ${inode}, chunk ${index}`);
  } catch (error) {
    if (!(error instanceof VolumeError)) throw error;
    fs.options.log.warn('a removed file has a damaged slice list; its blocks stay until garbage collection', {
      reason: error.message,
    });
    return [];
  }
}

/** Deletes a slice nobody refers to: its blocks first, its row last. With `maxDeletes` 0 the row stays for others. */
export async function deleteSlice(fs: FilesystemContext, blocks: BlockStore, slice: SliceName): Promise<void> {
  if (fs.options.maxDeletes === 0) return;
  await blocks.deleteSlice(slice);
  await fs.engine.write(async (tx) => tx.deleteSliceRef(slice.id, slice.size));
}

/** Gives up the slices that compaction replaced long enough ago. */
export async function releaseDelayedSlices(
  fs: FilesystemContext,
  blocks: BlockStore,
  deletedBefore: number,
  limit: number,
): Promise<number> {
  const rows = await fs.engine.look(async (reader) => reader.delayedSlices(deletedBefore, limit));
  for (const row of rows) {
    const freed = await fs.engine.write(async (tx): Promise<SliceRef[]> => {
      if (!(await tx.deleteDelayedSlices(row))) return [];
      const slices = decodeDelayed(row.slices);
      for (const { id, size } of slices) await tx.addSliceRefs(id, size, -1);
      return (await tx.sliceRefs(slices)).filter(({ refs }) => refs <= 0);
    });
    for (const slice of freed) await deleteSlice(fs, blocks, slice);
  }
  return rows.length;
}

function decodeDelayed(stored: Uint8Array): SliceName[] {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  const names: SliceName[] = [];
  for (let at = 0; at + DELAYED_RECORD_BYTES <= bytes.length; at += DELAYED_RECORD_BYTES) {
    names.push({ id: bytes.readBigUInt64BE(at), size: bytes.readUInt32BE(at + 8) });
  }
  return names;
}
