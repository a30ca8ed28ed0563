// Finds what a volume's store and metadata hold without need: leaked blocks, data of removed files, slices that compaction
// replaced. It only reports, unless told to delete or to compact.

import type { BlockLayout } from '../chunk/block-key.ts';
import { Budget } from '../chunk/byte-budget.ts';
import { decodeRecords, RECORD_BYTES } from '../chunk/slice-record.ts';
import type { VolumeParts } from '../juice-volume.ts';
import { cleanSlices, cleanTrash } from '../meta/background-jobs.ts';
import { deleteFileData, releaseDelayedSlices } from '../meta/deleted-data.ts';
import { detachedTrees, removeDetachedTree } from '../meta/detached-trees.ts';
import type { MetaEngine } from '../meta/engine.ts';
import type { FilesystemContext } from '../meta/filesystem-context.ts';
import { openEngine } from '../meta/meta-url.ts';
import { endSession, unixNow } from '../meta/session.ts';
import { openParts } from '../open-volume.ts';
import { type ObjectStore, unfinishedIn } from '../storage/object-store.ts';
import { VolumeError } from '../volume.ts';
import { VolumeOpenError } from '../volume-error.ts';
import type { AdminOptions } from './administer.ts';
import { isBlockOf, type StoredBlock, storedBlocks } from './block-names.ts';
import { compactChunk } from './compaction.ts';
import { allChunks } from './tree.ts';

export interface GarbageOptions extends AdminOptions {
  readonly compact?: boolean;
  readonly delete?: boolean;
  /** Objects deleted at a time. */
  readonly threads?: number;
  /** Younger objects are left alone: a writer may be about to commit them. */
  readonly skipYoungerThanMs?: number;
}

interface Tally {
  count: number;
  bytes: number;
}

export interface GarbageReport {
  /** Slices that files, the trash or compaction still use; their bytes once for each reference. */
  readonly using: Tally;
  readonly scanned: number;
  readonly valid: Tally;
  readonly pending: Tally;
  readonly compacted: Tally;
  readonly leaked: Tally;
  readonly skipped: Tally;
  /** Trees that clones left which broke off more than a day ago. */
  readonly detachedTrees: number;
  /** Cleaned with `delete`. */
  readonly delayedSlices: Tally;
  readonly deletedFiles: Tally;
  /** Done with `compact`. */
  readonly compaction: { readonly chunks: number; readonly slices: number; readonly bytes: number };
}

const DEFAULT_THREADS = 10;
const HOUR_MS = 3_600_000;
const DAY_S = 86_400;
const MAX_ROWS = 1_000_000;
const PAGE = 1000;
/** How long the data of removed files may take at the end. */
const DRAIN_MS = 10_000;
const BUFFER_BYTES = 128 << 20;

/** Looks for garbage; with `delete` and `compact`, does away with it. */
export async function collectGarbage(metaUrl: string, options: GarbageOptions): Promise<GarbageReport> {
  const changes = options.delete === true || options.compact === true;
  const threads = options.threads ?? DEFAULT_THREADS;
  if (changes && threads <= 0) {
    throw new VolumeOpenError('FormatRefused', 'threads must be more than 0 to delete or compact');
  }
  const engine = await openEngine(metaUrl, { readOnly: !changes, environment: options.environment });
  const parts = await openParts(engine, {
    readOnly: !changes,
    backgroundJobs: false,
    maxDeletes: Math.max(1, threads),
    mountpoint: 'gc',
    environment: options.environment,
    log: options.log,
  });
  try {
    return await new Collection(parts, options).run();
  } finally {
    if (changes) await parts.deletions.drain(DRAIN_MS);
    if (changes) await endSession(parts.fs, parts.fs.session);
    await engine.close();
    await parts.objects.close();
  }
}

const tally = (): Tally => ({ count: 0, bytes: 0 });

class Collection {
  readonly #parts: VolumeParts;
  readonly #fs: FilesystemContext;
  readonly #engine: MetaEngine;
  readonly #objects: ObjectStore;
  readonly #options: GarbageOptions;
  readonly #layout: BlockLayout;
  /** Sizes of slices, by what they are kept for. */
  readonly #valid = new Map<bigint, number>();
  readonly #pendingSlices = new Map<bigint, number>();
  readonly #delayed = new Map<bigint, number>();
  readonly #report = {
    using: tally(),
    scanned: 0,
    valid: tally(),
    pending: tally(),
    compacted: tally(),
    leaked: tally(),
    skipped: tally(),
    detachedTrees: 0,
    delayedSlices: tally(),
    deletedFiles: tally(),
    compaction: { chunks: 0, slices: 0, bytes: 0 },
  };

  constructor(parts: VolumeParts, options: GarbageOptions) {
    this.#parts = parts;
    this.#fs = parts.fs;
    this.#engine = parts.fs.engine;
    this.#objects = parts.objects;
    this.#options = options;
    this.#layout = parts.blocks.layout;
  }

  async run(): Promise<GarbageReport> {
    const { blocks } = this.#parts;
    const always = (): boolean => true;
    if (this.#options.delete === true) await cleanTrash(this.#fs, blocks, always, 0);
    await this.#detachedTrees();
    await this.#deletedFiles();
    if (this.#options.compact === true) await this.#compactAll();
    if (this.#options.delete === true) await cleanSlices(this.#fs, blocks, always);
    await this.#listSlices();
    await this.#objectsOf();
    return this.#report;
  }

  async #detachedTrees(): Promise<void> {
    const edge = unixNow() - DAY_S;
    for await (const inode of detachedTrees(this.#fs, edge)) {
      if (this.#options.delete === true && !(await removeDetachedTree(this.#fs, inode, edge))) continue;
      this.#report.detachedTrees += 1;
      this.#options.onProgress?.('detached trees', this.#report.detachedTrees);
    }
  }

  async #deletedFiles(): Promise<void> {
    const files = await this.#engine.look(async (reader) => reader.deletedFiles(Number.MAX_SAFE_INTEGER, MAX_ROWS));
    for (const file of files) {
      if (this.#options.delete !== true) continue;
      await deleteFileData(this.#fs, this.#parts.blocks, file);
      add(this.#report.deletedFiles, file.length);
      this.#options.onProgress?.('cleaned pending files', this.#report.deletedFiles.count);
    }
  }

  async #compactAll(): Promise<void> {
    const parts = { ...this.#parts, buffers: new Budget(BUFFER_BYTES) };
    const { compaction } = this.#report;
    for await (const { inode, index, slices } of allChunks(this.#engine)) {
      if (slices.length <= RECORD_BYTES) continue;
      let merged = false;
      try {
        // Again, as one round takes a part of a very long list.
        for (let more = true; more; ) {
          const result = await compactChunk(parts, inode, index);
          more = result.outcome === 'compacted';
          if (result.outcome !== 'compacted') break;
          merged = true;
          compaction.slices += result.slices;
          compaction.bytes += result.bytes;
        }
      } catch (error) {
        if (!(error instanceof VolumeError)) throw error;
        this.#options.log.warn('a chunk cannot be compacted', { inode: String(inode), index, reason: error.message });
      }
      if (merged) compaction.chunks += 1;
      this.#options.onProgress?.('compacted chunks', compaction.chunks, compaction.bytes);
    }
  }

  async #listSlices(): Promise<void> {
    // Replaced slices first: while the list is made they may only become fewer.
    const edge = unixNow() - this.#fs.format.trashDays * DAY_S;
    const delayed = await this.#engine.look(async (reader) => reader.delayedSlices(Number.MAX_SAFE_INTEGER, MAX_ROWS));
    const old = new Set(
      this.#options.delete === true
        ? (await this.#engine.look(async (reader) => reader.delayedSlices(edge, MAX_ROWS))).map(({ key }) => key)
        : [],
    );
    for (const { key, slices } of delayed) {
      for (const { id, size } of decodeDelayed(slices)) {
        if (old.has(key)) add(this.#report.delayedSlices, size);
        else this.#delayed.set(id, size);
        if (!old.has(key)) this.#report.using.bytes += size;
      }
    }
    if (old.size > 0) {
      while ((await releaseDelayedSlices(this.#fs, this.#parts.blocks, edge, PAGE)) === PAGE);
    }
    for (const { id, size } of await this.#engine.look(async (reader) => reader.unreferencedSlices(MAX_ROWS))) {
      this.#pendingSlices.set(id, size);
    }
    let listed = 0;
    for await (const { inode, index, slices } of allChunks(this.#engine)) {
      for (const { id, size } of decodeRecords(slices, `inode ${inode}, chunk ${index}`)) {
        if (id === 0n) continue;
        this.#valid.set(id, size);
        this.#report.using.bytes += size;
      }
      this.#options.onProgress?.('listed slices', ++listed);
    }
    this.#report.using.count = this.#valid.size + this.#delayed.size;
  }

  async #objectsOf(): Promise<void> {
    const youngest = Date.now() - (this.#options.skipYoungerThanMs ?? HOUR_MS);
    const leaked: (() => Promise<void>)[] = [];
    const found = async (what: string, remove: () => Promise<void>): Promise<void> => {
      if (this.#options.delete !== true) return;
      leaked.push(() => this.#tryRemove(what, remove));
      if (leaked.length >= (this.#options.threads ?? DEFAULT_THREADS)) await allOf(leaked.splice(0));
    };
    for await (const block of storedBlocks(this.#objects, this.#layout.volume)) {
      this.#report.scanned += 1;
      this.#options.onProgress?.('scanned objects', this.#report.scanned);
      const kind = block.mtimeMs > youngest ? 'skipped' : this.#kindOf(block);
      add(this.#report[kind], block.storedSize);
      if (kind === 'leaked') await found(block.key, () => this.#objects.delete(block.key));
    }
    // Blocks that a killed writer did not finish, which no listing of objects shows.
    for await (const part of unfinishedIn(this.#objects, `${this.#layout.volume}/`)) {
      this.#report.scanned += 1;
      const kind = part.mtimeMs > youngest ? 'skipped' : 'leaked';
      add(this.#report[kind], part.size);
      if (kind === 'leaked') await found(part.key, () => part.remove());
    }
    await allOf(leaked);
  }

  #kindOf(block: StoredBlock): 'valid' | 'pending' | 'compacted' | 'leaked' {
    for (const [kind, slices] of [
      ['valid', this.#valid],
      ['pending', this.#pendingSlices],
      ['compacted', this.#delayed],
    ] as const) {
      const size = slices.get(block.slice);
      if (size !== undefined) return isBlockOf(this.#layout, size, block) ? kind : 'leaked';
    }
    return 'leaked';
  }

  async #tryRemove(what: string, remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (error) {
      this.#options.log.warn('a leaked block cannot be deleted', {
        key: what,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

async function allOf(jobs: readonly (() => Promise<void>)[]): Promise<void> {
  await Promise.all(jobs.map((job) => job()));
}

function add(total: Tally, bytes: number): void {
  total.count += 1;
  total.bytes += bytes;
}

function decodeDelayed(stored: Uint8Array): { id: bigint; size: number }[] {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  return Array.from({ length: Math.floor(bytes.length / 12) }, (_, index) => ({
    id: bytes.readBigUInt64BE(index * 12),
    size: bytes.readUInt32BE(index * 12 + 8),
  }));
}
