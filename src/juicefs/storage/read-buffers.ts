// Memory that reads share one after the other: a buffer of a megabyte that is made for each read and thrown away costs more (the
// kernel's zeroed pages, the garbage collector's runs) than copying the bytes.

/** Reads up to this many bytes fit into a shared buffer. */
export const SHARED_BUFFER_BYTES = 1024 * 1024;
/** Buffers kept while nobody reads, 1 MiB each. */
const MAX_FREE = 32;

export class ReadBuffers {
  readonly #free: ArrayBuffer[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();

  /** A buffer of so many bytes, of any content. It may be given back or forgotten. */
  take(bytes: number): Buffer {
    if (bytes > SHARED_BUFFER_BYTES) return Buffer.allocUnsafeSlow(bytes);
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(SHARED_BUFFER_BYTES).buffer;
    this.#lent.add(memory);
    return Buffer.from(memory, 0, bytes);
  }

  /**
   * Whoever took the bytes is done with them; the next one may write over them. Fine for bytes that came from elsewhere, which are
   * left alone. INVARIANT: nothing may still be reading into the buffer, as a read that was given up may.
   */
  giveBack({ buffer }: Uint8Array): void {
    if (!this.#lent.delete(buffer) || !(buffer instanceof ArrayBuffer)) return;
    if (this.#free.length < MAX_FREE) this.#free.push(buffer);
  }
}
