// S3's wildcards: '*' is any run of characters, '?' exactly one. No escapes, no classes, no regular expressions. A pattern is cut at
// its stars once; then every piece is looked for from left to right, in time linear in the text however many stars there are.

/** What '?' stands for: a byte of UTF-8, or a code point. */
export type QuestionMark = 'byte' | 'codePoint';

/** A stretch of a pattern. In a literal one, '*' and '?' mean themselves. */
export interface PatternPart {
  readonly text: string;
  readonly literal: boolean;
}

/** A piece of a pattern between two stars. */
interface Piece {
  /** Its characters; those at `open` positions are placeholders. */
  readonly text: string;
  /** Which positions any character fills; undefined for none. */
  readonly open: readonly boolean[] | undefined;
  /** Finds the piece at or after a position; -1 when it is not there. */
  find(text: string, from: number): number;
}

const STAR = 42;
const QUESTION = 63;

/** A compiled pattern; immutable. */
export class Pattern {
  /** The text that alone matches, when there are no wildcards. */
  readonly exact: string | undefined;
  readonly #parts: readonly PatternPart[];
  readonly #questionMark: QuestionMark;
  readonly #anything: boolean;
  readonly #head: Piece;
  readonly #middle: readonly Piece[];
  readonly #tail: Piece | undefined;
  /** Some position is open, so what '?' counts matters. */
  readonly #open: boolean;
  #wide: Pattern | undefined;

  constructor(parts: readonly PatternPart[], questionMark: QuestionMark) {
    const pieces = cut(parts);
    this.#parts = parts;
    this.#questionMark = questionMark;
    this.#head = pieces[0] as Piece;
    this.#tail = pieces.length > 1 ? (pieces.at(-1) as Piece) : undefined;
    this.#middle = pieces.slice(1, -1).filter((piece) => piece.text !== '');
    this.#open = pieces.some((piece) => piece.open !== undefined);
    this.exact = this.#tail === undefined && !this.#open ? this.#head.text : undefined;
    this.#anything = pieces.length > 1 && pieces.every((piece) => piece.text === '');
  }

  /** True when the whole text matches. */
  matches(text: string): boolean {
    if (this.exact !== undefined) return this.exact === text;
    if (this.#anything) return true;
    if (this.#open) {
      if (this.#questionMark === 'byte' && !isAscii(text)) {
        this.#wide ??= new Pattern(this.#parts.map(utf8Part), 'codePoint');
        return this.#wide.#matchUnits(utf8Units(text));
      }
      if (this.#questionMark === 'codePoint' && hasSurrogates(text)) {
        const unit = unitMaker();
        const parts = this.#parts.map((part) => ({ ...part, text: Array.from(part.text, unit).join('') }));
        return new Pattern(parts, 'codePoint').#matchUnits(Array.from(text, unit).join(''));
      }
    }
    return this.#matchUnits(text);
  }

  #matchUnits(text: string): boolean {
    const head = this.#head;
    if (this.#tail === undefined) return text.length === head.text.length && standsAt(head, text, 0);
    const end = text.length - this.#tail.text.length;
    let at = head.text.length;
    if (at > end || !standsAt(head, text, 0) || !standsAt(this.#tail, text, end)) return false;
    for (const piece of this.#middle) {
      const found = piece.find(text, at);
      if (found === -1) return false;
      at = found + piece.text.length;
      if (at > end) return false;
    }
    return true;
  }
}

/** A pattern as it is written, without literal parts. */
export function compilePattern(source: string, questionMark: QuestionMark): Pattern {
  return new Pattern([{ text: source, literal: false }], questionMark);
}

/** Matches once. For patterns that are only known when a request comes: nothing is compiled unless it has to be. */
export function matchesWildcard(pattern: string, text: string, questionMark: QuestionMark): boolean {
  if (pattern === '*') return true;
  if (pattern.length > SHORT || pattern.includes('?')) return compilePattern(pattern, questionMark).matches(text);
  return matchStars(pattern, text);
}

const SHORT = 64;

/** Short patterns without '?': only the last star is tried again, so it takes at most SHORT steps a character. */
function matchStars(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    const code = p < pattern.length ? pattern.charCodeAt(p) : -1;
    if (code === STAR) {
      star = p++;
      mark = t;
    } else if (code !== -1 && code === text.charCodeAt(t)) {
      p++;
      t++;
    } else if (star !== -1) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (p < pattern.length && pattern.charCodeAt(p) === STAR) p++;
  return p === pattern.length;
}

function cut(parts: readonly PatternPart[]): Piece[] {
  const pieces: Piece[] = [];
  let text = '';
  let open: boolean[] | undefined;
  const close = (): void => {
    pieces.push(piece(text, open));
    text = '';
    open = undefined;
  };
  for (const part of parts) {
    if (part.literal) {
      text += part.text;
      continue;
    }
    for (let i = 0; i < part.text.length; i++) {
      const code = part.text.charCodeAt(i);
      if (code === STAR) close();
      else {
        if (code === QUESTION) {
          open ??= [];
          open[text.length] = true;
        }
        text += part.text.charAt(i);
      }
    }
  }
  close();
  return pieces;
}

function piece(text: string, open: readonly boolean[] | undefined): Piece {
  if (open === undefined) {
    return text.length <= NAIVE
      ? { text, open, find: (within, from) => within.indexOf(text, from) }
      : { text, open, find: knuthMorrisPratt(text) };
  }
  return text.length <= NAIVE
    ? {
        text,
        open,
        find(within, from) {
          for (let at = from; at + text.length <= within.length; at++) if (stands(text, open, within, at)) return at;
          return -1;
        },
      }
    : { text, open, find: shiftAnd(text, open) };
}

/** Pieces up to this length are compared at each position; longer ones are searched for in linear time. */
const NAIVE = 16;

function standsAt({ text, open }: Piece, within: string, at: number): boolean {
  return open === undefined ? within.startsWith(text, at) : stands(text, open, within, at);
}

function stands(text: string, open: readonly boolean[], within: string, at: number): boolean {
  if (at + text.length > within.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (open[i] !== true && text.charCodeAt(i) !== within.charCodeAt(at + i)) return false;
  }
  return true;
}

function knuthMorrisPratt(text: string): Piece['find'] {
  const failure = new Uint32Array(text.length);
  for (let i = 1, k = 0; i < text.length; i++) {
    while (k > 0 && text.charCodeAt(i) !== text.charCodeAt(k)) k = failure[k - 1] ?? 0;
    if (text.charCodeAt(i) === text.charCodeAt(k)) k++;
    failure[i] = k;
  }
  return (within, from) => {
    let k = 0;
    for (let i = from; i < within.length; i++) {
      const code = within.charCodeAt(i);
      while (k > 0 && code !== text.charCodeAt(k)) k = failure[k - 1] ?? 0;
      if (code === text.charCodeAt(k)) k++;
      if (k === text.length) return i - k + 1;
    }
    return -1;
  };
}

/** Looks for all positions at once, 32 a word: a piece with open positions has no failure table. */
function shiftAnd(text: string, open: readonly boolean[]): Piece['find'] {
  const words = (text.length + 31) >>> 5;
  const anyCharacter = new Int32Array(words);
  const masks = new Map<number, Int32Array>();
  for (let i = 0; i < text.length; i++) if (open[i] === true) setBit(anyCharacter, i);
  for (let i = 0; i < text.length; i++) {
    if (open[i] === true) continue;
    const code = text.charCodeAt(i);
    let mask = masks.get(code);
    if (mask === undefined) {
      mask = Int32Array.from(anyCharacter);
      masks.set(code, mask);
    }
    setBit(mask, i);
  }
  const last = text.length - 1;
  return (within, from) => {
    const state = new Int32Array(words);
    for (let i = from; i < within.length; i++) {
      const mask = masks.get(within.charCodeAt(i)) ?? anyCharacter;
      let carry = 1;
      for (let w = 0; w < words; w++) {
        const before = state[w] ?? 0;
        state[w] = ((before << 1) | carry) & (mask[w] ?? 0);
        carry = before >>> 31;
      }
      if (((state[last >>> 5] ?? 0) >>> (last & 31)) & 1) return i - last;
    }
    return -1;
  };
}

function setBit(bits: Int32Array, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] ?? 0) | (1 << (index & 31));
}

/** Gives each code point one code unit, the same in all texts that share the maker. */
function unitMaker(): (point: string) => string {
  const units = new Map<string, string>();
  return (point) => {
    if (point.length === 1 && (point < '\ud800' || point > '\udfff')) return point;
    let unit = units.get(point);
    if (unit === undefined) {
      unit = String.fromCharCode(0xd800 + units.size);
      units.set(point, unit);
    }
    return unit;
  };
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

function hasSurrogates(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0xd800 && code <= 0xdfff) return true;
  }
  return false;
}

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text, one code unit each. */
function utf8Units(text: string): string {
  let units = '';
  for (const byte of encoder.encode(text)) units += String.fromCharCode(byte);
  return units;
}

const utf8Part = ({ text, literal }: PatternPart): PatternPart => ({ text: utf8Units(text), literal });
