// Reads a file out of its slices, in order, a unit at a time, with some units fetched ahead. How far ahead follows the
// reader: it grows only while the reader is faster than the store, and only within the shared budget, so that a slow
// client holds one unit and no more.
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
  /** Bytes that may be held ahead of readers, in total. */
  readonly ahead: Budget;
  /** The chunks as they are now; for a reader that finds a block gone, as a compaction leaves it. */
  readonly reload?: () => Promise<ReadonlyMap<number, Uint8Array>>;
  readonly onClose: () => void;
}

/** Why fetches of a finished read are given up. A constant, because an error is dear to make and this one is seen by nobody. */
const OVER = new VolumeError('ECANCELED', 'the read is over');

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
    const units = [...this.#units(0, this.attributes.size)];
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
    if (last - start <= this.#parts.blocks.readUnit) {
      const units = [...this.#units(start, last)];
      const [only] = units;
      if (only?.slice !== undefined && units.length === 1) {
        // Nothing to fetch ahead, and nothing to give up: a small object needs no more than its bytes.
        const { blocks } = this.#parts;
        const bytes = await blocks.get(only.slice, only.block, only.start, only.start + only.length, signal, reuse);
        yield bytes;
        if (reuse) blocks.giveBack(bytes);
        return;
      }
    }
    yield* this.#streamAhead(start, last, signal, reuse);
  }

  async *#streamAhead(
    start: number,
    last: number,
    signal: AbortSignal | undefined,
    reuse: boolean,
  ): AsyncGenerator<Uint8Array> {
    const stop = new AbortController();
    const cancelled = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    const units = this.#units(start, last);
    const ahead: Fetch[] = [];
    let window = 1;
    try {
      for (;;) {
        if (signal?.aborted === true) throw new VolumeError('ECANCELED', 'the read was cancelled');
        const current = ahead.shift() ?? this.#fetch(units.next().value, cancelled, reuse, 0);
        if (current === undefined) return;
        while (ahead.length < window) {
          const next = this.#fetchAhead(units, cancelled, reuse);
          if (next === undefined) break;
          ahead.push(next);
        }
        // The reader had to wait for what was fetched ahead: the store is the slower one.
        if (!current.settled && window < this.#parts.blocks.maxUnitsAhead) window *= 2;
        const bytes = await this.#take(current);
        yield bytes;
        // Asked for the next: a reader that stops instead may still be sending this one, which is then left to the collector.
        if (reuse) this.#parts.blocks.giveBack(bytes);
      }
    } finally {
      stop.abort(OVER);
      for (const fetch of ahead) this.#parts.ahead.release(fetch.charged);
    }
  }

  async #take(fetch: Fetch): Promise<Uint8Array> {
    try {
      return await fetch.bytes;
    } finally {
      this.#parts.ahead.release(fetch.charged);
    }
  }

  #fetchAhead(units: Generator<ReadUnit, undefined>, signal: AbortSignal, reuse: boolean): Fetch | undefined {
    const unit = this.#parts.blocks.readUnit;
    if (!this.#parts.ahead.tryAcquire(unit)) return undefined;
    const fetch = this.#fetch(units.next().value, signal, reuse, unit);
    if (fetch === undefined) this.#parts.ahead.release(unit);
    return fetch;
  }

  #fetch(unit: ReadUnit | undefined, signal: AbortSignal, reuse: boolean, charged: number): Fetch | undefined {
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

  *#units(start: number, end: number): Generator<ReadUnit, undefined> {
    for (let at = start; at < end; ) {
      const index = Math.floor(at / CHUNK_SIZE);
      const base = index * CHUNK_SIZE;
      const chunkEnd = Math.min(end, base + CHUNK_SIZE) - base;
      yield* this.#chunkUnits(index, at - base, chunkEnd);
      at = base + chunkEnd;
    }
    return undefined;
  }

  *#chunkUnits(index: number, start: number, end: number): Generator<ReadUnit> {
    const stored = this.#chunks.get(index);
    const where = `inode ${this.attributes.inode}, chunk ${index}`;
    const pieces = stored === undefined ? [] : overlay(decodeRecords(stored, where));
    let at = start;
    for (const piece of pieces) {
      const from = Math.max(piece.pos, start);
      const to = Math.min(piece.pos + piece.len, end);
      if (from >= to) continue;
      yield* zeroUnits(from - at);
      yield* this.#pieceUnits(clip(piece, from, to));
      at = to;
    }
    yield* zeroUnits(end - at);
  }

  *#pieceUnits(piece: SliceRecord): Generator<ReadUnit> {
    const { readUnit, layout } = this.#parts.blocks;
    const end = piece.off + piece.len;
    for (let at = piece.off; at < end; ) {
      const block = Math.floor(at / layout.blockSize);
      const start = at - block * layout.blockSize;
      // Units end on multiples of the unit, so that a block is read in few whole parts.
      const unitEnd = Math.min((Math.floor(start / readUnit) + 1) * readUnit, layout.blockSize);
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
