// Blocks that count as stored once they are on a local disk, and go to the object store later: faster, and only as safe as that disk.
// Every block has a checksum; one that is damaged is neither uploaded nor read. What a process left is uploaded by the next, and by
// others of the same gateway. A disk that is full, or cannot be written, turns into plain uploads.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { VolumeLog } from '../volume-options.ts';
import { crc32c } from './crc32c.ts';
import {
  type ByteRange,
  type ObjectBody,
  type ObjectDraft,
  type ObjectStore,
  renewObject,
  type StoredObject,
  type UnfinishedObject,
  unfinishedIn,
  wholeOf,
} from './object-store.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface StagingOptions {
  /** Where staged blocks lie, of this volume alone; shared by all processes of a gateway. */
  readonly directory: string;
  /** Only objects whose key begins with this are staged. */
  readonly prefix: string;
  /** False: nothing more is staged; what is there is read and uploaded. */
  readonly accepting: boolean;
  /** This process also uploads what others left. */
  readonly adopting: boolean;
  readonly maxUploads: number;
  /** Part of the disk's space that stays free. */
  readonly freeSpaceRatio: number;
  readonly fileMode: number;
  readonly log: VolumeLog;
}

const CHECKSUM_BYTES = 4;
const TEMPORARY = '.tmp.';
const SPACE_CHECK_MS = 1000;
/** How often what others left is looked for, and how old it is then. */
const ADOPT_MS = 60_000;
const ABANDONED_MS = 3_600_000;
/** Waits between tries while the store refuses. */
const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;
/** How long closing waits for uploads; the rest waits on the disk for the next start. */
const CLOSE_MS = 10_000;

export class StagingStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #options: StagingOptions;
  /** Keys that wait for their upload; as many as blocks fit on the disk. */
  readonly #waiting = new Set<string>();
  readonly #uploading = new Map<string, Promise<void>>();
  readonly #adoption: NodeJS.Timeout | undefined;
  #adopting: Promise<void> = Promise.resolve();
  #space = { checked: 0, free: true };
  /** Failures since the last upload that succeeded. */
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(store: ObjectStore, options: StagingOptions) {
    this.#store = store;
    this.#options = options;
    if (!options.adopting) return;
    this.#adopt(0);
    this.#adoption = setInterval(() => this.#adopt(ADOPT_MS), ADOPT_MS).unref();
  }

  get description(): string {
    return this.#store.description;
  }

  get readUnit(): number {
    return this.#store.readUnit;
  }

  async put(key: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    if (!(await this.#stage(key, body))) return this.#store.put(key, body, signal);
    this.#waiting.add(key);
    this.#pump();
  }

  /** A staged block is written whole. */
  draft(key: string): ObjectDraft | undefined {
    return this.#options.accepting ? undefined : this.#store.draft?.(key);
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal, buffers?: ReadBuffers): Promise<Uint8Array> {
    // Here first: a block leaves this place only when it is in the other.
    const staged = await this.#read(key);
    if (staged !== undefined) return range === undefined ? staged : staged.subarray(range.start, range.end);
    return this.#store.get(key, range, signal, buffers);
  }

  async head(key: string): Promise<StoredObject | undefined> {
    try {
      const { size, mtimeMs } = await stat(this.#path(key));
      return { key, size: size - CHECKSUM_BYTES, mtimeMs };
    } catch (error) {
      if (!isMissing(error)) throw error;
      return this.#store.head(key);
    }
  }

  async delete(key: string): Promise<void> {
    this.#waiting.delete(key);
    await rm(this.#path(key), { force: true });
    await this.#uploading.get(key);
    await this.#store.delete(key);
  }

  async renew(key: string): Promise<void> {
    // What is staged is not in the store yet, where it might be too old.
    if (!this.#waiting.has(key) && !this.#uploading.has(key)) await renewObject(this.#store, key);
  }

  list(prefix: string): AsyncIterable<StoredObject> {
    return this.#store.list(prefix);
  }

  unfinished(folder: string): AsyncIterable<UnfinishedObject> {
    return unfinishedIn(this.#store, folder);
  }

  createBucket(): Promise<void> {
    return this.#store.createBucket();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#adoption);
    clearTimeout(this.#pause);
    await this.#adopting;
    await Promise.race([Promise.all(this.#uploading.values()), delay(CLOSE_MS, undefined, { ref: false })]);
    const blocks = this.#waiting.size + this.#uploading.size;
    if (blocks > 0) this.#options.log.info('staged blocks are left for the next start', { blocks });
    await this.#store.close();
  }

  #path(key: string): string {
    if (key.split('/').includes('..')) throw new RangeError(`the object key ${JSON.stringify(key)} climbs`);
    return join(this.#options.directory, key);
  }

  /** False when the block must go to the store at once. */
  async #stage(key: string, body: ObjectBody): Promise<boolean> {
    const { accepting, prefix, fileMode } = this.#options;
    if (!accepting || this.#closed || !key.startsWith(prefix)) return false;
    const path = this.#path(key);
    const temporary = `${path}${TEMPORARY}${randomBytes(6).toString('hex')}`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      if (!(await this.#hasSpace())) return false;
      const bytes = wholeOf(body);
      const checksum = Buffer.alloc(CHECKSUM_BYTES);
      checksum.writeUInt32BE(crc32c(bytes));
      await writeFile(temporary, Buffer.concat([bytes, checksum]), { flag: 'wx', mode: fileMode });
      await rename(temporary, path);
      return true;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      this.#complain('a block cannot be staged; it is uploaded at once', error);
      return false;
    }
  }

  /** A staged block; undefined when it is not staged. RangeError when it is damaged. */
  async #read(key: string): Promise<Buffer | undefined> {
    let stored: Buffer;
    try {
      stored = await readFile(this.#path(key));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    const bytes = stored.subarray(0, Math.max(0, stored.length - CHECKSUM_BYTES));
    if (stored.length < CHECKSUM_BYTES || stored.readUInt32BE(bytes.length) !== crc32c(bytes)) {
      throw new RangeError(`the staged block ${key} is damaged`);
    }
    return bytes;
  }

  #pump(): void {
    for (const key of this.#waiting) {
      if (this.#closed || this.#pause !== undefined || this.#uploading.size >= this.#options.maxUploads) return;
      this.#waiting.delete(key);
      const upload = this.#upload(key).finally(() => {
        this.#uploading.delete(key);
        this.#pump();
      });
      this.#uploading.set(key, upload);
    }
  }

  /** Never rejects: what cannot be uploaded waits. */
  async #upload(key: string): Promise<void> {
    try {
      // Gone when it was removed, or another process was faster.
      const bytes = await this.#read(key);
      if (bytes === undefined) return;
      await this.#store.put(key, bytes);
      await rm(this.#path(key), { force: true });
      this.#failures = 0;
    } catch (error) {
      if (error instanceof RangeError) {
        this.#complain('a staged block is damaged and not uploaded', error);
        return;
      }
      this.#complain('a staged block cannot be uploaded; it is tried again', error);
      this.#waiting.add(key);
      this.#wait();
    }
  }

  #wait(): void {
    if (this.#pause !== undefined) return;
    this.#failures += 1;
    const pauseMs = Math.min(MIN_PAUSE_MS * 2 ** (this.#failures - 1), MAX_PAUSE_MS);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
    }, pauseMs).unref();
  }

  #adopt(olderThanMs: number): void {
    this.#adopting = this.#adopting
      .then(() => this.#scan(olderThanMs))
      .catch((error: unknown) => this.#complain('staged blocks cannot be looked for', error));
  }

  /** Queues what earlier processes left, and processes of this gateway that are dead. */
  async #scan(olderThanMs: number): Promise<void> {
    const { directory } = this.#options;
    let found: string[];
    try {
      found = await readdir(directory, { recursive: true });
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    for (const name of found) {
      if (this.#closed) return;
      const path = join(directory, name);
      // Uploaded by another process since the directory was read.
      const there = await stat(path).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
      if (there === undefined || !there.isFile()) continue;
      const age = Date.now() - there.mtimeMs;
      if (name.includes(TEMPORARY)) {
        if (age > ABANDONED_MS) await rm(path, { force: true });
      } else if (age >= olderThanMs && !this.#uploading.has(name)) this.#waiting.add(name);
    }
    this.#pump();
  }

  async #hasSpace(): Promise<boolean> {
    const now = Date.now();
    if (now - this.#space.checked >= SPACE_CHECK_MS) {
      const { bavail, blocks } = await statfs(this.#options.directory);
      this.#space = { checked: now, free: bavail > blocks * this.#options.freeSpaceRatio };
    }
    return this.#space.free;
  }

  #complain(what: string, error: unknown): void {
    this.#options.log.warn(what, { reason: error instanceof Error ? error.message : String(error) });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
