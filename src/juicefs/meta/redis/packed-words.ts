// Words of commands as one argument: many short ones cost the driver and the server more than what they say.

/** A word of a command; texts are UTF-8, numbers their decimal digits. */
export type Word = string | number | Buffer;

const LENGTH_BYTES = 4;
/** Texts up to this are looked at byte by byte, which is quicker than a call. */
const SHORT_TEXT = 48;
const ASCII = 0x80;

/** Where words are gathered: one list of them after the other, each at one go. It grows as they need it, up to a limit. */
let gathering = Buffer.allocUnsafeSlow(16 * 1024);
const MAX_KEPT_BYTES = 1024 * 1024;

/**
 * Gathers words, each after its length (32 bits, big-endian), as `struct.unpack('>I4c0', …)` reads them. Nothing else may be gathered
 * before `whole` was asked for.
 */
export class PackedWords {
  #bytes = gathering;
  #used = 0;

  add(word: Word): void {
    if (typeof word === 'number') this.#addText(String(word));
    else if (typeof word === 'string') this.#addText(word);
    else {
      const at = this.#room(word.length);
      this.#bytes.set(word, at);
      this.#end(at + word.length);
    }
  }

  /** Adds a word that is `mark` and then `bytes`. */
  addMarked(mark: string, bytes: Uint8Array | string): void {
    const length = typeof bytes === 'string' ? bytes.length * 3 : bytes.length;
    const at = this.#room(mark.length + length);
    const from = at + this.#bytes.write(mark, at, 'latin1');
    if (typeof bytes === 'string') this.#end(from + this.#bytes.write(bytes, from));
    else {
      this.#bytes.set(bytes, from);
      this.#end(from + length);
    }
  }

  /** All of them; nothing may be added any more. */
  whole(): Buffer {
    if (this.#bytes.length <= MAX_KEPT_BYTES) gathering = this.#bytes;
    return Buffer.from(this.#bytes.subarray(0, this.#used));
  }

  #addText(text: string): void {
    const at = this.#room(text.length * 3);
    this.#end((text.length <= SHORT_TEXT ? this.#writeAscii(text, at) : undefined) ?? at + this.#bytes.write(text, at));
  }

  /** Where the text ends; undefined, with nothing done, when it is not ASCII. */
  #writeAscii(text: string, at: number): number | undefined {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= ASCII) return undefined;
      bytes[at + i] = code;
    }
    return at + text.length;
  }

  /** Where a word of at most so many bytes may be written. */
  #room(most: number): number {
    const needed = this.#used + LENGTH_BYTES + most;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, needed));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
    return this.#used + LENGTH_BYTES;
  }

  #end(end: number): void {
    this.#bytes.writeUInt32BE(end - this.#used - LENGTH_BYTES, this.#used);
    this.#used = end;
  }
}
