// Paths over a store where each name would be a round trip: where a name led before is a guess at where it leads now. All of a path
// is read on such guesses at once and as of one moment, each name is checked against what was read, and what was read behind a wrong
// guess is thrown away. So nothing old is ever answered, whoever changed it, and no time limit or message between clients is needed.
import { LRUCache } from 'lru-cache';
import { decodeEdge, decodeNode } from '../attr-codec.ts';
import type { ChunkRow, Edge, FileState, Node, Walk, WalkBrings } from '../engine.ts';
import { chunkCount, ROOT_INODE, TRASH_NAME, TYPE_DIRECTORY } from '../inode.ts';
import { KEYS } from './kv-keys.ts';
import { KvReader } from './kv-reader.ts';
import { type KvEntry, type KvRange, type KvStore, keyRange, MAX_RANGES, prefixRange } from './kv-store.ts';

/** Names whose inodes are remembered. */
const MAX_HINTS = 50_000;
/** Ranges that say what a node is: itself, its extended attributes, its first chunk. */
const CONTENT_RANGES = 3;

/** Where names led when they were last followed. */
export class PathHints {
  readonly #edges = new LRUCache<string, Edge>({ max: MAX_HINTS });

  get(parent: bigint, name: Uint8Array): Edge | undefined {
    return this.#edges.get(keyOf(parent, name));
  }

  set(parent: bigint, name: Uint8Array, edge: Edge | undefined): void {
    if (edge === undefined) this.#edges.delete(keyOf(parent, name));
    else this.#edges.set(keyOf(parent, name), edge);
  }
}

function keyOf(parent: bigint, name: Uint8Array): string {
  return `${parent}/${Buffer.from(name).toString('latin1')}`;
}

/** What was read of an inode. */
interface Content {
  readonly node: Node | undefined;
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  readonly chunks: readonly ChunkRow[] | undefined;
}

export class KvPathReader extends KvReader {
  readonly #hints: PathHints;

  constructor(store: KvStore, hints: PathHints) {
    super(store);
    this.#hints = hints;
  }

  override async walk(start: bigint, names: readonly Uint8Array[], brings: WalkBrings = 'node'): Promise<Walk> {
    // The trash is an entry of the root that no key holds.
    const [first] = names;
    if (start === ROOT_INODE && first !== undefined && Buffer.from(TRASH_NAME).equals(first)) {
      return super.walk(start, names);
    }
    let edge: Edge | undefined;
    let parent = start;
    let consumed = 0;
    while (consumed < names.length) {
      const from = edge?.inode ?? start;
      const guesses = this.#guess(from, names.slice(consumed));
      const guessed = guesses[guesses.length - 1]?.edge;
      const whole = consumed + guesses.length === names.length && guessed !== undefined ? guessed.inode : undefined;
      const ranges = guesses.map(({ parent: directory, name }) => keyRange(KEYS.entry(directory, name)));
      const found = await this.store.together([
        ...ranges,
        ...(whole === undefined ? [] : contentRanges(whole, brings)),
      ]);
      for (const [at, guess] of guesses.entries()) {
        if (edge !== undefined) {
          if (edge.type !== TYPE_DIRECTORY) return { consumed, edge, parent, missing: false };
          parent = edge.inode;
        }
        const stored = found[at]?.[0];
        const step: Edge | undefined = stored === undefined ? undefined : decodeEdge(stored.value);
        this.#hints.set(guess.parent, guess.name, step);
        if (step === undefined) return { consumed, edge, parent, missing: true };
        edge = step;
        consumed += 1;
        if (step.inode !== guess.edge?.inode) break;
      }
      if (consumed === names.length && edge !== undefined && edge.inode === whole) {
        return { consumed, edge, parent, missing: false, ...decodeContent(whole, found.slice(guesses.length), brings) };
      }
    }
    if (edge === undefined) return { consumed, edge, parent, missing: false };
    return { consumed, edge, parent, missing: false, ...(await this.#content(edge.inode, brings)) };
  }

  /** Entries to read at once: as far as it is known where each led, and the one after. */
  #guess(
    start: bigint,
    names: readonly Uint8Array[],
  ): { readonly parent: bigint; readonly name: Uint8Array; readonly edge: Edge | undefined }[] {
    const guesses = [];
    let parent = start;
    for (const name of names.slice(0, MAX_RANGES - CONTENT_RANGES)) {
      const edge = this.#hints.get(parent, name);
      guesses.push({ parent, name, edge });
      if (edge === undefined) break;
      parent = edge.inode;
    }
    return guesses;
  }

  /** A file of one chunk at most, in one round trip. */
  async file(inode: bigint): Promise<FileState | undefined> {
    const { node, chunks } = await this.#content(inode, 'xattrs and chunks');
    if (node === undefined) return { node, chunks: [] };
    return chunks === undefined ? undefined : { node, chunks };
  }

  async #content(inode: bigint, brings: WalkBrings): Promise<Content> {
    return decodeContent(inode, await this.store.together(contentRanges(inode, brings)), brings);
  }
}

function contentRanges(inode: bigint, brings: WalkBrings): KvRange[] {
  const node = keyRange(KEYS.node(inode));
  if (brings === 'node') return [node];
  const xattrs = prefixRange(KEYS.xattrs(inode));
  if (brings === 'xattrs') return [node, xattrs];
  return [node, xattrs, keyRange(KEYS.chunk(inode, 0))];
}

function decodeContent(inode: bigint, found: readonly (readonly KvEntry[])[], brings: WalkBrings): Content {
  const [stored, named, first] = found;
  const value = stored?.[0]?.value;
  if (value === undefined) return { node: undefined, xattrs: undefined, chunks: undefined };
  const node = decodeNode(inode, value);
  const prefix = KEYS.xattrs(inode).length;
  const xattrs =
    brings === 'node' || named === undefined
      ? undefined
      : new Map(named.map((entry) => [entry.key.toString('utf8', prefix), entry.value]));
  // Of a file of several chunks the others are not known.
  const chunks =
    first === undefined || chunkCount(node.length) > 1
      ? undefined
      : first.map((entry) => ({ index: 0, slices: entry.value }));
  return { node, xattrs, chunks };
}
