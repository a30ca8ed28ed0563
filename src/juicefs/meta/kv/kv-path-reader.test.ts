import { beforeEach, expect, it } from 'vitest';
import { encodeEdge, encodeNode } from '../attr-codec.ts';
import type { Node, WalkBrings } from '../engine.ts';
import { ROOT_INODE, TYPE_DIRECTORY, TYPE_FILE } from '../inode.ts';
import { KEYS } from './kv-keys.ts';
import { KvPathReader, PathHints } from './kv-path-reader.ts';
import { KvReader } from './kv-reader.ts';
import type { KvEntry, KvRange, KvStore } from './kv-store.ts';

/** A store in memory that counts how often it was asked. */
class CountingStore implements KvStore {
  readonly description = 'memory';
  readonly maxCommit = 128;
  readonly #values = new Map<string, Buffer>();
  asked = 0;

  put(key: Buffer, value: Uint8Array | undefined): void {
    if (value === undefined) this.#values.delete(key.toString('latin1'));
    else this.#values.set(key.toString('latin1'), Buffer.from(value));
  }

  #within({ start, end }: KvRange): KvEntry[] {
    const [from, to] = [start.toString('latin1'), end.toString('latin1')];
    return [...this.#values]
      .filter(([key]) => key >= from && key < to)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key: Buffer.from(key, 'latin1'), value, version: 1n }));
  }

  async together(ranges: readonly KvRange[]): Promise<KvEntry[][]> {
    this.asked += 1;
    return ranges.map((range) => this.#within(range));
  }
  async get(keys: readonly Buffer[]): Promise<(KvEntry | undefined)[]> {
    this.asked += 1;
    return keys.map((key) => this.#within({ start: key, end: Buffer.concat([key, Buffer.alloc(1)]) })[0]);
  }
  async scan(range: KvRange, limit: number): Promise<KvEntry[]> {
    this.asked += 1;
    return this.#within(range).slice(0, limit);
  }
  async hasAny(range: KvRange): Promise<boolean> {
    return this.#within(range).length > 0;
  }
  async commit(): Promise<boolean> {
    return false;
  }
  async clear(): Promise<void> {}
  classify(): 'other' {
    return 'other';
  }
  close(): void {}
}

let store: CountingStore;
let hints: PathHints;
let inodes: bigint;
beforeEach(() => {
  store = new CountingStore();
  hints = new PathHints();
  inodes = 1n;
});

const nodeOf = (inode: bigint, type: number, length: number): Node => ({
  inode,
  type,
  flags: 0,
  mode: 0o755,
  uid: 0,
  gid: 0,
  atimeNs: 0n,
  mtimeNs: 0n,
  ctimeNs: 0n,
  nlink: 1,
  length,
  rdev: 0,
  parent: 1n,
  accessAcl: 0,
  defaultAcl: 0,
  tier: 0,
});

/** Puts an entry, of a new inode unless one is given. */
function link(parent: bigint, name: string, type: number, inode?: bigint, length = 5): bigint {
  const made = inode ?? ++inodes;
  store.put(KEYS.entry(parent, Buffer.from(name)), encodeEdge({ inode: made, type }));
  store.put(KEYS.node(made), encodeNode(nodeOf(made, type, length)));
  if (type !== TYPE_FILE) return made;
  store.put(KEYS.xattr(made, 's3-etag'), Buffer.from(`etag ${made}`));
  store.put(KEYS.chunk(made, 0), Buffer.alloc(24, Number(made)));
  return made;
}

const unlink = (parent: bigint, name: string): void => store.put(KEYS.entry(parent, Buffer.from(name)), undefined);
const namesOf = (path: string): Buffer[] => path.split('/').map((name) => Buffer.from(name));

/** The walk, which must be what it is step by step; and the round trips it took. */
async function walk(path: string, brings: WalkBrings = 'xattrs and chunks') {
  const before = store.asked;
  const walked = await new KvPathReader(store, hints).walk(ROOT_INODE, namesOf(path), brings);
  const trips = store.asked - before;
  const { consumed, edge, parent, missing } = walked;
  expect({ consumed, edge, parent, missing }).toEqual(await new KvReader(store).walk(ROOT_INODE, namesOf(path)));
  return { ...walked, trips };
}

it('follows a path in one round trip once it knows it, with all that is asked of its end', async () => {
  const b = link(link(ROOT_INODE, 'a', TYPE_DIRECTORY), 'b', TYPE_DIRECTORY);
  const file = link(b, 'key', TYPE_FILE);
  link(b, 'other', TYPE_FILE);
  expect(await walk('a/b/key')).toMatchObject({ trips: 4, edge: { inode: file }, node: { inode: file } });
  const again = await walk('a/b/key');
  expect(again).toMatchObject({ trips: 1, node: { inode: file, length: 5 } });
  expect(again.xattrs).toEqual(new Map([['s3-etag', Buffer.from(`etag ${file}`)]]));
  expect(again.chunks).toEqual([{ index: 0, slices: Buffer.alloc(24, Number(file)) }]);
  const plain = await walk('a/b/key', 'node');
  expect([plain.trips, plain.xattrs, plain.chunks]).toEqual([1, undefined, undefined]);
  // Another name of a known directory: its entry, then what it leads to. One that is not there needs no more than that.
  expect((await walk('a/b/other')).trips).toBe(2);
  expect(await walk('a/b/nothing')).toMatchObject({ trips: 1, missing: true, consumed: 2 });
  expect(await walk('a/b/key/below')).toMatchObject({ missing: false, consumed: 3, edge: { inode: file } });
});

it('answers nothing old, whatever another client did to the path', async () => {
  const a = link(ROOT_INODE, 'a', TYPE_DIRECTORY);
  const b = link(a, 'b', TYPE_DIRECTORY);
  const file = link(b, 'key', TYPE_FILE);
  await walk('a/b/key');
  // Replaced.
  const next = link(b, 'key', TYPE_FILE);
  expect(await walk('a/b/key')).toMatchObject({ node: { inode: next }, edge: { inode: next } });
  expect((await walk('a/b/key')).xattrs).toEqual(new Map([['s3-etag', Buffer.from(`etag ${next}`)]]));
  // Its directory is moved away with it, and another takes its place.
  unlink(a, 'b');
  expect(await walk('a/b/key')).toMatchObject({ missing: true, consumed: 1 });
  link(a, 'c', TYPE_DIRECTORY, b);
  expect(await walk('a/c/key')).toMatchObject({ node: { inode: next } });
  const b2 = link(a, 'b', TYPE_DIRECTORY);
  expect(await walk('a/b/key')).toMatchObject({ missing: true, consumed: 2 });
  const third = link(b2, 'key', TYPE_FILE);
  expect(await walk('a/b/key')).toMatchObject({ node: { inode: third } });
  // A file where a directory was.
  unlink(ROOT_INODE, 'a');
  link(ROOT_INODE, 'a', TYPE_FILE, file);
  expect(await walk('a/b/key')).toMatchObject({ missing: false, consumed: 1, edge: { inode: file } });
  unlink(ROOT_INODE, 'a');
  expect(await walk('a/b/key')).toMatchObject({ missing: true, consumed: 0, edge: undefined });
});

it('knows the chunks of a file of one chunk only', async () => {
  const file = link(ROOT_INODE, 'large', TYPE_FILE, undefined, 2 ** 26 + 1);
  const { chunks, node } = await walk('large');
  expect([chunks, node?.length]).toEqual([undefined, 2 ** 26 + 1]);
  expect(await new KvPathReader(store, hints).file(file)).toBeUndefined();
});

it('follows a path deeper than is asked at once', async () => {
  let parent = ROOT_INODE;
  const names = Array.from({ length: 150 }, (_, i) => `d${i}`);
  for (const name of names) parent = link(parent, name, TYPE_DIRECTORY);
  await walk(names.join('/'));
  expect(await walk(names.join('/'))).toMatchObject({ trips: 3, node: { inode: parent } });
});
