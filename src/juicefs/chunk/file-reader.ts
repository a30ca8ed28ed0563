// Reads a file out of its slices, in order, a unit at a time, with some units fetched ahead. How far ahead follows the
// reader: it grows only while the reader is faster than the store. What all readers hold is counted in one budget, of which those
// that took nothing yet get half; a reader for which there is nothing left goes on in small units. So a slow client holds little,
// and nothing that another waits for.
import { ObjectMissingError } from '../storage/object-store.ts';
import { type Attributes, type FileReader, type ReadOptions, VolumeError } from '../volume.ts';
import type { BlockStore } from './block-store.ts';
import type { Budget } from './byte-budget.ts';
import { CHUNK_SIZE, clip, decodeRecords, overlay, type SliceRecord } from './slice-record.ts';

/** A stretch of the file: bytes of one block, or zeros. */
interface ReadUnit {
  readonly length: number;
  readonly slice: { readonly id: bigint; readonly size: number } | undefined;
  readonly block: number;
  readonly start: number;
}

/** Zeros are handed out in pieces of at most this. */
const ZERO_UNIT = 1024 * 1024;
const ZEROS = new Uint8Array(ZERO_UNIT);

export interface FileReaderParts {
  readonly attributes: Attributes;
  /** Stored slice records of each chunk, by index. */
  readonly chunks: ReadonlyMap<number, Uint8Array>;
  readonly blocks: BlockStore;
  /** Bytes that readers may hold, in total, beside a small unit each. */
  readonly held: Budget;
  /** The chunks as they are now; for a reader that finds a block gone, as a compaction leaves it. */
  readonly reload?: () => Promise<ReadonlyMap<number, Uint8Array>>;
  readonly onClose: () => void;
}

/** Why fetches of a finished read are given up. A constant, because an error is dear to make and this one is seen by nobody. */
const OVER = new VolumeError('ECANCELED', 'the read is over');

/** Share of the budget that is not for readers that took nothing yet. */
const NEW_READERS_LEAVE = 0.5;

/** Times one read starts again because the file's slices were replaced under it. */
const MAX_RELOADS = 3;

export class SliceFileReader implements FileReader {
  readonly attributes: Attributes;
  readonly #parts: FileReaderParts;
  #chunks: ReadonlyMap<number, Uint8Array>;
  #open = true;

  constructor(parts: FileReaderParts) {
    this.attributes = parts.attributes;
    this.#parts = parts;
    this.#chunks = parts.chunks;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#parts.onClose();
  }

  async readAll(signal?: AbortSignal): Promise<Uint8Array> {
    if (!this.#open) throw new VolumeError('EINVAL', 'the reader is closed');
    const units = [...this.#units(0, this.attributes.size, { bytes: this.#parts.blocks.readUnit })];
    try {
      const parts = await Promise.all(
        units.map(({ slice, block, start, length }) =>
          slice === undefined
            ? ZEROS.subarray(0, length)
            : this.#parts.blocks.get(slice, block, start, start + length, signal),
        ),
      );
      return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    } catch (error) {
      if (!isBlockMissing(error)) throw error;
      // Compacted meanwhile: `read` knows what to do.
      const parts: Uint8Array[] = [];
      for await (const bytes of this.read(0, this.attributes.size, signal)) parts.push(Uint8Array.from(bytes));
      return Buffer.concat(parts);
    }
  }

  async *read(
    start: number,
    end: number,
    signal?: AbortSignal,
    { reuse = false }: ReadOptions = {},
  ): AsyncGenerator<Uint8Array> {
    if (!this.#open) throw new VolumeError('EINVAL', 'the reader is closed');
    const last = Math.min(end, this.attributes.size);
    let at = Math.max(0, start);
    for (let reloads = 0; ; reloads++) {
      try {
        for await (const bytes of this.#stream(at, last, signal, reuse)) {
          at += bytes.length;
          yield bytes;
        }
        return;
      } catch (error) {
        if (reloads >= MAX_RELOADS || !isBlockMissing(error) || !(await this.#reload())) throw error;
      }
    }
  }

  /** Takes over the slices as they are now; false when they are the same. */
  async #reload(): Promise<boolean> {
    const chunks = await this.#parts.reload?.();
    if (chunks === undefined || chunks.size === 0 || sameChunks(chunks, this.#chunks)) return false;
    this.#chunks = chunks;
    return true;
  }

  async *#stream(
    start: number,
    last: number,
    signal: AbortSignal | undefined,
    reuse: boolean,
  ): AsyncGenerator<Uint8Array> {
    if (signal?.aborted === true) throw new VolumeError('ECANCELED', 'the read was cancelled');
    const only = this.#onlyUnit(start, last);
    const charged = only === undefined ? undefined : this.#chargeOnly(only.length);
    if (only?.slice === undefined || charged === undefined) {
      yield* this.#streamAhead(start, last, signal, reuse);
      return;
    }
    // Nothing to fetch ahead, and nothing to give up: a small object needs no more than its bytes.
    const { blocks, held } = this.#parts;
    try {
      const bytes = await blocks.get(only.slice, only.block, only.start, only.start + only.length, signal, reuse);
      yield bytes;
      if (reuse) blocks.giveBack(bytes);
    } finally {
      held.release(charged);
    }
  }

  /** All of the range, where that is one unit. */
  #onlyUnit(start: number, last: number): ReadUnit | undefined {
    const { readUnit } = this.#parts.blocks;
    if (last - start > readUnit) return undefined;
    const units = this.#units(start, last, { bytes: readUnit });
    const only = units.next().value;
    return only?.length === last - start ? only : undefined;
  }

  /** Bytes of the budget that are taken for a piece that is all there is to read; undefined when it is to come in smaller ones. */
  #chargeOnly(length: number): number | undefined {
    const { blocks, held } = this.#parts;
    if (length <= blocks.leastUnit) return 0;
    return held.tryAcquire(length, held.total * NEW_READERS_LEAVE) ? length : undefined;
  }

  async *#streamAhead(
    start: number,
    last: number,
    signal: AbortSignal | undefined,
    reuse: boolean,
  ): AsyncGenerator<Uint8Array> {
    const { blocks, held } = this.#parts;
    const fetches = new Fetches(signal, blocks.local);
    const size = { bytes: blocks.readUnit };
    const units = this.#units(start, last, size);
    const ahead: Fetch[] = [];
    let window = 1;
    let leaving = held.total * NEW_READERS_LEAVE;
    let current: Fetch | undefined;
    /** The next unit: as large as is worth it, or a small one if it must be, or none. */
    const fetch = (must: boolean): Fetch | undefined => {
      const charged = held.tryAcquire(blocks.readUnit, leaving) ? blocks.readUnit : 0;
      if (charged === 0 && !must) return undefined;
      size.bytes = charged === 0 ? blocks.leastUnit : blocks.readUnit;
      const next = this.#fetch(units.next().value, fetches.signal, reuse, charged);
      if (next === undefined) held.release(charged);
      return next;
    };
    try {
      for (;;) {
        if (signal?.aborted === true) throw new VolumeError('ECANCELED', 'the read was cancelled');
        current = ahead.shift() ?? fetch(true);
        if (current === undefined) return;
        while (ahead.length < window) {
          const next = fetch(false);
          if (next === undefined) break;
          ahead.push(next);
        }
        // The reader had to wait for what was fetched ahead: the store is the slower one.
        if (!current.settled && window < blocks.maxUnitsAhead) window *= 2;
        const bytes = await current.bytes;
        yield bytes;
        // Asked for the next: a reader that stops instead may still be sending this one, which is then left to the collector.
        if (reuse) blocks.giveBack(bytes);
        held.release(current.charged);
        current = undefined;
        leaving = 0;
      }
    } finally {
      fetches.end();
      held.release(current?.charged ?? 0);
      for (const { charged } of ahead) held.release(charged);
    }
  }

  #fetch(
    unit: ReadUnit | undefined,
    signal: AbortSignal | undefined,
    reuse: boolean,
    charged: number,
  ): Fetch | undefined {
    if (unit === undefined) return undefined;
    if (unit.slice === undefined) {
      return { bytes: Promise.resolve(ZEROS.subarray(0, unit.length)), settled: true, charged };
    }
    const end = unit.start + unit.length;
    const bytes = this.#parts.blocks.get(unit.slice, unit.block, unit.start, end, signal, reuse);
    const fetch: Fetch = { bytes, settled: false, charged };
    const settle = (): void => {
      fetch.settled = true;
    };
    // Also keeps the failure of a unit nobody came to read from being an unhandled rejection.
    bytes.then(settle, settle);
    return fetch;
  }

  /** What a range is made of. `size`: bytes of a unit, which may change from one to the next. */
  *#units(start: number, end: number, size: UnitSize): Generator<ReadUnit, undefined> {
    for (let at = start; at < end; ) {
      const index = Math.floor(at / CHUNK_SIZE);
      const base = index * CHUNK_SIZE;
      const chunkEnd = Math.min(end, base + CHUNK_SIZE) - base;
      yield* this.#chunkUnits(index, at - base, chunkEnd, size);
      at = base + chunkEnd;
    }
    return undefined;
  }

  *#chunkUnits(index: number, start: number, end: number, size: UnitSize): Generator<ReadUnit> {
    const stored = this.#chunks.get(index);
    const where = `inode ${this.attributes.inode}, chunk ${index}`;
    const pieces = stored === undefined ? [] : overlay(decodeRecords(stored, where));
    let at = start;
    for (const piece of pieces) {
      const from = Math.max(piece.pos, start);
      const to = Math.min(piece.pos + piece.len, end);
      if (from >= to) continue;
      yield* zeroUnits(from - at);
      yield* this.#pieceUnits(clip(piece, from, to), size);
      at = to;
    }
    yield* zeroUnits(end - at);
  }

  *#pieceUnits(piece: SliceRecord, size: UnitSize): Generator<ReadUnit> {
    const { layout } = this.#parts.blocks;
    const end = piece.off + piece.len;
    for (let at = piece.off; at < end; ) {
      const block = Math.floor(at / layout.blockSize);
      const start = at - block * layout.blockSize;
      // Units end on multiples of the unit, so that a block is read in few whole parts.
      const unitEnd = Math.min((Math.floor(start / size.bytes) + 1) * size.bytes, layout.blockSize);
      const length = Math.min(unitEnd - start, end - at);
      yield { length, slice: piece, block, start };
      at += length;
    }
  }
}

function isBlockMissing(error: unknown): boolean {
  return error instanceof VolumeError && error.cause instanceof ObjectMissingError;
}

function sameChunks(a: ReadonlyMap<number, Uint8Array>, b: ReadonlyMap<number, Uint8Array>): boolean {
  return (
    a.size === b.size &&
    [...a].every(([index, slices]) => Buffer.from(slices).equals(b.get(index) ?? new Uint8Array(0)))
  );
}

interface UnitSize {
  bytes: number;
}

/** The signal of what is fetched for one read: the reader's, and given when the read is over; a store of files heeds none. */
class Fetches {
  readonly signal: AbortSignal | undefined;
  readonly #outer: AbortSignal | undefined;
  readonly #stop: AbortController | undefined;
  readonly #onAbort = (): void => this.#stop?.abort(this.#outer?.reason);

  constructor(outer: AbortSignal | undefined, deaf: boolean) {
    this.#outer = outer;
    this.#stop = deaf ? undefined : new AbortController();
    this.signal = this.#stop?.signal ?? outer;
    if (this.#stop !== undefined) outer?.addEventListener('abort', this.#onAbort);
  }

  end(): void {
    this.#outer?.removeEventListener('abort', this.#onAbort);
    this.#stop?.abort(OVER);
  }
}

interface Fetch {
  readonly bytes: Promise<Uint8Array>;
  settled: boolean;
  /** Bytes of the shared budget it holds. */
  charged: number;
}

function* zeroUnits(length: number): Generator<ReadUnit> {
  for (let left = length; left > 0; left -= ZERO_UNIT) {
    yield { length: Math.min(left, ZERO_UNIT), slice: undefined, block: 0, start: 0 };
  }
}
