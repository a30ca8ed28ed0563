// Names of stored blocks, read back: which slice and block an object is, and what a slice's size says about it.
import { type BlockLayout, blockBytes, blockCount } from '../chunk/block-key.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** An object that has the name of a block. */
export interface StoredBlock {
  readonly key: string;
  readonly slice: bigint;
  readonly index: number;
  /** Bytes of the block before compression and encryption, by its name. */
  readonly bytes: number;
  readonly storedSize: number;
  readonly mtimeMs: number;
}

const NAME = /^(\d{1,20})_(\d{1,10})_(\d{1,10})$/;

/** All blocks of a volume; other objects below `chunks/` are left out. */
export async function* storedBlocks(objects: ObjectStore, volume: string): AsyncGenerator<StoredBlock> {
  const prefix = `${volume}/chunks/`;
  for await (const { key, size, mtimeMs } of objects.list(prefix)) {
    const parts = key.slice(prefix.length).split('/');
    const match = parts.length === 3 ? NAME.exec(parts[2] ?? '') : null;
    if (match === null) continue;
    const [, slice = '', index = '', bytes = ''] = match;
    yield { key, slice: BigInt(slice), index: Number(index), bytes: Number(bytes), storedSize: size, mtimeMs };
  }
}

/** The last part of a block's key: unique within the volume. */
export function blockName(slice: bigint, index: number, bytes: number): string {
  return `${slice}_${index}_${bytes}`;
}

/** Whether a slice of this size has this block. */
export function isBlockOf(layout: BlockLayout, sliceSize: number, block: { index: number; bytes: number }): boolean {
  return block.index < blockCount(layout, sliceSize) && blockBytes(layout, sliceSize, block.index) === block.bytes;
}
