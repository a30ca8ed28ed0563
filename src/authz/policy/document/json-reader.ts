// JSON text → nodes that know where they stand and keep every member, also those of one name. Reads without recursion, so that no
// depth of nesting can exhaust the stack.

export type JsonNode = JsonString | JsonNumber | JsonLiteral | JsonArray | JsonObject;
export interface JsonString {
  readonly type: 'string';
  readonly value: string;
}
export interface JsonNumber {
  readonly type: 'number';
  /** As written. */
  readonly text: string;
}
export interface JsonLiteral {
  readonly type: 'true' | 'false' | 'null';
}
export interface JsonArray {
  readonly type: 'array';
  readonly items: JsonNode[];
}
export interface JsonObject {
  readonly type: 'object';
  /** In the order of the text. */
  readonly members: JsonMember[];
}
export interface JsonMember {
  readonly name: string;
  readonly value: JsonNode;
}

/** How strict the reading is. */
export interface JsonRules {
  /** What follows the first value: nothing may, or it does not matter. */
  readonly trailing: 'refused' | 'ignored';
  readonly comments: boolean;
  /** Escapes of lone surrogates become U+FFFD, or stay. */
  readonly loneSurrogates: 'replaced' | 'kept';
  /** Deepest nesting of objects and arrays. */
  readonly maxDepth: number;
}

export type JsonRead =
  | { readonly ok: true; readonly root: JsonNode }
  /** `at`: offset in the text. */
  | { readonly ok: false; readonly at: number; readonly problem: string };

class JsonProblem extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/** Reads the first value of a text. Never throws. */
export function readJson(text: string, rules: JsonRules): JsonRead {
  const reader = new JsonReader(text, rules);
  try {
    const root = reader.readValue();
    if (rules.trailing === 'refused') reader.requireEnd();
    return { ok: true, root };
  } catch (error) {
    if (error instanceof JsonProblem) return { ok: false, at: error.at, problem: error.message };
    throw error;
  }
}

/** `line 3, column 7` of an offset. */
export function placeOf(text: string, at: number): string {
  const before = text.slice(0, at);
  return `line ${before.split('\n').length}, column ${at - before.lastIndexOf('\n')}`;
}

/** Text without escapes, and without what must be escaped. */
const PLAIN = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERALS = ['true', 'false', 'null'] as const;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

type Open = { readonly node: JsonArray } | { readonly node: JsonObject; name: string };

class JsonReader {
  readonly #text: string;
  readonly #rules: JsonRules;
  #at = 0;

  constructor(text: string, rules: JsonRules) {
    this.#text = text;
    this.#rules = rules;
  }

  requireEnd(): void {
    this.#skipBlanks();
    if (this.#at < this.#text.length) this.#fail('nothing may follow the document');
  }

  readValue(): JsonNode {
    const open: Open[] = [];
    for (;;) {
      this.#skipBlanks();
      let value: JsonNode | undefined;
      const char = this.#text[this.#at];
      if (char === '{' || char === '[') {
        if (open.length >= this.#rules.maxDepth) this.#fail(`nested deeper than ${this.#rules.maxDepth} levels`);
        this.#at++;
        this.#skipBlanks();
        if (char === '{') {
          const node: JsonObject = { type: 'object', members: [] };
          if (this.#take('}')) value = node;
          else open.push({ node, name: this.#readName() });
        } else {
          const node: JsonArray = { type: 'array', items: [] };
          if (this.#take(']')) value = node;
          else open.push({ node });
        }
      } else value = this.#readScalar();
      // A finished value goes into what is open; that may be finished by it, too.
      while (value !== undefined) {
        const holder = open.at(-1);
        if (holder === undefined) return value;
        value = this.#put(holder, value) ? (open.pop() as Open).node : undefined;
      }
    }
  }

  /** Adds a value; true when its holder ends after it. */
  #put(holder: Open, value: JsonNode): boolean {
    if ('name' in holder) holder.node.members.push({ name: holder.name, value });
    else holder.node.items.push(value);
    this.#skipBlanks();
    if (this.#take('name' in holder ? '}' : ']')) return true;
    if (!this.#take(',')) this.#fail('a comma or the end of the list is missing');
    this.#skipBlanks();
    if ('name' in holder) holder.name = this.#readName();
    return false;
  }

  #readName(): string {
    if (this.#text[this.#at] !== '"') this.#fail('a name in double quotes is missing');
    const name = this.#readString();
    this.#skipBlanks();
    if (!this.#take(':')) this.#fail('a colon is missing');
    return name;
  }

  #readScalar(): JsonNode {
    const char = this.#text[this.#at];
    if (char === '"') return { type: 'string', value: this.#readString() };
    for (const literal of LITERALS) {
      if (this.#text.startsWith(literal, this.#at)) {
        this.#at += literal.length;
        return { type: literal };
      }
    }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text)?.[0];
    if (number === undefined) return this.#fail(char === undefined ? 'the text ends early' : 'this is no value');
    this.#at += number.length;
    return { type: 'number', text: number };
  }

  #readString(): string {
    const closing = this.#text.indexOf('"', this.#at + 1);
    const plain = this.#text.slice(this.#at + 1, closing);
    if (closing !== -1 && PLAIN.test(plain)) {
      this.#at = closing + 1;
      return plain;
    }
    let value = '';
    let from = ++this.#at;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(code)) this.#fail('the text ends inside a string');
      if (code < 0x20) this.#fail('control characters must be escaped');
      if (code === 0x22) break;
      if (code === 0x5c) {
        value += this.#text.slice(from, this.#at) + this.#readEscape();
        from = this.#at;
      } else this.#at++;
    }
    value += this.#text.slice(from, this.#at++);
    return this.#rules.loneSurrogates === 'replaced' ? value.toWellFormed() : value;
  }

  #readEscape(): string {
    const letter = this.#text[this.#at + 1] ?? '';
    if (letter === 'u') {
      const hex = this.#text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#fail('\\u needs four hexadecimal digits');
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const escaped = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (escaped === undefined) return this.#fail('this escape does not exist');
    this.#at += 2;
    return escaped;
  }

  #skipBlanks(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) this.#at++;
      else if (code === 0x2f && this.#rules.comments) this.#skipComment();
      else return;
    }
  }

  #skipComment(): void {
    const next = this.#text[this.#at + 1];
    const end =
      next === '*'
        ? this.#text.indexOf('*/', this.#at + 2) + 2
        : next === '/'
          ? this.#text.indexOf('\n', this.#at)
          : -1;
    if (next !== '*' && next !== '/') this.#fail('this is no value');
    if (next === '*' && end < 2) this.#fail('the comment does not end');
    this.#at = end === -1 ? this.#text.length : end;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #fail(problem: string): never {
    throw new JsonProblem(this.#at, problem);
  }
}
