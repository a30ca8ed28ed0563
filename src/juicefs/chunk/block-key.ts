// The names of blocks in the object store: a slice of `size` bytes is cut into blocks of the volume's block size.

/** How a volume names its blocks. */
export interface BlockLayout {
  /** Volume name; everything is stored under `{name}/`. */
  readonly volume: string;
  /** Bytes of a full block. */
  readonly blockSize: number;
  readonly hashPrefix: boolean;
}

/** Bytes of block `index` of a slice. */
export function blockBytes(layout: BlockLayout, sliceSize: number, index: number): number {
  return Math.min(layout.blockSize, sliceSize - index * layout.blockSize);
}

/** Blocks of a slice. */
export function blockCount(layout: BlockLayout, sliceSize: number): number {
  return Math.ceil(sliceSize / layout.blockSize);
}

/** The key of a block; `bytes` is its length before compression. */
export function blockKey(layout: BlockLayout, slice: bigint, index: number, bytes: number): string {
  const folder = layout.hashPrefix
    ? `${(slice % 256n).toString(16).toUpperCase().padStart(2, '0')}/${slice / 1_000_000n}`
    : `${slice / 1_000_000n}/${slice / 1000n}`;
  return `${layout.volume}/chunks/${folder}/${slice}_${index}_${bytes}`;
}
