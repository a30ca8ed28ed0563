// The `file` object store: each object a file below a directory. An object appears by rename, so a reader never sees half
// of one. As with the Go client nothing is forced to the disk: the operating system writes it back.
import { randomInt } from 'node:crypto';
import { futimes } from 'node:fs';
import { mkdir, opendir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  closeFile,
  closeNow,
  closeRead,
  fileSize,
  openFile,
  readFully,
  readSome,
  writeFully,
  writeNow,
} from './file-calls.ts';
import {
  type ByteRange,
  bytesOf,
  type ObjectBody,
  type ObjectDraft,
  ObjectMissingError,
  type ObjectStore,
  piecesOf,
  type StoredObject,
  UNFINISHED_YOUNG_MS,
  type UnfinishedObject,
} from './object-store.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { ReadHandles } from './read-handles.ts';

const READ_UNIT = 1024 * 1024;
/** Blocks below this are read without asking for their size first. */
const SMALL_FILE = 4096;
/** Memory for the next of such reads: one that is made for each costs more than the read. */
const smallBuffers: Buffer[] = [];
const MAX_SMALL_BUFFERS = 64;
/** Bytes that are written at once, without leaving it to another thread: they go into memory. */
const FEW_BYTES = 64 * 1024;
/** When that took longer than this, the disk does not keep up, and other threads wait for it for a while. */
const SLOW_MS = 25;
const SLOW_FOR_MS = 5_000;
const MAX_TEMP_BASENAME = 200;
const MAX_TEMP_NUMBER = 2 ** 31 - 1;
/** Names of files that get their object's name when they are whole; the Go client's, too. */
const TEMP_NAME = /^\.jfs\..*\.tmp\.\d+$/s;

export class FileStore implements ObjectStore {
  readonly description: string;
  readonly readUnit = READ_UNIT;
  readonly local = true;
  readonly #root: string;
  readonly #handles = new ReadHandles();
  /** Until then (of `performance.now`) nothing waits for the disk but the threads that are there for it. */
  #slowUntil = 0;

  /** `root` is put before every key as it is: it usually ends with a slash. */
  constructor(root: string) {
    this.#root = root;
    this.description = `file://${root}`;
  }

  #path(key: string): string {
    if (key.split('/').includes('..')) throw new RangeError(`the object key ${JSON.stringify(key)} climbs`);
    return this.#root + key;
  }

  async put(key: string, body: ObjectBody): Promise<void> {
    const draft = this.draft(key);
    try {
      await draft.write(piecesOf(body));
      await draft.publish(key);
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }

  /** Under its own name at once, which saves a change of the directory. */
  async putUnseen(key: string, body: ObjectBody): Promise<void> {
    let file: number;
    try {
      file = await openMakingDirectory(this.#path(key));
    } catch (error) {
      // Left over from an upload that nobody finished, whose number was given out again: that happens after a restore.
      if (isThere(error)) return this.put(key, body);
      throw error;
    }
    await this.#fill(file, body);
  }

  /** Writes an open file and closes it. What fits into a few pages is copied in less time than another thread takes to hear of it. */
  async #fill(file: number, body: ObjectBody): Promise<void> {
    const started = performance.now();
    const atOnce = bytesOf(body) <= FEW_BYTES && started >= this.#slowUntil;
    try {
      if (atOnce) writeNow(file, piecesOf(body));
      else await writeFully(file, piecesOf(body), 0);
    } catch (error) {
      closeRead(file);
      throw error;
    }
    if (!atOnce) return closeFile(file);
    closeNow(file);
    const ended = performance.now();
    if (ended - started > SLOW_MS) this.#slowUntil = ended + SLOW_FOR_MS;
  }

  draft(key: string): ObjectDraft {
    const path = this.#path(key);
    const name = `.jfs.${basename(path).slice(0, MAX_TEMP_BASENAME)}.tmp.${randomInt(MAX_TEMP_NUMBER)}`;
    return new FileDraft(join(dirname(path), name), (whole) => this.#path(whole));
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal, buffers?: ReadBuffers): Promise<Uint8Array> {
    signal?.throwIfAborted();
    try {
      return buffers === undefined ? await this.#readOnce(key, range) : await this.#readShared(key, range, buffers);
    } catch (cause) {
      if (isMissing(cause)) throw new ObjectMissingError(key, { cause });
      throw cause;
    }
  }

  async #readOnce(key: string, range: ByteRange | undefined): Promise<Uint8Array> {
    const file = await openFile(this.#path(key), 'r');
    try {
      const small = range === undefined ? await readSmall(file) : undefined;
      if (small !== undefined) return small;
      const length = range === undefined ? await fileSize(file) : range.end - range.start;
      const buffer = Buffer.allocUnsafeSlow(length);
      return buffer.subarray(0, await readFully(file, buffer, range?.start ?? 0));
    } finally {
      closeRead(file);
    }
  }

  /** One of many reads of a large object, or of many objects: through a file that may be open, into memory that is used again. */
  #readShared(key: string, range: ByteRange | undefined, buffers: ReadBuffers): Promise<Uint8Array> {
    return this.#handles.use(this.#path(key), async ({ descriptor, size }) => {
      const { start, end } = range ?? { start: 0, end: size };
      const buffer = buffers.take(end - start);
      const bytes = await readFully(descriptor, buffer, start);
      return bytes === buffer.length ? buffer : buffer.subarray(0, bytes);
    });
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    try {
      await rm(path, { force: true });
    } finally {
      this.#handles.forget(path);
    }
  }

  async renew(key: string): Promise<void> {
    const now = new Date();
    try {
      await utimes(this.#path(key), now, now);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
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
    yield* this.#collect(prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, (name) => !name.startsWith('.jfs.'));
  }

  async *unfinished(folder: string): AsyncGenerator<UnfinishedObject> {
    for await (const object of this.#collect(folder, folder, (name) => TEMP_NAME.test(name))) {
      yield { ...object, remove: () => this.delete(object.key) };
    }
  }

  async *#collect(folder: string, prefix: string, wanted: (name: string) => boolean): AsyncGenerator<StoredObject> {
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
        if (key.startsWith(prefix) || prefix.startsWith(`${key}/`)) yield* this.#collect(`${key}/`, prefix, wanted);
      } else if (key.startsWith(prefix) && wanted(entry.name)) {
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
    this.#handles.close();
  }
}

async function openMakingDirectory(path: string): Promise<number> {
  try {
    return await openFile(path, 'wx', 0o666);
  } catch (error) {
    if (!isMissing(error)) throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o777 });
    return openFile(path, 'wx', 0o666);
  }
}

/** A file under a name of its own, which gets the object's name when it is whole. */
class FileDraft implements ObjectDraft {
  readonly #temporary: string;
  readonly #pathOf: (key: string) => string;
  #file: number | undefined;
  #position = 0;
  #keptYoung: NodeJS.Timeout | undefined;

  constructor(temporary: string, pathOf: (key: string) => string) {
    this.#temporary = temporary;
    this.#pathOf = pathOf;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#file === undefined) {
      this.#file = await openMakingDirectory(this.#temporary);
      this.#keepYoung(this.#file);
    }
    await writeFully(this.#file, pieces, this.#position);
    this.#position += bytesOf(pieces);
  }

  /** The bytes may come slowly: meanwhile nobody must take the file for one that was left behind. */
  #keepYoung(file: number): void {
    this.#keptYoung = setInterval(() => {
      const now = new Date();
      // A file that is gone, or a disk that refuses, shows when it is written or renamed.
      futimes(file, now, now, () => undefined);
    }, UNFINISHED_YOUNG_MS / 2).unref();
  }

  async publish(key: string): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    clearInterval(this.#keptYoung);
    if (file !== undefined) await closeFile(file);
    await rename(this.#temporary, this.#pathOf(key));
  }

  async discard(): Promise<void> {
    if (this.#file !== undefined) closeRead(this.#file);
    this.#file = undefined;
    clearInterval(this.#keptYoung);
    await rm(this.#temporary, { force: true });
  }
}

/** A file that one read does not fill the buffer with is read whole by then; undefined when it is larger. */
async function readSmall(file: number): Promise<Uint8Array | undefined> {
  const first = smallBuffers.pop() ?? Buffer.allocUnsafeSlow(SMALL_FILE);
  // One that is not given back, since the read failed, is made anew.
  const length = await readSome(file, first, 0, 0);
  const whole = length === SMALL_FILE ? undefined : Buffer.allocUnsafeSlow(length);
  whole?.set(first.subarray(0, length));
  if (smallBuffers.length < MAX_SMALL_BUFFERS) smallBuffers.push(first);
  return whole;
}

function isThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
