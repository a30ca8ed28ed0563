// Reads JSON that is larger than memory: objects are entered and left by the caller, and only values asked for whole are held.
// Whole numbers beyond 2^53 (inodes of the trash) are bigint.

/** Longest single value (the chunk list of a file, the settings). */
const MAX_VALUE_CHARACTERS = 256 << 20;

export class JsonStream {
  readonly #source: AsyncIterator<string>;
  #text = '';
  #at = 0;
  #ended = false;

  constructor(source: AsyncIterable<string>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Enters the object that comes next. */
  async enterObject(): Promise<void> {
    await this.#expect('{');
  }

  /** The name of the next member, after which its value comes; undefined when the object ends here. */
  async nextMember(): Promise<string | undefined> {
    let next = await this.#peek();
    if (next === ',') {
      this.#at += 1;
      next = await this.#peek();
    }
    if (next === '}') {
      this.#at += 1;
      return undefined;
    }
    if (next !== '"') throw this.#unexpected(next);
    const name: unknown = JSON.parse(await this.#takeValue());
    await this.#expect(':');
    return String(name);
  }

  /** The whole value that comes next. */
  async value(): Promise<unknown> {
    await this.#peek();
    return parseExact(await this.#takeValue());
  }

  async #expect(wanted: string): Promise<void> {
    const found = await this.#peek();
    if (found !== wanted) throw this.#unexpected(found);
    this.#at += 1;
  }

  #unexpected(found: string | undefined): SyntaxError {
    return new SyntaxError(
      found === undefined ? 'the JSON ends too early' : `unexpected ${JSON.stringify(found)} in the JSON`,
    );
  }

  /** The next character that is no white space, not taken. */
  async #peek(): Promise<string | undefined> {
    for (;;) {
      while (this.#at < this.#text.length && ' \n\r\t'.includes(this.#text.charAt(this.#at))) this.#at += 1;
      if (this.#at < this.#text.length) return this.#text.charAt(this.#at);
      if (!(await this.#more())) return undefined;
    }
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#source.next();
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    this.#text = this.#text.slice(this.#at) + next.value;
    this.#at = 0;
    return true;
  }

  /** The text of the value that begins here. */
  async #takeValue(): Promise<string> {
    const scan = new ValueScan();
    let end = scan.feed(this.#text, this.#at);
    while (end === undefined) {
      const scanned = this.#text.length - this.#at;
      if (scanned > MAX_VALUE_CHARACTERS) throw new RangeError('a single value of the JSON is too long');
      if (!(await this.#more())) {
        if (!scan.mayEnd) throw this.#unexpected(undefined);
        end = this.#text.length;
      } else {
        end = scan.feed(this.#text, scanned);
      }
    }
    const text = this.#text.slice(this.#at, end);
    this.#at = end;
    return text;
  }
}

/** Finds where a value ends, over several pieces of text. */
class ValueScan {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #bare = false;

  /** A bare number at the end of the text ends there. */
  get mayEnd(): boolean {
    return this.#bare;
  }

  /** Goes on from a place; where the value ends, or undefined when the text does first. */
  feed(text: string, from: number): number | undefined {
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === 0x5c) this.#escaped = true;
        else if (code === 0x22) {
          this.#inString = false;
          if (this.#depth === 0) return at + 1;
        }
      } else if (code === 0x22) this.#inString = true;
      else if (code === 0x7b || code === 0x5b) this.#depth += 1;
      else if (code === 0x7d || code === 0x5d) {
        if (this.#bare) return at;
        this.#depth -= 1;
        if (this.#depth === 0) return at + 1;
      } else if (this.#depth === 0) {
        if (this.#bare && (code === 0x2c || code <= 0x20)) return at;
        this.#bare = true;
      }
    }
    return undefined;
  }
}

const LONG_NUMBER = /\d{16}/;
/** Strings are matched first, so that digits in them are left alone. */
const STRING_OR_LONG_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g;
const MARK = '\u0001';

/** JSON.parse, with bigint for whole numbers of 16 and more digits. */
export function parseExact(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  const marked = text.replace(STRING_OR_LONG_NUMBER, (match) => (match.startsWith('"') ? match : `"\\u0001${match}"`));
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) && /^-?\d+$/.test(value.slice(1))
      ? BigInt(value.slice(1))
      : value,
  );
}
