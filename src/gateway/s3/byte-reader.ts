// Reads lines and runs of bytes out of a body that arrives in pieces of any size. Nothing is copied but what straddles pieces.
import { S3Error } from './errors.ts';

/** Where a body's bytes come from. */
export interface ByteSource {
  /** The next piece, at least one byte; undefined at the end. Throws when the client went away or stalls. */
  next(): Promise<Uint8Array | undefined>;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export class ByteReader {
  readonly #source: ByteSource;
  #piece: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** True when no byte is left. */
  async atEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** At most `most` bytes, as many as are at hand; undefined at the end of the body. */
  async some(most: number): Promise<Buffer | undefined> {
    if (!(await this.#fill())) return undefined;
    const taken = this.#piece.subarray(0, most);
    this.#piece = this.#piece.subarray(taken.length);
    return taken;
  }

  /** Bytes up to a line feed, without it and without a carriage return before it. Undefined when the body ends first, empty. */
  async line(limit: number): Promise<string | undefined> {
    let line = '';
    while (await this.#fill()) {
      const end = this.#piece.indexOf(LINE_FEED);
      const taken = end < 0 ? this.#piece : this.#piece.subarray(0, end);
      line += taken.toString('latin1');
      if (line.length > limit) throw new S3Error('IncompleteBody', 'The framing of the body is malformed.');
      this.#piece = this.#piece.subarray(taken.length + (end < 0 ? 0 : 1));
      if (end >= 0) return line.endsWith('\r') ? line.slice(0, -1) : line;
    }
    if (line !== '') throw new S3Error('IncompleteBody');
    return undefined;
  }

  /** Takes the line end that must stand here. */
  async lineEnd(): Promise<void> {
    for (const wanted of [CARRIAGE_RETURN, LINE_FEED]) {
      const byte = await this.some(1);
      if (byte === undefined) throw new S3Error('IncompleteBody');
      if (byte[0] !== wanted) throw new S3Error('IncompleteBody', 'The framing of the body is malformed.');
    }
  }

  async #fill(): Promise<boolean> {
    if (this.#piece.length > 0) return true;
    if (this.#ended) return false;
    const piece = await this.#source.next();
    if (piece === undefined) {
      this.#ended = true;
      return false;
    }
    this.#piece = Buffer.isBuffer(piece) ? piece : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    return this.#piece.length > 0 || this.#fill();
  }
}
