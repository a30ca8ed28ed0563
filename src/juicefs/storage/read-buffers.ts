// Memory that reads share one after the other: a buffer of a megabyte that is made for each read and thrown away costs more (the
// kernel's zeroed pages, the garbage collector's runs) than copying the bytes.

/** Reads up to this many bytes fit into a shared buffer. */
export const SHARED_BUFFER_BYTES = 1024 * 1024;
/** Reads up to this many bytes get a smaller one. */
export const SMALL_BUFFER_BYTES = 128 * 1024;
/** Buffers kept while nobody reads, of either size. */
const MAX_FREE = 32;

/** Whether a buffer is in somebody's hands, and where it goes when it is given back. */
interface Loan {
  lent: boolean;
  readonly free: ArrayBuffer[];
}

export class ReadBuffers {
  readonly #large: ArrayBuffer[] = [];
  readonly #small: ArrayBuffer[] = [];
  readonly #loans = new WeakMap<ArrayBufferLike, Loan>();

  /** A buffer of so many bytes, of any content. It may be given back or forgotten. */
  take(bytes: number): Buffer {
    if (bytes > SHARED_BUFFER_BYTES) return Buffer.allocUnsafeSlow(bytes);
    const small = bytes <= SMALL_BUFFER_BYTES;
    const free = small ? this.#small : this.#large;
    const memory = free.pop() ?? this.#make(small ? SMALL_BUFFER_BYTES : SHARED_BUFFER_BYTES, free);
    const loan = this.#loans.get(memory);
    if (loan !== undefined) loan.lent = true;
    return Buffer.from(memory, 0, bytes);
  }

  #make(bytes: number, free: ArrayBuffer[]): ArrayBuffer {
    const { buffer } = Buffer.allocUnsafeSlow(bytes);
    this.#loans.set(buffer, { lent: true, free });
    return buffer;
  }

  /**
   * Whoever took the bytes is done with them; the next one may write over them. Fine for bytes that came from elsewhere, which are
   * left alone. INVARIANT: nothing may still be reading into the buffer, as a read that was given up may.
   */
  giveBack({ buffer }: Uint8Array): void {
    const loan = this.#loans.get(buffer);
    if (loan?.lent !== true || !(buffer instanceof ArrayBuffer)) return;
    loan.lent = false;
    if (loan.free.length < MAX_FREE) loan.free.push(buffer);
  }
}
