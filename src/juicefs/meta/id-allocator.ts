// Hands out ids from a counter of the volume in batches, as every client does: a batch is owned by who moved the counter.
import type { MetaEngine } from './engine.ts';

interface Range {
  next: bigint;
  readonly end: bigint;
}

export class IdAllocator {
  readonly #engine: MetaEngine;
  readonly #counter: string;
  readonly #batch: number;
  /** Ids below this are never handed out. */
  readonly #lowest: bigint;
  #ranges: Range[] = [];
  #available = 0;
  #refill: Promise<void> | undefined;

  constructor(engine: MetaEngine, counter: string, batch: number, lowest: bigint) {
    this.#engine = engine;
    this.#counter = counter;
    this.#batch = batch;
    this.#lowest = lowest;
  }

  /** Takes ids, fetching a batch when fewer are left. */
  async take(count: number): Promise<bigint[]> {
    while (this.#available < count) {
      this.#refill ??= this.#fetch(Math.max(count, this.#batch)).finally(() => {
        this.#refill = undefined;
      });
      await this.#refill;
    }
    const ids: bigint[] = [];
    for (const range of this.#ranges) {
      while (ids.length < count && range.next < range.end) ids.push(range.next++);
      if (ids.length === count) break;
    }
    this.#ranges = this.#ranges.filter((range) => range.next < range.end);
    this.#available -= count;
    return ids;
  }

  /** Gives back ids that were taken and not used. */
  giveBack(ids: readonly bigint[]): void {
    for (const id of ids) this.#ranges.unshift({ next: id, end: id + 1n });
    this.#available += ids.length;
  }

  async #fetch(count: number): Promise<void> {
    const batches = Math.ceil(count / this.#batch);
    const end = BigInt(await this.#engine.write(async (tx) => tx.addToCounter(this.#counter, batches * this.#batch)));
    const start = end - BigInt(batches * this.#batch);
    const range = { next: start < this.#lowest ? this.#lowest : start, end };
    this.#ranges.push(range);
    this.#available += Number(range.end - range.next);
  }
}
