import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inKeyOrder } from './directory-order.ts';
import type { Entry, MetaReader, NameRange } from './engine.ts';
import { TYPE_DIRECTORY, TYPE_FILE } from './inode.ts';

const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);

/** The three reads a listing needs, over names in memory. */
function directoryOf(entries: readonly Entry[]): Pick<MetaReader, 'entries' | 'edge' | 'node'> {
  const sorted = [...entries].sort((a, b) => compare(a.name, b.name));
  return {
    entries: (_parent: bigint, range: NameRange, limit: number) =>
      sorted
        .filter(({ name }) =>
          range.from === undefined ? compare(name, range.after ?? Buffer.of()) > 0 : compare(name, range.from) >= 0,
        )
        .filter(({ name }) => range.before === undefined || compare(name, range.before) < 0)
        .slice(0, limit),
    edge: (_parent: bigint, name: Uint8Array) => sorted.find((entry) => compare(entry.name, name) === 0),
    node: () => undefined,
  };
}

async function list(
  entries: readonly Entry[],
  options: { prefix: Buffer; after: Buffer; pageSize: number },
): Promise<string[]> {
  const reader = directoryOf(entries);
  const keys: string[] = [];
  const classify = async (_reader: MetaReader, entry: Entry) => ({ entry, directory: entry.type === TYPE_DIRECTORY });
  // Only the three reads are used; the rest of a reader is not there to be called.
  const look = <T>(body: (reader: MetaReader) => Promise<T>): Promise<T> => body(reader as MetaReader);
  for await (const page of inKeyOrder(look, 1n, classify, options)) {
    for (const { entry, directory } of page) keys.push(keyOf(entry.name, directory));
  }
  return keys;
}

const keyOf = (name: Uint8Array, directory: boolean): string =>
  Buffer.from(name).toString('latin1') + (directory ? '/' : '');

// Few letters around '/', so that names are often the beginning of others.
const name = fc
  .array(fc.constantFrom(0x21, 0x2d, 0x2e, 0x30, 0x61, 0xff), { minLength: 1, maxLength: 4 })
  .map((bytes) => Buffer.from(bytes));
const entry = fc.record({ name, directory: fc.boolean() }).map(
  ({ name, directory }): Entry => ({
    name,
    inode: 5n,
    type: directory ? TYPE_DIRECTORY : TYPE_FILE,
    node: undefined,
  }),
);

describe('inKeyOrder', () => {
  it('lists as sorting all keys would, from any point, with any prefix and page', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(entry, { selector: (e) => e.name.toString(), maxLength: 30 }),
        fc.oneof(fc.constant(Buffer.of()), name),
        fc.oneof(
          fc.constant(Buffer.of()),
          name,
          name.map((n) => Buffer.concat([n, Buffer.from('/')])),
        ),
        fc.integer({ min: 1, max: 8 }),
        async (entries, prefix, after, pageSize) => {
          const expected = entries
            .filter((e) => compare(e.name.subarray(0, prefix.length), prefix) === 0)
            .map((e) => keyOf(e.name, e.type === TYPE_DIRECTORY))
            .filter((key) => compare(Buffer.from(key, 'latin1'), after) > 0)
            .sort((a, b) => compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')));
          expect(await list(entries, { prefix, after, pageSize })).toEqual(expected);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('puts a directory after the names that begin with it and a byte below the slash', async () => {
    const entries = ['a', 'a-b', 'a.c', 'a0'].map((text, i): Entry => {
      return { name: Buffer.from(text), inode: BigInt(i), type: i === 0 ? TYPE_DIRECTORY : TYPE_FILE, node: undefined };
    });
    const all = { prefix: Buffer.of(), after: Buffer.of(), pageSize: 2 };
    expect(await list(entries, all)).toEqual(['a-b', 'a.c', 'a/', 'a0']);
    expect(await list(entries, { ...all, after: Buffer.from('a-b') })).toEqual(['a.c', 'a/', 'a0']);
    expect(await list(entries, { ...all, after: Buffer.from('a/') })).toEqual(['a0']);
  });
});
