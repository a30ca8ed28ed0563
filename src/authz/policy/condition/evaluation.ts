// One request while it is decided: its condition keys by the names that policies use, and what was found missing.
import type { PolicyRequest } from '../request.ts';

/** How the names of condition keys are told apart. */
export interface KeyNaming {
  /** Upper and lower case are one. */
  readonly ignoreCase: boolean;
  /** Names that stand for one value: a key is looked up by its own name first. Undefined: each name is its own. */
  readonly synonyms: ReadonlyMap<string, readonly string[]> | undefined;
  /** Other names that documents may use: each is read as the name that it stands for. */
  readonly spellings?: ReadonlyMap<string, string>;
}

/** A condition key as a policy names it, readied for looking up. */
export interface KeyRef {
  /** As written, but for a spelling, which is the name that it stands for. */
  readonly name: string;
  readonly others: readonly string[] | undefined;
  /** Lower case, where case does not count. */
  readonly folded: string | undefined;
}

/** Readies a name. `aws:username/x` has the synonyms of `aws:username`, with the suffix. */
export function keyRef(name: string, naming: KeyNaming): KeyRef {
  const slash = name.indexOf('/');
  const written = slash === -1 ? name : name.slice(0, slash);
  const suffix = slash === -1 ? '' : name.slice(slash);
  const base = naming.spellings?.get(written) ?? written;
  const others = naming.synonyms?.get(base)?.map((other) => other + suffix);
  return { name: base + suffix, others, folded: naming.ignoreCase ? name.toLowerCase() : undefined };
}

/** The request and its keys. Made for one decision, and forgotten. */
export class Evaluation {
  readonly request: PolicyRequest;
  /** A variable of the statement at hand is not told. */
  variableMissing = false;
  #missing: Set<string> | undefined;
  #folded: Map<string, readonly string[]> | undefined;

  constructor(request: PolicyRequest) {
    this.request = request;
  }

  /** Keys that could be found out and are not told, of all statements that hang on them. */
  get missing(): readonly string[] {
    return this.#missing === undefined ? [] : [...this.#missing];
  }

  /** Notes that an answer hangs on a key that is not told. */
  miss(key: string): void {
    this.#missing ??= new Set();
    this.#missing.add(key);
  }

  /** The values of a key; undefined when absent, and when present with no value. */
  values(key: KeyRef): readonly string[] | undefined {
    const found = this.#find(key);
    return found === undefined || found.length === 0 ? undefined : found;
  }

  #find(key: KeyRef): readonly string[] | undefined {
    const { keys } = this.request;
    const own = keys.get(key.name);
    if (own !== undefined) return own;
    if (key.others !== undefined) {
      for (const other of key.others) {
        const values = keys.get(other);
        if (values !== undefined) return values;
      }
    }
    if (key.folded === undefined) return undefined;
    if (this.#folded === undefined) {
      this.#folded = new Map();
      for (const [name, values] of keys) this.#folded.set(name.toLowerCase(), values);
    }
    return this.#folded.get(key.folded);
  }

  /** The values a variable may stand for; undefined when absent. Remembers when the answer is not told. */
  variable(key: KeyRef): readonly string[] | undefined {
    if (this.request.unknownKeys !== undefined && this.isUnknown(key)) {
      this.miss(key.name);
      this.variableMissing = true;
    }
    return this.values(key);
  }

  /** True when the caller could find the key's value out and has not. */
  isUnknown(key: KeyRef): boolean {
    const unknown = this.request.unknownKeys;
    if (unknown === undefined || this.#find(key) !== undefined) return false;
    const slash = key.name.indexOf('/');
    return unknown.has(key.name) || (slash !== -1 && unknown.has(key.name.slice(0, slash + 1)));
  }
}
