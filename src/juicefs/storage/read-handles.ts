// Files that are read in pieces, or again and again, kept open for a moment: opening and closing one costs more than reading a
// piece of it. A block never changes under its key, so an open one holds the right bytes also when its name is gone.
import { closeRead, fileSize, openFile } from './file-calls.ts';

/** A file is opened anew when it was opened longer ago than this, so that nobody reads what was put in another's place for long. */
const MAX_AGE_MS = 1_000;
/** Files kept open while nobody reads them. */
const MAX_IDLE = 64;

/** An open file, which several may be reading. */
export interface ReadHandle {
  readonly descriptor: number;
  /** Bytes of the file when it was opened. */
  readonly size: number;
}

class OpenHandle implements ReadHandle {
  readonly path: string;
  readonly openedMs = performance.now();
  readonly descriptor: number;
  readonly size: number;
  users = 0;
  /** Nobody new gets it. */
  past = false;

  constructor(path: string, descriptor: number, size: number) {
    this.path = path;
    this.descriptor = descriptor;
    this.size = size;
  }
}

export class ReadHandles {
  readonly #open = new Map<string, OpenHandle>();
  readonly #opening = new Map<string, Promise<OpenHandle>>();
  /** Open, and read by nobody; the one that was read longest ago first. */
  readonly #idle = new Set<OpenHandle>();
  #sweep: NodeJS.Timeout | undefined;
  readonly #maxAgeMs: number;
  #closed = false;

  /** @param maxAgeMs how long after it was opened a file is read again without opening it anew */
  constructor(maxAgeMs = MAX_AGE_MS) {
    this.#maxAgeMs = maxAgeMs;
  }

  /** Reads an open file, opened now unless it was lately. Rejects with what opening rejects with. */
  async use<T>(path: string, read: (handle: ReadHandle) => Promise<T>): Promise<T> {
    const handle = this.#kept(path) ?? (await this.#openOnce(path));
    handle.users++;
    this.#idle.delete(handle);
    try {
      return await read(handle);
    } finally {
      handle.users--;
      if (handle.users === 0) this.#rest(handle);
    }
  }

  /** What is at the path is another file from now on, or none. */
  forget(path: string): void {
    // Whoever is opening it may get the one before, as whoever opened it a moment ago.
    this.#opening.delete(path);
    const handle = this.#open.get(path);
    if (handle !== undefined) this.#leave(handle);
  }

  /** Files that are being read are closed when that is over. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweep);
    for (const handle of [...this.#open.values()]) this.#leave(handle);
  }

  #kept(path: string): OpenHandle | undefined {
    const handle = this.#open.get(path);
    if (handle === undefined || this.#isYoung(handle)) return handle;
    this.#leave(handle);
    return undefined;
  }

  /** Those who ask for the same file meanwhile get the same one. */
  #openOnce(path: string): Promise<OpenHandle> {
    const known = this.#opening.get(path);
    if (known !== undefined) return known;
    const opening = openHandle(path).then(
      (handle) => {
        if (this.#opening.get(path) === opening && !this.#closed) this.#open.set(path, handle);
        else handle.past = true;
        this.#opening.delete(path);
        return handle;
      },
      (error: unknown) => {
        if (this.#opening.get(path) === opening) this.#opening.delete(path);
        throw error;
      },
    );
    this.#opening.set(path, opening);
    return opening;
  }

  #rest(handle: OpenHandle): void {
    if (handle.past) {
      closeRead(handle.descriptor);
      return;
    }
    this.#idle.add(handle);
    if (this.#idle.size > MAX_IDLE) {
      const [oldest] = this.#idle;
      if (oldest !== undefined) this.#leave(oldest);
    }
    this.#sweep ??= setTimeout(() => this.#closeOld(), this.#maxAgeMs).unref();
  }

  #closeOld(): void {
    this.#sweep = undefined;
    for (const handle of [...this.#idle]) if (!this.#isYoung(handle)) this.#leave(handle);
    if (this.#idle.size > 0) this.#sweep = setTimeout(() => this.#closeOld(), this.#maxAgeMs).unref();
  }

  #isYoung({ openedMs }: OpenHandle): boolean {
    return performance.now() - openedMs < this.#maxAgeMs;
  }

  #leave(handle: OpenHandle): void {
    handle.past = true;
    this.#open.delete(handle.path);
    if (this.#idle.delete(handle)) closeRead(handle.descriptor);
  }
}

async function openHandle(path: string): Promise<OpenHandle> {
  const descriptor = await openFile(path, 'r');
  try {
    return new OpenHandle(path, descriptor, await fileSize(descriptor));
  } catch (error) {
    closeRead(descriptor);
    throw error;
  }
}
