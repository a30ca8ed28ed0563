// The `file` object store: each object a file below a directory. An object appears by rename, so a reader never sees half
// of one. As with the Go client nothing is forced to the disk: the operating system writes it back.
import { randomInt } from 'node:crypto';
import { close, fstat, open, read } from 'node:fs';
import { mkdir, opendir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type ByteRange, ObjectMissingError, type ObjectStore, type StoredObject } from './object-store.ts';

const READ_UNIT = 1024 * 1024;
/** Blocks below this are read without asking for their size first. */
const SMALL_FILE = 4096;
const MAX_TEMP_BASENAME = 200;
const MAX_TEMP_NUMBER = 2 ** 31 - 1;

export class FileStore implements ObjectStore {
  readonly description: string;
  readonly readUnit = READ_UNIT;
  readonly #root: string;

  /** `root` is put before every key as it is: it usually ends with a slash. */
  constructor(root: string) {
    this.#root = root;
    this.description = `file://${root}`;
  }

  #path(key: string): string {
    if (key.split('/').includes('..')) throw new RangeError(`the object key ${JSON.stringify(key)} climbs`);
    return this.#root + key;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    const path = this.#path(key);
    const directory = dirname(path);
    const temporary = join(
      directory,
      `.jfs.${basename(path).slice(0, MAX_TEMP_BASENAME)}.tmp.${randomInt(MAX_TEMP_NUMBER)}`,
    );
    try {
      await writeMakingDirectory(temporary, body);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    let file: number;
    try {
      file = await openFile(this.#path(key));
    } catch (cause) {
      if (isMissing(cause)) throw new ObjectMissingError(key, { cause });
      throw cause;
    }
    try {
      return range === undefined ? await readWhole(file, signal) : await readRange(file, range, signal);
    } finally {
      await closeFile(file);
    }
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  async head(key: string): Promise<StoredObject | undefined> {
    try {
      const { size, mtimeMs } = await stat(this.#path(key));
      return { key, size, mtimeMs };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    yield* this.#collect(prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix);
  }

  async *#collect(folder: string, prefix: string): AsyncGenerator<StoredObject> {
    let entries: Awaited<ReturnType<typeof opendir>>;
    try {
      entries = await opendir(this.#path(folder) || '.');
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    for await (const entry of entries) {
      const key = folder + entry.name;
      if (entry.isDirectory()) {
        if (key.startsWith(prefix) || prefix.startsWith(`${key}/`)) yield* this.#collect(`${key}/`, prefix);
      } else if (key.startsWith(prefix) && !entry.name.startsWith('.jfs.')) {
        // Deleted since the directory was read: no object any more.
        const found = await this.head(key);
        if (found !== undefined) yield found;
      }
    }
  }

  async createBucket(): Promise<void> {
    await mkdir(dirname(`${this.#root}.`), { recursive: true, mode: 0o777 });
  }

  async close(): Promise<void> {
    // Nothing is held open between calls.
  }
}

async function writeMakingDirectory(path: string, body: Uint8Array): Promise<void> {
  try {
    await writeFile(path, body, { flag: 'wx', mode: 0o666 });
  } catch (error) {
    if (!isMissing(error)) throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o777 });
    await writeFile(path, body, { flag: 'wx', mode: 0o666 });
  }
}

// Callbacks, not promises of FileHandles: a third of the cost, which is most of what a small block costs to read.

function openFile(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, 'r', (error, file) => (error === null ? resolve(file) : reject(error)));
  });
}

function closeFile(file: number): Promise<void> {
  return new Promise((resolve, reject) => {
    close(file, (error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
}

function sizeOf(file: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fstat(file, (error, stats) => (error === null ? resolve(stats.size) : reject(error)));
  });
}

/** Bytes that were read into `buffer` from `at` on; 0 at the end of the file. */
function readInto(file: number, buffer: Buffer, at: number, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, buffer, at, length, position, (error, bytesRead) =>
      error === null ? resolve(bytesRead) : reject(error),
    );
  });
}

/** A file that one read does not fill the buffer with is read whole by then, and nobody asked for its size. */
async function readWhole(file: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const first = Buffer.allocUnsafe(SMALL_FILE);
  const length = await readInto(file, first, 0, SMALL_FILE, 0);
  if (length < SMALL_FILE) {
    const whole = Buffer.allocUnsafeSlow(length);
    first.copy(whole, 0, 0, length);
    return whole;
  }
  return readRange(file, { start: 0, end: await sizeOf(file) }, signal);
}

async function readRange(file: number, range: ByteRange, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const length = range.end - range.start;
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    signal?.throwIfAborted();
    const bytesRead = await readInto(file, buffer, filled, length - filled, range.start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
