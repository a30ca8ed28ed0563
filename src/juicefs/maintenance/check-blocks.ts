// Compares the slices in a volume's metadata with the blocks in its store: which blocks are lost, or shorter than they must be,
// and which files are broken by it. It changes nothing.
import { type BlockLayout, blockBytes, blockCount, blockKey } from '../chunk/block-key.ts';
import { decodeRecords } from '../chunk/slice-record.ts';
import type { FormatRecord } from '../format/format-record.ts';
import { openVolumeStore } from '../format/volume-store.ts';
import type { MetaEngine } from '../meta/engine.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { VolumeError } from '../volume.ts';
import { type AdminOptions, withVolume } from './administer.ts';
import { blockName, storedBlocks } from './block-names.ts';
import { allChunks, PathFinder } from './tree.ts';

export interface BlockReport {
  readonly blocks: { readonly count: number; readonly bytes: number };
  readonly slices: { readonly count: number; readonly bytes: number };
  readonly lost: { readonly count: number; readonly bytes: number };
  /** Files that cannot be read whole: a path, or `inode:N`. */
  readonly broken: readonly { readonly inode: bigint; readonly path: string }[];
}

export interface CheckBlocksOptions extends AdminOptions {
  /** Only files for which this holds; for a check of a part. */
  readonly only?: (inode: bigint) => boolean;
  /** Told of each block that is missing or damaged. */
  readonly onBroken: (message: string) => void;
}

/** Stored bytes of a block where nothing compresses or encrypts; undefined where they cannot be known. */
function storedBytes(format: FormatRecord, bytes: number): number | undefined {
  return ['', 'none'].includes(format.compression) && !format.encrypted ? bytes : undefined;
}

/** Checks all blocks of a volume. */
export function checkBlocks(metaUrl: string, options: CheckBlocksOptions): Promise<BlockReport> {
  return withVolume(metaUrl, { ...options, readOnly: true }, async (engine, format) => {
    const objects = openVolumeStore(format, { environment: options.environment });
    try {
      return await new BlockCheck(engine, format, objects, options).run();
    } finally {
      await objects.close();
    }
  });
}

class BlockCheck {
  readonly #engine: MetaEngine;
  readonly #paths: PathFinder;
  readonly #format: FormatRecord;
  readonly #objects: ObjectStore;
  readonly #options: CheckBlocksOptions;
  readonly #layout: BlockLayout;
  /** Stored size by name. */
  readonly #stored = new Map<string, number>();
  readonly #broken = new Map<bigint, string>();
  readonly #blocks = { count: 0, bytes: 0 };
  readonly #slices = { count: 0, bytes: 0 };
  readonly #lost = { count: 0, bytes: 0 };

  constructor(engine: MetaEngine, format: FormatRecord, objects: ObjectStore, options: CheckBlocksOptions) {
    this.#engine = engine;
    this.#paths = new PathFinder(engine);
    this.#format = format;
    this.#objects = objects;
    this.#options = options;
    this.#layout = { volume: format.name, blockSize: format.blockSize, hashPrefix: format.hashPrefix };
  }

  async run(): Promise<BlockReport> {
    const { only, onProgress } = this.#options;
    if (only === undefined) {
      for await (const { slice, index, bytes, storedSize } of storedBlocks(this.#objects, this.#format.name)) {
        this.#stored.set(blockName(slice, index, bytes), storedSize);
        this.#blocks.count += 1;
        this.#blocks.bytes += storedSize;
        onProgress?.('found blocks', this.#blocks.count, this.#blocks.bytes);
      }
    }
    const deleted = await this.#deletedFiles();
    for await (const { inode, index, slices } of allChunks(this.#engine)) {
      if (deleted.has(inode) || only?.(inode) === false) continue;
      await this.#chunk(inode, index, slices);
    }
    const broken = [...this.#broken].map(([inode, path]) => ({ inode, path }));
    return { blocks: this.#blocks, slices: this.#slices, lost: this.#lost, broken };
  }

  async #deletedFiles(): Promise<ReadonlySet<bigint>> {
    const files = await this.#engine.look(async (reader) => reader.deletedFiles(Number.MAX_SAFE_INTEGER, 1_000_000));
    return new Set(files.map(({ inode }) => inode));
  }

  async #chunk(inode: bigint, index: number, slices: Uint8Array): Promise<void> {
    let records: ReturnType<typeof decodeRecords>;
    try {
      records = decodeRecords(slices, `inode ${inode}, chunk ${index}`);
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      this.#options.onBroken(`${error.message} (${await this.#nameOf(inode)})`);
      return;
    }
    for (const { id, size } of records) {
      if (id === 0n) continue;
      await this.#slice(inode, id, size);
      this.#slices.count += 1;
      this.#slices.bytes += size;
      this.#options.onProgress?.('scanned slices', this.#slices.count, this.#slices.bytes);
    }
  }

  async #slice(inode: bigint, id: bigint, size: number): Promise<void> {
    for (let index = 0; index < blockCount(this.#layout, size); index++) {
      const bytes = blockBytes(this.#layout, size, index);
      const key = blockKey(this.#layout, id, index, bytes);
      const stored = this.#stored.get(blockName(id, index, bytes)) ?? (await this.#head(key));
      const expected = storedBytes(this.#format, bytes);
      if (stored !== undefined && (expected === undefined || stored === expected)) continue;
      this.#lost.count += 1;
      this.#lost.bytes += bytes;
      const path = await this.#nameOf(inode);
      this.#options.onBroken(
        stored === undefined
          ? `can't find block ${key} for file ${path}`
          : `block ${key} of file ${path} has ${stored} bytes, not ${expected}`,
      );
    }
  }

  /** Stored since the listing, or not listed: asked for by name. */
  async #head(key: string): Promise<number | undefined> {
    const found = await this.#objects.head(key);
    if (found === undefined) return undefined;
    this.#blocks.count += 1;
    this.#blocks.bytes += found.size;
    return found.size;
  }

  async #nameOf(inode: bigint): Promise<string> {
    const known = this.#broken.get(inode);
    if (known !== undefined) return known;
    const path = (await this.#paths.pathOf(inode)) ?? `inode:${inode}`;
    this.#broken.set(inode, path);
    return path;
  }
}
