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

  constructor(maxBytes: number) {
    this.#blocks = new LRUCache({ maxSize: maxBytes, sizeCalculation: (block) => block.length + ENTRY_BYTES });
  }

  get(key: string): Uint8Array | undefined {
    return this.#blocks.get(key);
  }

  /** Keeps the block itself, no copy: whoever reads a block does not write to it. */
  put(key: string, block: Uint8Array): void {
    if (block.length <= MAX_BLOCK_BYTES) this.#blocks.set(key, block);
  }

  clear(): void {
    this.#blocks.clear();
  }

  delete(key: string): void {
    this.#blocks.delete(key);
  }
}
