// Blocks on a local disk, as read: what is here need not be fetched again. Every 32 KiB of a cached block carry a checksum, which
// is compared before they are used. The cache is help and never truth: what fails here is fetched from the store, and a full disk
// turns writing off for a while. It lies beside the Go client's in the same directory and touches nothing of it.
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32c } from '../storage/crc32c.ts';
import { fnv1a } from '../storage/sharded-store.ts';
import type { VolumeLog } from '../volume-options.ts';

export interface BlockCacheOptions {
  /** Blocks are spread over these. */
  readonly directories: readonly string[];
  /** Bytes kept, over all directories and processes. */
  readonly bytes: number;
  /** Part of a disk's space and files that stays free. */
  readonly freeSpaceRatio: number;
  readonly fileMode: number;
  /** Processes that share the cache, and which of them this is. */
  readonly processes: number;
  readonly rank: number;
  readonly log: VolumeLog;
}

const FOLDER = 'portcullis';
/** Bytes under one checksum. */
const PAGE_BYTES = 32 * 1024;
const CHECKSUM_BYTES = 4;
/** Bytes on their way to the disk; blocks beyond are not cached. */
const MAX_WRITING_BYTES = 64 << 20;
const SPACE_CHECK_MS = 1_000;
const PAUSE_MS = 60_000;
const TEMPORARY = '.tmp.';

export class BlockCache {
  readonly #options: BlockCacheOptions;
  readonly #roots: readonly string[];
  readonly #share: number;
  /** Files this process put there or adopted, least recently used first; their sizes. */
  readonly #files = new Map<string, number>();
  #bytes = 0;
  #writingBytes = 0;
  readonly #writing = new Set<Promise<void>>();
  readonly #space = new Map<string, { checked: number; free: boolean }>();
  #pausedUntil = 0;
  readonly #scan: Promise<void>;
  #closed = false;

  /** A cache for the volume of this UUID. What an earlier process left there is taken over in the background. */
  constructor(uuid: string, options: BlockCacheOptions) {
    this.#options = options;
    this.#roots = options.directories.map((directory) => join(directory, uuid, FOLDER));
    this.#share = Math.floor(options.bytes / Math.max(1, options.processes));
    this.#scan = this.#adopt().catch((error: unknown) => this.#complain('the block cache cannot be scanned', error));
  }

  /** Bytes [start, end) of a block of `bytes` bytes; undefined when they are not here, or not right. */
  async get(key: string, bytes: number, start: number, end: number): Promise<Uint8Array | undefined> {
    const path = this.#path(key);
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (error) {
      if (!isMissing(error)) this.#complain('a cached block cannot be opened', error);
      return undefined;
    }
    try {
      const found = await readChecked(file, bytes, start, end);
      if (found === undefined) {
        this.#options.log.warn('a cached block is damaged; it is fetched again', { path });
        await this.#remove(path);
        return undefined;
      }
      this.#use(path);
      return found;
    } catch (error) {
      this.#complain('a cached block cannot be read', error);
      return undefined;
    } finally {
      await file.close();
    }
  }

  /** Keeps a whole block, in the background. */
  put(key: string, block: Uint8Array): void {
    if (this.#closed || this.#writingBytes + block.length > MAX_WRITING_BYTES || Date.now() < this.#pausedUntil) return;
    if (storedBytes(block.length) > this.#share) return;
    const path = this.#path(key);
    if (this.#files.has(path)) return;
    this.#writingBytes += block.length;
    const writing: Promise<void> = this.#write(path, block)
      .catch((error: unknown) => {
        // A full disk, or one that cannot be written: reading goes on, and writing is tried again later.
        this.#pausedUntil = Date.now() + PAUSE_MS;
        this.#complain('blocks are not cached for a while: the cache cannot be written', error);
      })
      .finally(() => {
        this.#writingBytes -= block.length;
        this.#writing.delete(writing);
      });
    this.#writing.add(writing);
  }

  /** The block is gone from the store, too. */
  async delete(key: string): Promise<void> {
    await this.#remove(this.#path(key));
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#scan;
    await Promise.all(this.#writing);
  }

  #root(key: string): string {
    const root = this.#roots[fnv1a(key) % this.#roots.length];
    if (root === undefined) throw new RangeError('a block cache has no directory');
    return root;
  }

  #path(key: string): string {
    return join(this.#root(key), key);
  }

  async #write(path: string, block: Uint8Array): Promise<void> {
    if (!(await this.#hasSpace(path))) return;
    const size = storedBytes(block.length);
    const temporary = `${path}${TEMPORARY}${randomBytes(6).toString('hex')}`;
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    try {
      await writeFile(temporary, Buffer.concat([block, checksums(block)]), {
        flag: 'wx',
        mode: this.#options.fileMode,
      });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    if (!this.#files.has(path)) this.#bytes += size;
    this.#files.set(path, size);
    await this.#evict(this.#share);
  }

  /** Whether the disk has more free than it must keep; looked at now and then. */
  async #hasSpace(path: string): Promise<boolean> {
    const root = this.#roots.find((one) => path.startsWith(one)) ?? '';
    const known = this.#space.get(root);
    if (known !== undefined && Date.now() - known.checked < SPACE_CHECK_MS) return known.free;
    await mkdir(root, { recursive: true, mode: 0o755 });
    const { bavail, blocks, ffree, files } = await statfs(root);
    const ratio = this.#options.freeSpaceRatio;
    const free = bavail / blocks >= ratio && (files === 0 || ffree / files >= ratio);
    this.#space.set(root, { checked: Date.now(), free });
    // Room is made for others on the disk, not for more blocks.
    if (!free) await this.#evict(Math.floor(this.#bytes / 2));
    return free;
  }

  async #evict(down: number): Promise<void> {
    for (const [path] of this.#files) {
      if (this.#bytes <= down) return;
      await this.#remove(path);
    }
  }

  async #remove(path: string): Promise<void> {
    const size = this.#files.get(path);
    if (size !== undefined) {
      this.#files.delete(path);
      this.#bytes -= size;
    }
    try {
      await rm(path, { force: true });
    } catch (error) {
      this.#complain('a cached block cannot be removed', error);
    }
  }

  #use(path: string): void {
    const size = this.#files.get(path);
    if (size === undefined) return;
    this.#files.delete(path);
    this.#files.set(path, size);
  }

  /** Takes over this process' part of what is there already; what a crash left half written goes. */
  async #adopt(): Promise<void> {
    const found: { path: string; size: number; mtimeMs: number }[] = [];
    for (const root of this.#roots) {
      for await (const path of filesBelow(root)) {
        if (this.#closed) return;
        if (fnv1a(path) % this.#options.processes !== this.#options.rank) continue;
        // Another process may have removed it since it was listed.
        const status = await stat(path).catch(() => undefined);
        if (status === undefined) continue;
        if (!path.includes(TEMPORARY)) found.push({ path, size: status.size, mtimeMs: status.mtimeMs });
        else if (Date.now() - status.mtimeMs > PAUSE_MS) await rm(path, { force: true });
      }
    }
    found.sort((a, b) => a.mtimeMs - b.mtimeMs);
    const newer = [...this.#files];
    this.#files.clear();
    for (const { path, size } of found) this.#files.set(path, size);
    for (const [path, size] of newer) {
      this.#files.delete(path);
      this.#files.set(path, size);
    }
    this.#bytes = [...this.#files.values()].reduce((total, size) => total + size, 0);
    await this.#evict(this.#share);
  }

  #complain(what: string, error: unknown): void {
    this.#options.log.warn(what, { reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Bytes of a cached block on the disk. */
function storedBytes(bytes: number): number {
  return bytes + Math.ceil(bytes / PAGE_BYTES) * CHECKSUM_BYTES;
}

function checksums(block: Uint8Array): Buffer {
  const pages = Math.ceil(block.length / PAGE_BYTES);
  const sums = Buffer.alloc(pages * CHECKSUM_BYTES);
  for (let page = 0; page < pages; page++) {
    sums.writeUInt32BE(crc32c(block.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES)), page * CHECKSUM_BYTES);
  }
  return sums;
}

/** The bytes of [start, end), from whole pages whose checksums are right; undefined when the file is not what it should be. */
async function readChecked(
  file: FileHandle,
  bytes: number,
  start: number,
  end: number,
): Promise<Uint8Array | undefined> {
  if ((await file.stat()).size !== storedBytes(bytes)) return undefined;
  const first = Math.floor(start / PAGE_BYTES);
  const last = Math.ceil(end / PAGE_BYTES);
  const from = first * PAGE_BYTES;
  const data = Buffer.allocUnsafeSlow(Math.min(last * PAGE_BYTES, bytes) - from);
  const sums = Buffer.alloc((last - first) * CHECKSUM_BYTES);
  if (!(await readFully(file, data, from)) || !(await readFully(file, sums, bytes + first * CHECKSUM_BYTES)))
    return undefined;
  if (!checksums(data).equals(sums)) return undefined;
  return data.subarray(start - from, end - from);
}

async function readFully(file: FileHandle, buffer: Buffer, position: number): Promise<boolean> {
  for (let filled = 0; filled < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) return false;
    filled += bytesRead;
  }
  return true;
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  let entries: Awaited<ReturnType<typeof readEntries>>;
  try {
    entries = await readEntries(folder);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

function readEntries(folder: string) {
  return readdir(folder, { withFileTypes: true });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
