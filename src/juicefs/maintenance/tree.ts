// Walks over everything a volume holds, a page at a time, for commands that look at all of it.
import type { Entry, FileChunk, MetaEngine, Node, SliceRef } from '../meta/engine.ts';
import { TYPE_DIRECTORY } from '../meta/inode.ts';

const PAGE = 1000;
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

/** All reference counts that the engine keeps. */
export async function* allSliceRefs(engine: MetaEngine): AsyncGenerator<SliceRef> {
  for (let cursor: string | undefined, more = true; more; ) {
    const from = cursor;
    const page = await engine.look(async (reader) => reader.scanSliceRefs(from, PAGE));
    yield* page.items;
    cursor = page.next;
    more = cursor !== undefined;
  }
}

/** A path of an inode; undefined when none leads there. */
export async function pathOf(engine: MetaEngine, inode: bigint): Promise<string | undefined> {
  const names: string[] = [];
  let current = inode;
  for (let depth = 0; current > 1n && depth < MAX_DEPTH; depth++) {
    const child = current;
    const [parent] = await engine.look(async (reader) => {
      const node = await reader.node(child);
      return node !== undefined && node.parent > 0n ? [node.parent] : reader.parentsOf(child);
    });
    if (parent === undefined) return undefined;
    const name = await nameIn(engine, parent, child);
    if (name === undefined) return undefined;
    names.unshift(name);
    current = parent;
  }
  return `/${names.join('/')}`;
}

async function nameIn(engine: MetaEngine, directory: bigint, inode: bigint): Promise<string | undefined> {
  for await (const entry of entriesOf(engine, directory)) {
    if (entry.inode === inode) return Buffer.from(entry.name).toString('utf8');
  }
  return undefined;
}
