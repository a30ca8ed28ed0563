// Turns a stream of bytes into slices: blocks are uploaded as they fill, while more bytes arrive, and what was uploaded is
// remembered so that it can be committed or deleted. It knows nothing of paths or metadata.
import { VolumeError } from '../volume.ts';
import type { BlockDraft, BlockStore } from './block-store.ts';
import type { Budget } from './byte-budget.ts';
import { PieceList } from './piece-list.ts';
import { CHUNK_SIZE } from './slice-record.ts';

/** A slice under construction, or done: it lies at the start of its chunk and runs to `size`. */
export interface WrittenSlice {
  readonly chunkIndex: number;
  readonly id: bigint;
  size: number;
}

/** More bytes of a block than this are handed on before it is whole, where the store takes them: many slow clients hold little. */
const STAGED_BYTES = 512 * 1024;
/** Blocks that wait longer for their file than this are made young again. */
const RENEWAL_MS = 20 * 60_000;
/** Blocks of one writer under way at a time. */
const MAX_BLOCKS_IN_FLIGHT = 4;

export class SliceWriter {
  readonly #blocks: BlockStore;
  readonly #buffers: Budget;
  readonly #nextSliceId: () => Promise<bigint>;
  readonly #slices: WrittenSlice[] = [];
  readonly #uploads = new Set<Promise<void>>();
  readonly #gathered = new PieceList();
  /** The block that is being gathered, as far as it was handed on. */
  #draft: BlockDraft | undefined;
  #drafted = 0;
  #staging: Promise<void> = Promise.resolve();
  #storesWhole = false;
  #keptYoung: NodeJS.Timeout | undefined;
  #renewing: Promise<void> = Promise.resolve();
  #size = 0;
  #failure: unknown;
  #closed = false;

  /** `buffers` is the shared total of bytes on their way to the store. */
  constructor(blocks: BlockStore, buffers: Budget, nextSliceId: () => Promise<bigint>) {
    this.#blocks = blocks;
    this.#buffers = buffers;
    this.#nextSliceId = nextSliceId;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes all of the bytes over, waiting while too many blocks are under way. Nobody may write to them any more. */
  async write(data: Uint8Array): Promise<void> {
    this.#requireOpen();
    const { blockSize } = this.#blocks.layout;
    for (let at = 0; at < data.length; ) {
      const take = Math.min(data.length - at, blockSize - this.#blockLength);
      this.#gathered.add(take === data.length ? data : data.subarray(at, at + take));
      this.#size += take;
      at += take;
      if (this.#blockLength === blockSize) await this.#flushBlock();
      else if (this.#gathered.length > STAGED_BYTES && !this.#storesWhole) await this.#stage();
    }
  }

  /** Bytes of the block that is being gathered. */
  get #blockLength(): number {
    return this.#drafted + this.#gathered.length;
  }

  async #stage(): Promise<void> {
    const { slice, index } = await this.#placeOf(this.#size - this.#blockLength);
    this.#draft ??= this.#blocks.draft(slice.id, index);
    const draft = this.#draft;
    this.#storesWhole = draft === undefined;
    if (draft === undefined) return;
    this.#drafted += this.#gathered.length;
    const written = draft.write(this.#gathered.takeAll());
    this.#staging = written.catch((error: unknown) => {
      this.#failure ??= error;
    });
    await written;
  }

  /**
   * Nothing refers to these blocks before the commit, and garbage collection, this client's and others', takes what is older than an
   * hour: those of a long upload are made young again in between.
   */
  #keepYoung(): void {
    this.#keptYoung = setInterval(() => {
      this.#renewing = this.#renewing.then(() => this.#renew());
    }, RENEWAL_MS).unref();
  }

  async #renew(): Promise<void> {
    for (const slice of [...this.#slices]) {
      if (this.#closed) return;
      try {
        await this.#blocks.renewSlice({ id: slice.id, size: slice.size });
      } catch (error) {
        // They may be collected before the file is committed, so it must not be.
        this.#failure ??= error;
      }
    }
  }

  /** Uploads the rest and waits for everything; the slices in order. Rejects with the first failure. */
  async finish(): Promise<readonly WrittenSlice[]> {
    this.#requireOpen();
    if (this.#blockLength > 0) await this.#flushBlock();
    await Promise.all(this.#uploads);
    await this.#renewing;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#slices;
  }

  /** Waits for what is under way and deletes every block that was uploaded. */
  async discard(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#keptYoung);
    this.#gathered.takeAll();
    await this.#renewing;
    await this.#staging;
    await this.#draft?.discard();
    await Promise.all(this.#uploads);
    const slices = this.#slices.splice(0);
    await Promise.all(slices.map((slice) => this.#blocks.deleteSlice(slice)));
  }

  /** Nothing is to be written or discarded any more: the slices belong to a file. */
  release(): void {
    this.#closed = true;
    clearInterval(this.#keptYoung);
    this.#slices.length = 0;
  }

  #requireOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new VolumeError('EINVAL', 'the file was committed or aborted already');
  }

  async #flushBlock(): Promise<void> {
    const bytes = this.#blockLength;
    const held = this.#gathered.length;
    const { slice, index } = await this.#placeOf(this.#size - bytes);
    const rest = this.#gathered.takeAll();
    const draft = this.#draft;
    this.#draft = undefined;
    this.#drafted = 0;
    slice.size += bytes;
    while (this.#uploads.size >= MAX_BLOCKS_IN_FLIGHT) await Promise.race(this.#uploads);
    await this.#buffers.acquire(held);
    if (this.#closed) {
      // Discarded while it waited: nothing may be uploaded behind its back.
      this.#buffers.release(held);
      await draft?.discard();
      throw new VolumeError('ECANCELED', 'the file was aborted');
    }
    const store = (): Promise<void> =>
      draft === undefined ? this.#blocks.put(slice.id, index, rest) : finished(draft, rest, bytes);
    const upload = this.#upload(store, held);
    this.#uploads.add(upload);
    upload.then(() => this.#uploads.delete(upload));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The slice and the block that begin, or go on, at a place of the file. */
  async #placeOf(start: number): Promise<{ slice: WrittenSlice; index: number }> {
    const index = Math.floor((start % CHUNK_SIZE) / this.#blocks.layout.blockSize);
    return { slice: await this.#sliceAt(start), index };
  }

  async #sliceAt(start: number): Promise<WrittenSlice> {
    const chunkIndex = Math.floor(start / CHUNK_SIZE);
    const last = this.#slices[this.#slices.length - 1];
    if (last?.chunkIndex === chunkIndex) return last;
    const slice = { chunkIndex, id: await this.#nextSliceId(), size: 0 };
    this.#slices.push(slice);
    if (this.#keptYoung === undefined) this.#keepYoung();
    return slice;
  }

  /** Never rejects: a failure is kept for the next call, so that none goes unnoticed or unhandled. */
  async #upload(store: () => Promise<void>, held: number): Promise<void> {
    try {
      await store();
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#buffers.release(held);
    }
  }
}

async function finished(draft: BlockDraft, rest: readonly Uint8Array[], bytes: number): Promise<void> {
  try {
    await draft.finish(rest, bytes);
  } catch (error) {
    await draft.discard();
    throw error;
  }
}
