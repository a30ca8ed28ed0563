// Bytes that are gathered until they fill a block: large pieces are kept as they came, without a copy, and small ones are copied
// together, so that many of them do not each hold the memory that they arrived in. The first may be all there is: it is kept, too.

/** Pieces up to this are copied. */
const COPIED_BYTES = 8 * 1024;
/** A first piece is kept as it came if it holds no more memory than this. */
const KEPT_MEMORY = 16 * 1024;
/** What small pieces are copied into. */
const GATHERED_BYTES = 64 * 1024;

export class PieceList {
  #pieces: Uint8Array[] = [];
  #length = 0;
  #gathered: Buffer | undefined;
  /** Of `gathered`: where its last piece begins, and how much of it is used. */
  #from = 0;
  #used = 0;

  /** Bytes gathered so far. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes that nobody writes to any more. */
  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    if (bytes.length > COPIED_BYTES || (this.#length === bytes.length && bytes.buffer.byteLength <= KEPT_MEMORY)) {
      this.#pieces.push(bytes);
      this.#from = this.#used;
      return;
    }
    let target = this.#gathered;
    if (target === undefined || this.#used + bytes.length > target.length) {
      target = Buffer.allocUnsafeSlow(GATHERED_BYTES);
      this.#gathered = target;
      this.#from = 0;
      this.#used = 0;
    }
    target.set(bytes, this.#used);
    const grows = this.#used > this.#from;
    this.#used += bytes.length;
    const piece = target.subarray(this.#from, this.#used);
    if (grows) this.#pieces[this.#pieces.length - 1] = piece;
    else this.#pieces.push(piece);
  }

  /** The pieces in order; the list is empty afterwards. */
  takeAll(): readonly Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#length = 0;
    this.#gathered = undefined;
    this.#from = 0;
    this.#used = 0;
    return pieces;
  }
}
