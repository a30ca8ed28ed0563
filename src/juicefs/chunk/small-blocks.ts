// Small blocks that were read lately, in memory. A file system takes four calls to give out a small block, which cost more than all
// else of reading a small object; large blocks gain little and would push the others out. A block never changes under its key.
import { LRUCache } from 'lru-cache';
import { LASTING_PIECE_BYTES } from '../volume.ts';

/** Blocks up to this many bytes are kept. */
const MAX_BLOCK_BYTES = LASTING_PIECE_BYTES;
/** What a kept block costs beside its bytes: its key and its entry. */
const ENTRY_BYTES = 256;

/** A bounded number of bytes; the block that was read longest ago goes first. */
export class SmallBlocks {
  readonly #blocks: LRUCache<string, Uint8Array>;
  #clearings = 0;

  constructor(maxBytes: number) {
    this.#blocks = new LRUCache({ maxSize: maxBytes, sizeCalculation: (block) => block.length + ENTRY_BYTES });
  }

  get(key: string): Uint8Array | undefined {
    return this.#blocks.get(key);
  }

  /** Times that everything was forgotten: who fetches a block asks before, and says it when putting. */
  get clearings(): number {
    return this.#clearings;
  }

  /**
   * Keeps the block itself, no copy: whoever reads a block does not write to it. Not one that was fetched before everything
   * was forgotten: it came out of a store that is not the volume's any more.
   */
  put(key: string, block: Uint8Array, clearings: number): void {
    if (block.length <= MAX_BLOCK_BYTES && clearings === this.#clearings) this.#blocks.set(key, block);
  }

  clear(): void {
    this.#clearings += 1;
    this.#blocks.clear();
  }

  delete(key: string): void {
    this.#blocks.delete(key);
  }
}
