// Compaction: many small slices of a chunk become one. The merged bytes are stored first; then one transaction puts the new slice
// in the place of the records that were read, if they are still the same. What was replaced stays as long as the trash does.
import type { BlockStore } from '../chunk/block-store.ts';
import type { Budget } from '../chunk/byte-budget.ts';
import { SliceFileReader } from '../chunk/file-reader.ts';
import { SliceWriter } from '../chunk/file-writer.ts';
import { MAX_COMPACTED_RECORDS, type MergePlan, planMerge } from '../chunk/merge-records.ts';
import { decodeRecords, encodeRecords, RECORD_BYTES, type SliceRecord } from '../chunk/slice-record.ts';
import { toAttributes } from '../meta/attributes.ts';
import { deleteSlice } from '../meta/deleted-data.ts';
import type { MetaTransaction, SliceRef } from '../meta/engine.ts';
import type { FilesystemContext } from '../meta/filesystem-context.ts';
import type { IdAllocator } from '../meta/id-allocator.ts';
import { unixNow } from '../meta/session.ts';
import { VolumeError } from '../volume.ts';

/** What compaction works with. */
export interface CompactionParts {
  readonly fs: FilesystemContext;
  readonly blocks: BlockStore;
  readonly buffers: Budget;
  readonly sliceIds: IdAllocator;
}

/** `lost`: another client changed the chunk meanwhile; nothing was replaced. */
export type CompactionOutcome =
  | { readonly outcome: 'nothing' | 'lost' }
  | { readonly outcome: 'compacted'; readonly slices: number; readonly bytes: number };

/** Merges the records of one chunk. EIO when one of its blocks cannot be read: the chunk then stays as it is. */
export async function compactChunk(parts: CompactionParts, inode: bigint, index: number): Promise<CompactionOutcome> {
  const { fs } = parts;
  const where = `inode ${inode}, chunk ${index}`;
  const [chunk] = await fs.engine.look(async (reader) => reader.chunks(inode, index, index));
  if (chunk === undefined) return { outcome: 'nothing' };
  const plan = planMerge(decodeRecords(chunk.slices, where));
  if (plan === undefined) return { outcome: 'nothing' };
  const origin = chunk.slices.subarray(0, MAX_COMPACTED_RECORDS * RECORD_BYTES);
  const writer = new SliceWriter(parts.blocks, parts.buffers, async () => firstOf(await parts.sliceIds.take(1)));
  let stored: bigint | undefined;
  try {
    stored = await storeMerged(parts, plan, writer);
    const freed = await replace(fs, inode, index, origin, plan, stored);
    if (freed === undefined) {
      await writer.discard();
      return { outcome: 'lost' };
    }
    writer.release();
    deleteLater(parts, inode, freed);
    return { outcome: 'compacted', slices: plan.replaced.length, bytes: plan.size };
  } catch (error) {
    // A commit whose answer was lost may have happened: blocks that a chunk refers to must stay.
    if (stored === undefined || !(await mayBeUsed(fs, inode, index, stored))) await writer.discard();
    else writer.release();
    throw error;
  }
}

/** Copies the visible bytes into a new slice; its id. */
async function storeMerged(
  { blocks, buffers }: CompactionParts,
  plan: MergePlan,
  writer: SliceWriter,
): Promise<bigint> {
  const end = plan.pos + plan.size;
  const reader = new SliceFileReader({
    attributes: { ...NO_ATTRIBUTES, size: end },
    chunks: new Map([[0, encodeRecords(plan.replaced)]]),
    blocks,
    held: buffers,
    onClose: () => undefined,
  });
  for await (const bytes of reader.read(plan.pos, end)) await writer.write(bytes);
  const slices = await writer.finish();
  const [slice] = slices;
  if (slice === undefined || slices.length !== 1 || slice.size !== plan.size) {
    throw new VolumeError('EIO', 'a compacted chunk did not become one slice');
  }
  return slice.id;
}

/** Attributes of no file: the reader needs a size alone. */
const NO_ATTRIBUTES = toAttributes({
  inode: 0n,
  type: 1,
  flags: 0,
  mode: 0,
  uid: 0,
  gid: 0,
  atimeNs: 0n,
  mtimeNs: 0n,
  ctimeNs: 0n,
  nlink: 1,
  length: 0,
  rdev: 0,
  parent: 0n,
  accessAcl: 0,
  defaultAcl: 0,
  tier: 0,
});

/** Puts the new slice in its place. Slices without references then; undefined when the chunk was changed. */
async function replace(
  fs: FilesystemContext,
  inode: bigint,
  index: number,
  origin: Uint8Array,
  plan: MergePlan,
  id: bigint,
): Promise<readonly SliceRef[] | undefined> {
  return fs.engine.write(async (tx) => {
    const current = await tx.lockChunk(inode, index);
    if (current === undefined || Buffer.compare(current.subarray(0, origin.length), origin) !== 0) return undefined;
    const merged = { pos: plan.pos, id, size: plan.size, off: 0, len: plan.size };
    const front = current.subarray(0, plan.skipped * RECORD_BYTES);
    const records = Buffer.concat([front, encodeRecords([merged]), current.subarray(origin.length)]);
    await tx.putChunk(inode, index, records);
    await tx.insertSliceRef(id, plan.size);
    const replaced = plan.replaced.filter((record) => record.id > 0n);
    if (fs.format.trashDays > 0) {
      if (replaced.length > 0) await tx.putDelayedSlices(id, unixNow(), encodeDelayed(replaced));
      return [];
    }
    return release(tx, replaced);
  });
}

/** Takes a reference from each record's slice; the slices that have none left. */
async function release(tx: MetaTransaction, records: readonly SliceRecord[]): Promise<readonly SliceRef[]> {
  const counts = new Map<bigint, { size: number; count: number }>();
  for (const { id, size } of records) {
    const seen = counts.get(id) ?? { size, count: 0 };
    seen.count += 1;
    counts.set(id, seen);
  }
  for (const [id, { size, count }] of counts) await tx.addSliceRefs(id, size, -count);
  return (await tx.sliceRefs([...counts].map(([id, { size }]) => ({ id, size })))).filter(({ refs }) => refs <= 0);
}

const DELAYED_RECORD_BYTES = 12;

function encodeDelayed(records: readonly SliceRecord[]): Buffer {
  const bytes = Buffer.alloc(records.length * DELAYED_RECORD_BYTES);
  records.forEach(({ id, size }, at) => {
    bytes.writeBigUInt64BE(id, at * DELAYED_RECORD_BYTES);
    bytes.writeUInt32BE(size, at * DELAYED_RECORD_BYTES + 8);
  });
  return bytes;
}

/** False only when the chunk is known not to refer to the slice. */
async function mayBeUsed(fs: FilesystemContext, inode: bigint, index: number, id: bigint): Promise<boolean> {
  try {
    const [chunk] = await fs.engine.look(async (reader) => reader.chunks(inode, index, index));
    return chunk !== undefined && decodeRecords(chunk.slices, `inode ${inode}`).some((record) => record.id === id);
  } catch (error) {
    fs.options.log.warn('it is not known whether a compaction took place; what it stored is left for gc', {
      inode: String(inode),
      reason: error instanceof Error ? error.message : String(error),
    });
    return true;
  }
}

/** Readers, here and in other processes, may hold the replaced slices: they go after the grace, or with the hourly job. */
function deleteLater({ fs, blocks }: CompactionParts, inode: bigint, slices: readonly SliceRef[]): void {
  if (slices.length === 0) return;
  const timer = setTimeout(() => {
    fs.openFiles.whenClosed(inode, () => {
      Promise.all(slices.map((slice) => deleteSlice(fs, blocks, slice))).catch((error: unknown) =>
        fs.options.log.warn('compacted slices could not be deleted; the hourly job tries again', {
          reason: error instanceof Error ? error.message : String(error),
        }),
      );
    });
  }, fs.options.deleteGraceMs);
  timer.unref();
}

function firstOf(ids: readonly bigint[]): bigint {
  const [id] = ids;
  if (id === undefined) throw new Error('no slice id was handed out');
  return id;
}

/** Records of a chunk from which on reading it is slow enough to compact it. */
const READ_THRESHOLD = 5;
/** Records of a chunk from which on a writer sees to it. */
const WRITE_THRESHOLD = 100;
/** Chunks that may wait; more are left to the next reader. */
const MAX_WAITING = 10;

/** Compacts in the background the chunks that readers find in many pieces: one at a time, each once. */
export class BackgroundCompaction {
  readonly #parts: CompactionParts;
  readonly #waiting = new Map<string, { inode: bigint; index: number }>();
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: CompactionParts) {
    this.#parts = parts;
  }

  /** Takes notice of the chunks of a file that was opened. */
  consider(inode: bigint, chunks: readonly { readonly index: number; readonly slices: Uint8Array }[]): void {
    const many = chunks.filter(({ slices }) => slices.length >= READ_THRESHOLD * RECORD_BYTES);
    this.#add(
      inode,
      many.map(({ index }) => index),
    );
  }

  /** Takes notice of a file that was made of others, with as many records in each chunk. */
  considerWritten(inode: bigint, records: ReadonlyMap<number, number>): void {
    const many = [...records].filter(([, count]) => count >= WRITE_THRESHOLD);
    this.#add(
      inode,
      many.map(([index]) => index),
    );
  }

  #add(inode: bigint, indices: readonly number[]): void {
    for (const index of indices) {
      if (this.#stopped || this.#waiting.size >= MAX_WAITING) return;
      this.#waiting.set(`${inode}:${index}`, { inode, index });
    }
    if (this.#waiting.size > 0) this.#running ??= this.#run();
  }

  /** The one under way is finished. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let [next] = this.#waiting; next !== undefined && !this.#stopped; [next] = this.#waiting) {
      const [key, { inode, index }] = next;
      await this.#compact(inode, index);
      this.#waiting.delete(key);
    }
    this.#running = undefined;
  }

  async #compact(inode: bigint, index: number): Promise<void> {
    const { log } = this.#parts.fs.options;
    try {
      await compactChunk(this.#parts, inode, index);
    } catch (error) {
      log.warn('a chunk could not be compacted', {
        inode: String(inode),
        index,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
