// Walks over everything a volume holds, a page at a time, for commands that look at all of it.
import { LRUCache } from 'lru-cache';
import type { Entry, FileChunk, MetaEngine, Node } from '../meta/engine.ts';
import { ROOT_INODE, TYPE_DIRECTORY } from '../meta/inode.ts';

const PAGE = 1000;
/** About 100 MiB. */
const MAX_KEPT_NAMES = 1_000_000;
const MAX_DEPTH = 10_000;

/** All entries of a directory, in order of name. */
export async function* entriesOf(engine: MetaEngine, directory: bigint): AsyncGenerator<Entry> {
  let after: Uint8Array = new Uint8Array(0);
  for (;;) {
    const from = after;
    const page = await engine.look(async (reader) => reader.entries(directory, { after: from }, PAGE));
    yield* page;
    const last = page[page.length - 1];
    if (last === undefined || page.length < PAGE) return;
    after = last.name;
  }
}

/** A directory met on a walk: its entries are held until the next is asked for. */
export interface WalkedDirectory {
  readonly inode: bigint;
  readonly path: string;
  /** Undefined when the volume is damaged: an entry leads here, and nothing is there. */
  readonly node: Node | undefined;
  readonly parent: bigint;
}

/** The directories below one, itself first. One met twice (a damaged volume) is walked once. */
export async function* directoriesBelow(engine: MetaEngine, top: WalkedDirectory): AsyncGenerator<WalkedDirectory> {
  const pending: { directory: WalkedDirectory; depth: number }[] = [{ directory: top, depth: 0 }];
  const seen = new Set<bigint>();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { directory, depth } = next;
    if (seen.has(directory.inode) || depth > MAX_DEPTH) continue;
    seen.add(directory.inode);
    yield directory;
    for await (const entry of entriesOf(engine, directory.inode)) {
      if (entry.type !== TYPE_DIRECTORY) continue;
      const path = `${directory.path === '/' ? '' : directory.path}/${Buffer.from(entry.name).toString('utf8')}`;
      pending.push({
        directory: { inode: entry.inode, path, node: entry.node, parent: directory.inode },
        depth: depth + 1,
      });
    }
  }
}

/** All chunks of all files. */
export async function* allChunks(engine: MetaEngine): AsyncGenerator<FileChunk> {
  for (let cursor: string | undefined, more = true; more; ) {
    const from = cursor;
    const page = await engine.look(async (reader) => reader.scanChunks(from, PAGE));
    yield* page.items;
    cursor = page.next;
    more = cursor !== undefined;
  }
}

/** A path of an inode; undefined when none leads there. */
export function pathOf(engine: MetaEngine, inode: bigint): Promise<string | undefined> {
  return new PathFinder(engine, 0).pathOf(inode);
}

/** Finds paths of many inodes: a directory is read once for all that lie in it, as long as its names may be kept. */
export class PathFinder {
  readonly #engine: MetaEngine;
  readonly #maxNames: number;
  readonly #known: LRUCache<bigint, ReadonlyMap<bigint, string>>;

  /** @param maxNames names kept, of all directories together */
  constructor(engine: MetaEngine, maxNames = MAX_KEPT_NAMES) {
    this.#engine = engine;
    this.#maxNames = maxNames;
    this.#known = new LRUCache({ maxSize: Math.max(1, maxNames), sizeCalculation: ({ size }) => Math.max(1, size) });
  }

  /** Undefined when no path leads there. */
  async pathOf(inode: bigint): Promise<string | undefined> {
    const names: string[] = [];
    let current = inode;
    for (let depth = 0; current > ROOT_INODE && depth < MAX_DEPTH; depth++) {
      const child = current;
      const [parent] = await this.#engine.look(async (reader) => {
        const node = await reader.node(child);
        return node !== undefined && node.parent > 0n ? [node.parent] : reader.parentsOf(child);
      });
      if (parent === undefined) return undefined;
      const name = await this.#nameIn(parent, child);
      if (name === undefined) return undefined;
      names.unshift(name);
      current = parent;
    }
    return `/${names.join('/')}`;
  }

  async #nameIn(directory: bigint, inode: bigint): Promise<string | undefined> {
    const known = this.#known.get(directory);
    if (known !== undefined) return known.get(inode);
    const names = new Map<bigint, string>();
    let found: string | undefined;
    let whole = this.#maxNames > 0;
    for await (const entry of entriesOf(this.#engine, directory)) {
      const name = Buffer.from(entry.name).toString('utf8');
      if (entry.inode === inode) found ??= name;
      if (names.size < this.#maxNames) names.set(entry.inode, name);
      else whole = false;
      // Too many to keep: what was asked for is enough.
      if (!whole && found !== undefined) return found;
    }
    if (whole) this.#known.set(directory, names);
    return found;
  }
}
