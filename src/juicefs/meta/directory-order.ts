// Lists a directory in S3's order out of an index that is ordered by name alone. The two differ where a directory's name is
// the beginning of others: `a/` comes after `a-b`. So a directory is held back while names follow that begin with its own and
// a byte below '/'. At most one directory for each byte of a name is held, whatever the directory's size.
import type { Entry, MetaReader, NameRange } from './engine.ts';

const SLASH = 0x2f;

/** An entry of a listing, with whether it sorts (and lists) as a directory: a link counts as what it leads to. */
export interface OrderedEntry {
  readonly entry: Entry;
  readonly directory: boolean;
}

/** Decides what an entry is for a listing; undefined leaves it out. */
export type Classify = (reader: MetaReader, entry: Entry) => Promise<OrderedEntry | undefined>;

export interface OrderOptions {
  readonly prefix?: Uint8Array;
  /** Entries whose sort key is greater than this. */
  readonly after?: Uint8Array;
  readonly pageSize: number;
}

/** Pages of entries in order of their sort keys. `look` runs one round of reads. */
export async function* inKeyOrder(
  look: <T>(body: (reader: MetaReader) => Promise<T>) => Promise<T>,
  directory: bigint,
  classify: Classify,
  options: OrderOptions,
): AsyncGenerator<OrderedEntry[]> {
  const prefix = Buffer.from(options.prefix ?? []);
  const after = Buffer.from(options.after ?? []);
  const held: OrderedEntry[] =
    after.length === 0 ? [] : await look((reader) => heldAt(reader, directory, classify, prefix, after));
  const before = successor(prefix);
  let range: NameRange = after.length > 0 && Buffer.compare(after, prefix) >= 0 ? { after } : { from: prefix };
  for (;;) {
    const current = before === undefined ? range : { ...range, before };
    const { size, found, last } = await look(async (reader) => {
      const page = await reader.entries(directory, current, options.pageSize);
      const kept: OrderedEntry[] = [];
      for (const entry of page) {
        const classified = await classify(reader, entry);
        if (classified !== undefined) kept.push(classified);
      }
      return { size: page.length, found: kept, last: page[page.length - 1]?.name };
    });
    const ready: OrderedEntry[] = [];
    for (const next of found) {
      release(held, next.entry.name, ready);
      if (next.directory) held.push(next);
      else ready.push(next);
    }
    const done = size < options.pageSize || last === undefined;
    if (done) ready.push(...held.splice(0).reverse());
    if (ready.length > 0) yield ready;
    if (done) return;
    range = { after: last };
  }
}

/** Lets go of the held directories that `name` no longer comes before; the longest are last and sort first. */
function release(held: OrderedEntry[], name: Uint8Array, ready: OrderedEntry[]): void {
  for (let top = held[held.length - 1]; top !== undefined; top = held[held.length - 1]) {
    if (sortsBeforeKeyOf(name, top.entry.name)) return;
    held.pop();
    ready.push(top);
  }
}

/** Whether `name` begins with `directory` followed by a byte below '/'. */
function sortsBeforeKeyOf(name: Uint8Array, directory: Uint8Array): boolean {
  const next = name[directory.length];
  return next !== undefined && next < SLASH && Buffer.compare(name.subarray(0, directory.length), directory) === 0;
}

/** The directories whose name is not after `after` but whose key is: `a` when continuing after `a` or `a-b`. */
async function heldAt(
  reader: MetaReader,
  directory: bigint,
  classify: Classify,
  prefix: Buffer,
  after: Buffer,
): Promise<OrderedEntry[]> {
  const held: OrderedEntry[] = [];
  for (let length = Math.max(1, prefix.length); length <= after.length; length++) {
    const next = after[length];
    if (next !== undefined && next >= SLASH) continue;
    const name = after.subarray(0, length);
    if (!name.subarray(0, prefix.length).equals(prefix)) return held;
    const edge = await reader.edge(directory, name);
    if (edge === undefined) continue;
    const entry = { ...edge, name, node: await reader.node(edge.inode) };
    const classified = await classify(reader, entry);
    if (classified?.directory === true) held.push(classified);
  }
  return held;
}

/** The least name greater than all that begin with the prefix; undefined when there is none. */
function successor(prefix: Buffer): Buffer | undefined {
  for (let at = prefix.length - 1; at >= 0; at--) {
    const byte = prefix[at] ?? 0xff;
    if (byte < 0xff) return Buffer.concat([prefix.subarray(0, at), Buffer.of(byte + 1)]);
  }
  return undefined;
}
