// The condition keys of one request under flat names: the service prefix is dropped, so that `aws:username` and `ldap:username`
// are one value, as the recorded engines have it.
import type { Dialect } from '../dialect/dialect.ts';

/** Values of condition keys, by flat name. */
export class KeySpace {
  readonly #values = new Map<string, readonly string[]>();
  readonly #unknown: ReadonlySet<string> | undefined;
  readonly #dialect: Dialect;

  constructor(
    keys: ReadonlyMap<string, readonly string[]>,
    unknown: ReadonlySet<string> | undefined,
    dialect: Dialect,
  ) {
    this.#dialect = dialect;
    this.#unknown = unknown;
    for (const [name, values] of keys) this.#values.set(flatName(name, dialect), values);
  }

  /** The values of a key (canonical name); undefined when absent, and when present with no value. */
  values(key: string): readonly string[] | undefined {
    const values = this.#values.get(flatName(key, this.#dialect));
    return values === undefined || values.length === 0 ? undefined : values;
  }

  /** The value that a policy variable stands for; undefined when absent or empty. */
  variable = (key: string): string | undefined => {
    const value = this.values(key)?.[0];
    return value === '' ? undefined : value;
  };

  /** True when the caller could find the key's value out and has not. */
  isUnknown(key: string): boolean {
    if (this.#unknown === undefined || this.#values.has(flatName(key, this.#dialect))) return false;
    const slash = key.indexOf('/');
    return this.#unknown.has(key) || (slash !== -1 && this.#unknown.has(key.slice(0, slash + 1)));
  }
}

/** The name of a key without its service prefix. */
export function flatName(key: string, dialect: Dialect): string {
  const colon = key.indexOf(':');
  return colon !== -1 && dialect.keyPrefixes.has(key.slice(0, colon)) ? key.slice(colon + 1) : key;
}
