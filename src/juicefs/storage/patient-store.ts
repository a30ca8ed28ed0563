// A store that is tried again: each try has a time limit, the waits between them grow, and what cannot become better is not
// tried twice. It also keeps transfers within the volume's bandwidth.
import { setTimeout as delay } from 'node:timers/promises';
import { Bandwidth } from './bandwidth.ts';
import {
  type ByteRange,
  bytesOf,
  type ObjectBody,
  type ObjectDraft,
  ObjectMissingError,
  ObjectRefusedError,
  type ObjectStore,
  renewObject,
  type StoredObject,
  type UnfinishedObject,
  unfinishedIn,
} from './object-store.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface PatientStoreOptions {
  /** Tries after the first. */
  readonly ioRetries: number;
  readonly getTimeoutMs: number;
  readonly putTimeoutMs: number;
  /** Bytes a second; 0 = unlimited. */
  readonly uploadBytesPerSecond: number;
  readonly downloadBytesPerSecond: number;
}

/** The wait before try n is about n² times this. */
const WAIT_MS = 100;
const MAX_WAIT_MS = 5_000;

/** What a file system says that may pass; its other refusals stay. */
const PASSING = new Set([
  'EIO',
  'EAGAIN',
  'EBUSY',
  'EINTR',
  'EMFILE',
  'ENFILE',
  'ETIMEDOUT',
  'ESTALE',
  'ENETUNREACH',
  'EHOSTUNREACH',
]);
/** POSIX codes of a file system; network errors have others, and all pass. */
const FILE_SYSTEM = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'ELOOP',
  'EINVAL',
  'ENOENT',
]);

export class PatientStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #options: PatientStoreOptions;
  readonly #upload: Bandwidth;
  readonly #download: Bandwidth;

  constructor(store: ObjectStore, options: PatientStoreOptions) {
    this.#store = store;
    this.#options = options;
    this.#upload = new Bandwidth(options.uploadBytesPerSecond);
    this.#download = new Bandwidth(options.downloadBytesPerSecond);
  }

  get description(): string {
    return this.#store.description;
  }

  get readUnit(): number {
    return this.#store.readUnit;
  }

  get local(): boolean {
    return this.#store.local === true;
  }

  async put(key: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    await this.#upload.take(bytesOf(body), signal);
    await this.#retry(this.#options.putTimeoutMs, signal, (limited) => this.#store.put(key, body, limited()));
  }

  putUnseen(key: string, body: ObjectBody): Promise<void> | undefined {
    return this.#store.putUnseen === undefined ? undefined : this.#putUnseen(key, body);
  }

  async #putUnseen(key: string, body: ObjectBody): Promise<void> {
    await this.#upload.take(bytesOf(body));
    let tries = 0;
    // A try that is late may still be writing: the next one puts a whole object in the place of what that leaves.
    await this.#retry(
      this.#options.putTimeoutMs,
      undefined,
      (limited) =>
        (++tries === 1 ? this.#store.putUnseen?.(key, body) : undefined) ?? this.#store.put(key, body, limited()),
    );
  }

  /** Within the bandwidth; what is written bit by bit cannot be tried again. */
  draft(key: string): ObjectDraft | undefined {
    const draft = this.#store.draft?.(key);
    if (draft === undefined) return undefined;
    return {
      write: async (pieces) => {
        await this.#upload.take(bytesOf(pieces));
        await draft.write(pieces);
      },
      publish: (whole) => draft.publish(whole),
      discard: () => draft.discard(),
    };
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal, buffers?: ReadBuffers): Promise<Uint8Array> {
    const body = await this.#retry(this.#options.getTimeoutMs, signal, (limited) =>
      this.#store.get(key, range, this.local ? signal : limited(), buffers),
    );
    await this.#download.take(body.length, signal);
    return body;
  }

  head(key: string): Promise<StoredObject | undefined> {
    return this.#retry(this.#options.getTimeoutMs, undefined, () => this.#store.head(key));
  }

  delete(key: string): Promise<void> {
    return this.#retry(this.#options.putTimeoutMs, undefined, () => this.#store.delete(key));
  }

  list(prefix: string): AsyncIterable<StoredObject> {
    return this.#store.list(prefix);
  }

  renew(key: string): Promise<void> {
    return this.#retry(this.#options.putTimeoutMs, undefined, () => renewObject(this.#store, key));
  }

  unfinished(folder: string): AsyncIterable<UnfinishedObject> {
    return unfinishedIn(this.#store, folder);
  }

  createBucket(): Promise<void> {
    return this.#store.createBucket();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #retry<T>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    run: (limited: () => AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        return await within(timeoutMs, signal, run);
      } catch (error) {
        if (signal?.aborted === true || attempt > this.#options.ioRetries || !mayPass(error)) throw error;
      }
      const wait = Math.min(attempt * attempt * WAIT_MS, MAX_WAIT_MS) * (0.5 + Math.random());
      await delay(wait, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/**
 * Runs with a time limit; also a run that does not listen to its signal is not waited for beyond it. The signal is made for those that
 * ask for it: it costs more than writing a small block.
 */
async function within<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  run: (limited: () => AbortSignal) => Promise<T>,
): Promise<T> {
  let stop: AbortController | undefined;
  // Passed on by hand: a signal that is made of two costs more than reading a small block.
  const onAbort = (): void => stop?.abort(signal?.reason);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`no answer of the store within ${timeoutMs} ms`);
      stop?.abort(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    const limited = (): AbortSignal => {
      if (stop === undefined) {
        stop = new AbortController();
        signal?.addEventListener('abort', onAbort);
      }
      return stop.signal;
    };
    return await Promise.race([run(limited), late]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof ObjectMissingError || error instanceof ObjectRefusedError || error instanceof RangeError)
    return false;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return true;
  return PASSING.has(error.code) || !FILE_SYSTEM.has(error.code);
}
