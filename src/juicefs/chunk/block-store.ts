// Blocks in the object store: keys, compression, how many move at a time, and errors that name the block.
import {
  type ByteRange,
  bytesOf,
  ObjectMissingError,
  type ObjectStore,
  renewObject,
  wholeOf,
} from '../storage/object-store.ts';
import { ReadBuffers, SMALL_BUFFER_BYTES } from '../storage/read-buffers.ts';
import { DataLostError, LASTING_PIECE_BYTES, VolumeError } from '../volume.ts';
import type { BlockCache } from './block-cache.ts';
import type { BlockCodec } from './block-codec.ts';
import { type BlockLayout, blockBytes, blockCount, blockKey } from './block-key.ts';
import { Budget } from './byte-budget.ts';
import { SmallBlocks } from './small-blocks.ts';

export interface BlockStoreLimits {
  readonly maxUploads: number;
  readonly maxDownloads: number;
  readonly maxDeletes: number;
  /** Blocks fetched whole beside the small part that was asked for, at a time; only where there is a cache. */
  readonly prefetch: number;
  /** Bytes of small blocks kept in memory; 0 or absent: none. */
  readonly smallBlockBytes?: number;
  /** Bytes fetched ahead of one reader, at most, but for the unit that it reads; 0 or absent: as many as are worth it. */
  readonly maxReadahead?: number;
}

const MAX_UNITS_AHEAD = 8;
/** Where the operating system fetches ahead. */
const MAX_LOCAL_UNITS_AHEAD = 2;
/** Bytes of decoded blocks ahead of one reader, though two blocks at least. */
const MAX_DECODED_AHEAD = 16 * 1024 * 1024;

/** A part of a block that is smaller than this share of it is read alone, and the block not kept. */
const SMALL_SHARE = 4;

/** A stored slice: its id and all its bytes. */
export interface StoredSlice {
  readonly id: bigint;
  readonly size: number;
}

/** A block that nobody sees yet. */
export interface BlockDraft {
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** Adds the last pieces, and makes it the block of so many bytes. */
  finish(pieces: readonly Uint8Array[], bytes: number): Promise<void>;
  /** Leaves nothing of it. */
  discard(): Promise<void>;
}

export class BlockStore {
  readonly layout: BlockLayout;
  readonly #objects: ObjectStore;
  readonly #codec: BlockCodec;
  readonly #uploads: Budget;
  readonly #downloads: Budget;
  readonly #deletes: Budget;
  readonly #cache: BlockCache | undefined;
  readonly #small: SmallBlocks | undefined;
  readonly #maxReadahead: number;
  readonly #prefetch: Budget;
  readonly #prefetching = new Set<string>();
  readonly #buffers = new ReadBuffers();

  constructor(
    objects: ObjectStore,
    codec: BlockCodec,
    layout: BlockLayout,
    limits: BlockStoreLimits,
    cache?: BlockCache,
  ) {
    this.layout = layout;
    this.#objects = objects;
    this.#codec = codec;
    this.#uploads = new Budget(limits.maxUploads);
    this.#downloads = new Budget(limits.maxDownloads);
    this.#deletes = new Budget(Math.max(1, limits.maxDeletes));
    this.#cache = cache;
    const { smallBlockBytes = 0, maxReadahead = 0 } = limits;
    this.#maxReadahead = maxReadahead;
    this.#small = smallBlockBytes > 0 ? new SmallBlocks(smallBlockBytes) : undefined;
    this.#prefetch = new Budget(limits.prefetch);
  }

  async close(): Promise<void> {
    await this.#cache?.close();
  }

  /** Forgets what is in memory: the store is another one now. */
  forget(): void {
    this.#small?.clear();
  }

  /** Bytes worth reading at once: parts of a block where that can be, whole blocks otherwise. */
  get readUnit(): number {
    // What is kept is kept whole.
    if (!this.#codec.identity || this.#cache !== undefined) return this.layout.blockSize;
    return Math.min(this.#objects.readUnit, this.layout.blockSize);
  }

  /** As of an object store. */
  get local(): boolean {
    return this.#objects.local === true;
  }

  /** Bytes that a reader gets at once at least, however many others read: less than a unit where a part costs little. */
  get leastUnit(): number {
    const inParts = this.#codec.identity && this.#cache === undefined && this.#objects.local === true;
    return inParts ? Math.min(SMALL_BUFFER_BYTES, this.readUnit) : this.readUnit;
  }

  /** Units worth fetching ahead of one reader: compressed blocks are decoded about one at a time, so many large ones only wait. */
  get maxUnitsAhead(): number {
    const plain = this.#objects.local === true ? MAX_LOCAL_UNITS_AHEAD : MAX_UNITS_AHEAD;
    const worthIt = this.#codec.identity ? plain : Math.floor(MAX_DECODED_AHEAD / this.layout.blockSize);
    const most = this.#maxReadahead > 0 ? Math.floor(this.#maxReadahead / this.readUnit) : MAX_UNITS_AHEAD;
    return Math.max(1, Math.min(MAX_UNITS_AHEAD, Math.max(2, worthIt), most));
  }

  /** Stores a block, whose bytes come in pieces. */
  async put(slice: bigint, index: number, block: readonly Uint8Array[]): Promise<void> {
    const key = blockKey(this.layout, slice, index, bytesOf(block));
    await this.#storing(key, async () => {
      const stored = this.#codec.identity ? block : await this.#codec.encode(wholeOf(block));
      // Nobody knows of a block before the metadata names it.
      await (this.#objects.putUnseen?.(key, stored) ?? this.#objects.put(key, stored));
    });
  }

  /** Begins a block whose bytes come bit by bit; undefined where blocks are stored whole. */
  draft(slice: bigint, index: number): BlockDraft | undefined {
    if (!this.#codec.identity) return undefined;
    const key = blockKey(this.layout, slice, index, this.layout.blockSize);
    const draft = this.#objects.draft?.(key);
    if (draft === undefined) return undefined;
    return {
      write: (pieces) => this.#storing(key, () => draft.write(pieces)),
      finish: (pieces, bytes) =>
        this.#storing(key, async () => {
          await draft.write(pieces);
          await draft.publish(blockKey(this.layout, slice, index, bytes));
        }),
      discard: () => draft.discard(),
    };
  }

  async #storing(key: string, store: () => Promise<void>): Promise<void> {
    await this.#uploads.acquire(1);
    try {
      await store();
    } catch (cause) {
      if (isFull(cause)) throw new VolumeError('ENOSPC', `no space left to store block ${key}`, { cause });
      throw new VolumeError('EIO', `cannot store block ${key}: ${reasonOf(cause)}`, { cause });
    } finally {
      this.#uploads.release(1);
    }
  }

  /** Whoever got bytes from `get` is done with them, and nobody else has them. */
  giveBack(bytes: Uint8Array): void {
    this.#buffers.giveBack(bytes);
  }

  /**
   * Bytes [start, end) of a block of a slice. EIO, naming the block, when they are not there or not right. `reuse`: they will be
   * given back, if they are many.
   */
  async get(
    slice: StoredSlice,
    index: number,
    start: number,
    end: number,
    signal?: AbortSignal,
    reuse = false,
  ): Promise<Uint8Array> {
    const bytes = blockBytes(this.layout, slice.size, index);
    const key = blockKey(this.layout, slice.id, index, bytes);
    const kept = this.#small?.get(key);
    if (kept !== undefined) return start === 0 && end === bytes ? kept : kept.subarray(start, end);
    const cached = await this.#cache?.get(key, bytes, start, end);
    if (cached !== undefined) return cached;
    const part = this.#codec.identity && (start > 0 || end < bytes);
    const small = part && (end - start) * SMALL_SHARE < bytes;
    if (part && (small || this.#cache === undefined)) {
      if (small) this.#fetchBeside(key, bytes);
      return this.#getPart(key, bytes, { start, end }, signal, reuse && end - start > LASTING_PIECE_BYTES);
    }
    // What is kept, or decoded into other memory, cannot be given back.
    const shared = reuse && this.#codec.identity && this.#cache === undefined && bytes > LASTING_PIECE_BYTES;
    const clearings = this.#small?.clearings ?? 0;
    const block = await this.#getWhole(key, bytes, signal, shared);
    this.#cache?.put(key, block);
    this.#small?.put(key, block, clearings);
    return start === 0 && end === bytes ? block : block.subarray(start, end);
  }

  #getPart(
    key: string,
    bytes: number,
    { start, end }: ByteRange,
    signal: AbortSignal | undefined,
    shared: boolean,
  ): Promise<Uint8Array> {
    return this.#download(key, signal, async () => {
      const part = await this.#objects.get(key, { start, end }, signal, shared ? this.#buffers : undefined);
      if (part.length !== end - start) {
        throw new RangeError(`the block ends at ${start + part.length}, not at ${bytes}`);
      }
      return part;
    });
  }

  #getWhole(key: string, bytes: number, signal: AbortSignal | undefined, shared = false): Promise<Uint8Array> {
    return this.#download(key, signal, async () => {
      const stored = await this.#objects.get(key, undefined, signal, shared ? this.#buffers : undefined);
      try {
        return await this.#codec.decode(stored, bytes);
      } catch (cause) {
        throw new DamagedBlock('the stored bytes are no block', { cause });
      }
    });
  }

  /** Who reads a small part of a block often wants more of it soon. */
  #fetchBeside(key: string, bytes: number): void {
    if (this.#cache === undefined || this.#prefetching.has(key) || !this.#prefetch.tryAcquire(1)) return;
    this.#prefetching.add(key);
    const done = (): void => {
      this.#prefetch.release(1);
      this.#prefetching.delete(key);
    };
    // The reader itself hears of what is wrong with the block.
    this.#getWhole(key, bytes, undefined)
      .then((block) => this.#cache?.put(key, block))
      .then(done, done);
  }

  async #download(key: string, signal: AbortSignal | undefined, run: () => Promise<Uint8Array>): Promise<Uint8Array> {
    await this.#downloads.acquire(1);
    try {
      return await run();
    } catch (cause) {
      if (signal?.aborted === true) throw new VolumeError('ECANCELED', 'the read was cancelled', { cause });
      if (cause instanceof ObjectMissingError) throw new DataLostError(`block ${key} is missing`, { cause });
      const what = 'unreadable or damaged';
      if (cause instanceof RangeError || cause instanceof DamagedBlock) {
        throw new DataLostError(`block ${key} is ${what}`, {
          cause: cause instanceof DamagedBlock ? cause.cause : cause,
        });
      }
      throw new VolumeError('EIO', `block ${key} is ${what}`, { cause });
    } finally {
      this.#downloads.release(1);
    }
  }

  /** Makes the blocks of a slice as young as if they were stored now; those that are not stored yet, or cannot be renewed, are left. */
  async renewSlice(slice: StoredSlice): Promise<void> {
    for (let index = 0; index < blockCount(this.layout, slice.size); index++) {
      const key = blockKey(this.layout, slice.id, index, blockBytes(this.layout, slice.size, index));
      await this.#uploads.acquire(1);
      try {
        await renewObject(this.#objects, key);
      } finally {
        this.#uploads.release(1);
      }
    }
  }

  /** Deletes every block of a slice; rejects when one could not be deleted. */
  async deleteSlice(slice: StoredSlice): Promise<void> {
    const count = blockCount(this.layout, slice.size);
    await Promise.all(Array.from({ length: count }, (_, index) => this.deleteBlock(slice, index)));
  }

  async deleteBlock(slice: StoredSlice, index: number): Promise<void> {
    const key = blockKey(this.layout, slice.id, index, blockBytes(this.layout, slice.size, index));
    await this.#deletes.acquire(1);
    try {
      this.#small?.delete(key);
      await this.#cache?.delete(key);
      await this.#objects.delete(key);
    } finally {
      this.#deletes.release(1);
    }
  }
}

/** The object is there, and what it holds is not what was stored. */
class DamagedBlock extends Error {}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
