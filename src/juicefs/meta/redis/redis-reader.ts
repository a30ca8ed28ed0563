// The reading primitives over Redis. What goes through `text`, `field`, `hash` and `list` is seen by a transaction with its
// own changes; scans over everything are not.

import { decodeAclRule } from '../acl-codec.ts';
import { decodeEdge, decodeNode } from '../attr-codec.ts';
import type {
  AclRule,
  ChunkRow,
  DelayedSlices,
  DeletedFile,
  DirectoryUsage,
  Edge,
  Entry,
  FileChunk,
  FileState,
  MetaReader,
  NameRange,
  Node,
  OwnerKind,
  Page,
  QueuedFile,
  Quota,
  Session,
  SliceName,
  SliceRef,
  Walk,
  WalkBrings,
} from '../engine.ts';
import { chunkCount, ROOT_INODE, TRASH_INODE, TRASH_NAME, TYPE_DIRECTORY } from '../inode.ts';
import type { RedisConnection } from './redis-connection.ts';
import { counterOffset, parseChunkKey, parseSliceField, type RedisKeys, sliceField } from './redis-keys.ts';
import { type RedisListing, SMALL_DIRECTORY } from './redis-listing.ts';
import { asArray, asBuffer, asHash, asNumber, asOptional } from './redis-reply.ts';
import { FILE, HASHES, WALK } from './redis-scripts.ts';

const TRASH_NAME_BYTES = Buffer.from(TRASH_NAME);
/** Chunks read at a time of a file of many. */
const CHUNKS_AT_A_TIME = 500;
const SCAN_COUNT = 1000;
/** Hashes that one script reads: others wait for it. */
const HASHES_AT_A_TIME = 500;

/** What a volume on Redis shares among its readers and transactions. */
export interface RedisVolume {
  readonly connection: RedisConnection;
  readonly keys: RedisKeys;
  readonly listing: RedisListing;
}

export class RedisReader implements MetaReader {
  protected readonly volume: RedisVolume;
  protected readonly keys: RedisKeys;

  constructor(volume: RedisVolume) {
    this.volume = volume;
    this.keys = volume.keys;
  }

  protected call(command: string, ...args: readonly (string | number | Buffer)[]) {
    return this.volume.connection.call(command, ...args);
  }

  protected async text(key: string): Promise<Buffer | undefined> {
    return asOptional(await this.call('GET', key));
  }

  protected async field(key: string, field: string | Buffer): Promise<Buffer | undefined> {
    return asOptional(await this.call('HGET', key, field));
  }

  protected async hash(key: string): Promise<Map<string, Buffer>> {
    return asHash(await this.call('HGETALL', key));
  }

  /** Many hashes in one round trip. */
  protected async hashes(keys: readonly string[]): Promise<Map<string, Buffer>[]> {
    const [only] = keys;
    if (only !== undefined && keys.length === 1) return [await this.hash(only)];
    const found: Map<string, Buffer>[] = [];
    for (let from = 0; from < keys.length; from += HASHES_AT_A_TIME) {
      const some = keys.slice(from, from + HASHES_AT_A_TIME);
      found.push(...asArray(await this.volume.connection.run(HASHES, some)).map(asHash));
    }
    return found;
  }

  /** The records of a chunk, one after the other; empty when there is no such chunk. */
  protected async list(key: string): Promise<Buffer> {
    return Buffer.concat(asArray(await this.call('LRANGE', key, 0, -1)).map(asBuffer));
  }

  async setting(): Promise<string | undefined> {
    return (await this.text(this.keys.of('setting')))?.toString('utf8');
  }

  async node(inode: bigint): Promise<Node | undefined> {
    const stored = await this.text(this.keys.node(inode));
    return stored === undefined ? undefined : decodeNode(inode, stored);
  }

  async edge(parent: bigint, name: Uint8Array): Promise<Edge | undefined> {
    const stored = await this.field(this.keys.directory(parent), Buffer.from(name));
    if (stored !== undefined) return decodeEdge(stored);
    if (parent !== ROOT_INODE || !TRASH_NAME_BYTES.equals(name)) return undefined;
    return (await this.node(TRASH_INODE)) === undefined ? undefined : { inode: TRASH_INODE, type: TYPE_DIRECTORY };
  }

  async walk(start: bigint, names: readonly Uint8Array[], brings: WalkBrings = 'node'): Promise<Walk> {
    const args: (string | number | Buffer)[] = [this.keys.prefix, String(start), WANTED[brings]];
    for (const name of names) args.push(Buffer.isBuffer(name) ? name : Buffer.from(name));
    const reply = asArray(await this.volume.connection.run(WALK, args));
    const complete = reply.length > names.length;
    const edges = (complete ? reply.slice(0, names.length) : reply).map((entry) => decodeEdge(asBuffer(entry)));
    const edge = edges[edges.length - 1];
    const parent = edges[edges.length - 2]?.inode ?? start;
    const consumed = edges.length;
    const attributes = complete ? asOptional(reply[names.length]) : undefined;
    const node = attributes === undefined || edge === undefined ? undefined : decodeNode(edge.inode, attributes);
    const stopped = consumed === names.length || (edge !== undefined && edge.type !== TYPE_DIRECTORY);
    if (stopped) {
      const [xattrs, slices] = node === undefined ? [] : reply.slice(names.length + 1);
      return {
        consumed,
        edge,
        parent,
        missing: false,
        node,
        xattrs: xattrs === undefined ? undefined : toXattrs(asHash(xattrs)),
        // A file of several chunks takes another step.
        chunks: slices === undefined || chunkCount(node?.length ?? 0) > 1 ? undefined : toChunks(asBuffer(slices)),
      };
    }
    return this.#walkOn({ consumed, edge, parent, missing: true }, start, names);
  }

  /** The script stops where a name is missing, at the trash, and at what it cannot follow: the next step tells. */
  async #walkOn(done: Walk, start: bigint, names: readonly Uint8Array[]): Promise<Walk> {
    const from = done.edge?.inode ?? start;
    const next = names[done.consumed];
    if (next === undefined || (from !== ROOT_INODE && from < TRASH_INODE)) return done;
    const edge = await this.edge(from, next);
    if (edge === undefined) return done;
    const step: Walk = { consumed: done.consumed + 1, edge, parent: from, missing: false };
    if (edge.type !== TYPE_DIRECTORY || step.consumed === names.length) return step;
    const rest = await this.walk(edge.inode, names.slice(step.consumed));
    return rest.edge === undefined ? { ...step, missing: true } : { ...rest, consumed: step.consumed + rest.consumed };
  }

  async entries(parent: bigint, range: NameRange, limit: number): Promise<Entry[]> {
    const key = this.keys.directory(parent);
    const small = await this.#smallDirectory(key, range, limit);
    if (small !== undefined) return this.withNodes(small);
    const found: Entry[] = [];
    let next = range;
    // Names that went since they were collected leave a gap, which the next ones fill.
    for (;;) {
      const node = await this.node(parent);
      const wanted = limit - found.length;
      const names = await this.volume.listing.names(this.volume.connection, key, node?.mtimeNs ?? 0n, next, wanted);
      found.push(...(await this.#entriesNamed(key, names)));
      const last = names[names.length - 1];
      if (names.length < wanted || found.length >= limit || last === undefined) return found;
      next = { after: last, ...(range.before === undefined ? {} : { before: range.before }) };
    }
  }

  /** As `entries`, without nodes, of a directory that is read whole; undefined for a large one. */
  async #smallDirectory(
    key: string,
    range: NameRange,
    limit: number,
  ): Promise<(Edge & { readonly name: Buffer })[] | undefined> {
    if (asNumber(await this.call('HLEN', key)) > SMALL_DIRECTORY) return undefined;
    const stored = [...asHash(await this.call('HGETALL', key))];
    // Bytes as latin1 are in the order of the bytes.
    stored.sort(([a], [b]) => (a < b ? -1 : 1));
    const found: (Edge & { readonly name: Buffer })[] = [];
    for (const [field, value] of stored) {
      if (found.length === limit) break;
      const name = Buffer.from(field, 'latin1');
      if (isWithin(name, range)) found.push({ name, ...decodeEdge(value) });
    }
    return found;
  }

  async #entriesNamed(key: string, names: readonly Buffer[]): Promise<Entry[]> {
    if (names.length === 0) return [];
    const stored = asArray(await this.call('HMGET', key, ...names));
    const edges = names.flatMap((name, i) => {
      const value = asOptional(stored[i]);
      return value === undefined ? [] : [{ name, ...decodeEdge(value) }];
    });
    return this.withNodes(edges);
  }

  protected async withNodes(edges: readonly (Edge & { readonly name: Buffer })[]): Promise<Entry[]> {
    if (edges.length === 0) return [];
    const stored = asArray(await this.call('MGET', ...edges.map(({ inode }) => this.keys.node(inode))));
    return edges.map((edge, i) => {
      const value = asOptional(stored[i]);
      return { ...edge, node: value === undefined ? undefined : decodeNode(edge.inode, value) };
    });
  }

  async someEntries(parent: bigint, limit: number): Promise<Entry[]> {
    const key = this.keys.directory(parent);
    const edges = new Map<string, Edge & { readonly name: Buffer }>();
    for (let cursor = '0', done = false; !done && edges.size < limit; done = cursor === '0') {
      const [next, page] = asArray(await this.call('HSCAN', key, cursor, 'COUNT', limit));
      cursor = String(next);
      for (const [field, value] of asHash(page)) {
        edges.set(field, { name: Buffer.from(field, 'latin1'), ...decodeEdge(value) });
      }
    }
    return this.withNodes([...edges.values()].slice(0, limit));
  }

  async hasEntries(parent: bigint): Promise<boolean> {
    return asNumber(await this.call('HLEN', this.keys.directory(parent))) > 0;
  }

  async parentsOf(inode: bigint): Promise<bigint[]> {
    const node = await this.node(inode);
    if (node === undefined) return [];
    if (node.parent !== 0n) return [node.parent];
    const counts = await this.hash(this.keys.parents(inode));
    return [...counts].flatMap(([parent, count]) => (Number(count.toString()) > 0 ? [BigInt(parent)] : []));
  }

  symlink(inode: bigint): Promise<Uint8Array | undefined> {
    return this.text(this.keys.symlink(inode));
  }

  async xattrs(inodes: readonly bigint[]): Promise<Map<string, Uint8Array>[]> {
    const stored = await this.hashes(inodes.map((inode) => this.keys.xattrs(inode)));
    return stored.map(toXattrs);
  }

  async chunks(inode: bigint, first = 0, last?: number): Promise<ChunkRow[]> {
    const node = await this.node(inode);
    return this.chunksUpTo(inode, first, Math.min(last ?? Number.MAX_SAFE_INTEGER, chunkCount(node?.length ?? 0) - 1));
  }

  async file(inode: bigint): Promise<FileState | undefined> {
    const reply = asArray(await this.volume.connection.run(FILE, [this.keys.prefix, String(inode)]));
    const [stored, slices] = reply.map(asBuffer);
    if (stored === undefined) return { node: undefined, chunks: [] };
    const node = decodeNode(inode, stored);
    if (chunkCount(node.length) > 1) return undefined;
    return { node, chunks: slices === undefined ? [] : toChunks(slices) };
  }

  chunksOfDeleted({ inode, length }: DeletedFile): Promise<ChunkRow[]> {
    return this.chunksUpTo(inode, 0, chunkCount(length) - 1);
  }

  protected async chunksUpTo(inode: bigint, first: number, last: number): Promise<ChunkRow[]> {
    const rows: ChunkRow[] = [];
    for (let from = first; from <= last; from += CHUNKS_AT_A_TIME) {
      const count = Math.min(CHUNKS_AT_A_TIME, last - from + 1);
      const indices = Array.from({ length: count }, (_, i) => from + i);
      const lists = await Promise.all(indices.map((index) => this.list(this.keys.chunk(inode, index))));
      lists.forEach((slices, i) => {
        if (slices.length > 0) rows.push({ index: from + i, slices });
      });
    }
    return rows;
  }

  async counter(name: string): Promise<number> {
    return asNumber((await this.text(this.keys.counter(name))) ?? null) + counterOffset(name);
  }

  async sliceRefs(slices: readonly SliceName[]): Promise<SliceRef[]> {
    const key = this.keys.of('sliceRef');
    return Promise.all(
      slices.map(async (slice) => ({
        id: slice.id,
        size: slice.size,
        refs: 1 + asNumber((await this.field(key, sliceField(slice))) ?? null),
      })),
    );
  }

  async unreferencedSlices(limit: number): Promise<SliceRef[]> {
    const found: SliceRef[] = [];
    let cursor: string | undefined;
    do {
      const { items, next }: Page<SliceRef> = await this.scanSliceRefs(cursor, SCAN_COUNT);
      found.push(...items.filter(({ refs }) => refs <= 0));
      cursor = next;
    } while (cursor !== undefined && found.length < limit);
    return found.slice(0, limit);
  }

  async delayedSlices(deletedBefore: number, limit: number): Promise<DelayedSlices[]> {
    const found: DelayedSlices[] = [];
    await this.#scanHash(this.keys.of('delSlices'), (field, slices) => {
      const [key = '0', deleted] = field.split('_');
      if (Number(deleted) < deletedBefore) found.push({ key: BigInt(key), deleted: Number(deleted), slices });
      return found.length < limit;
    });
    return found.slice(0, limit);
  }

  async #scanHash(key: string, each: (field: string, value: Buffer) => boolean): Promise<void> {
    for (let cursor = '0', done = false; !done; done = cursor === '0') {
      const [next, page] = asArray(await this.call('HSCAN', key, cursor, 'COUNT', SCAN_COUNT));
      cursor = String(next);
      for (const [field, value] of asHash(page)) if (!each(field, value)) return;
    }
  }

  async deletedFiles(queuedBefore: number, limit: number): Promise<QueuedFile[]> {
    const words = ['-inf', `(${queuedBefore}`, 'WITHSCORES', 'LIMIT', 0, limit];
    const parts = asArray(await this.call('ZRANGEBYSCORE', this.keys.of('delfiles'), ...words));
    const files: QueuedFile[] = [];
    for (let i = 0; i + 1 < parts.length; i += 2) {
      const match = /^(\d+):(\d+)$/.exec(asBuffer(parts[i]).toString());
      if (match === null) continue;
      files.push({ inode: BigInt(match[1] ?? 0), length: Number(match[2]), queued: asNumber(parts[i + 1]) });
    }
    return files;
  }

  async staleSessions(expiredBefore: number, limit: number): Promise<bigint[]> {
    const words = ['-inf', `(${expiredBefore}`, 'LIMIT', 0, limit];
    return asArray(await this.call('ZRANGEBYSCORE', this.keys.of('allSessions'), ...words)).map(toBigInt);
  }

  async sustained(session: bigint): Promise<bigint[]> {
    return asArray(await this.call('SMEMBERS', this.keys.sustained(session))).map(toBigInt);
  }

  async detachedNodes(begunBefore: number, limit: number): Promise<bigint[]> {
    const words = ['-inf', `(${begunBefore}`, 'LIMIT', 0, limit];
    return asArray(await this.call('ZRANGEBYSCORE', this.keys.of('detachedNodes'), ...words)).map(toBigInt);
  }

  directoryQuotas(): Promise<Quota[]> {
    return this.#quotas('dir');
  }

  async ownerQuota(kind: OwnerKind, id: number): Promise<Quota | undefined> {
    const key = this.keys.of(`${kind}Quota`);
    const [limits, space, inodes] = await Promise.all(
      ['', 'UsedSpace', 'UsedInodes'].map((suffix) => this.field(key + suffix, String(id))),
    );
    return limits === undefined ? undefined : toQuota(BigInt(id), limits, space, inodes);
  }

  ownerQuotas(kind: OwnerKind): Promise<Quota[]> {
    return this.#quotas(kind);
  }

  async #quotas(kind: 'dir' | OwnerKind): Promise<Quota[]> {
    const key = this.keys.of(`${kind}Quota`);
    const limits = await this.hash(key);
    if (limits.size === 0) return [];
    const [space, inodes] = await Promise.all([this.hash(`${key}UsedSpace`), this.hash(`${key}UsedInodes`)]);
    return [...limits].map(([id, value]) => toQuota(BigInt(id), value, space.get(id), inodes.get(id)));
  }

  async directoryUsage(inode: bigint): Promise<DirectoryUsage | undefined> {
    const [length, space, inodes] = await Promise.all(
      USAGE_KEYS.map((key) => this.field(this.keys.of(key), String(inode))),
    );
    if (space === undefined || inodes === undefined) return undefined;
    return { length: asNumber(length), space: asNumber(space), inodes: asNumber(inodes) };
  }

  async sessions(): Promise<Session[]> {
    const parts = asArray(await this.call('ZRANGE', this.keys.of('allSessions'), 0, -1, 'WITHSCORES'));
    const infos = await this.hash(this.keys.of('sessionInfos'));
    const found: Session[] = [];
    for (let i = 0; i + 1 < parts.length; i += 2) {
      const id = asBuffer(parts[i]).toString();
      found.push({ id: BigInt(id), expire: asNumber(parts[i + 1]), info: infos.get(id) ?? Buffer.of() });
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async aclRules(): Promise<AclRule[]> {
    const stored = await this.hash(this.keys.of('acl'));
    return [...stored].map(([id, value]) => decodeAclRule(Number(id), value)).sort((a, b) => a.id - b.id);
  }

  async scanChunks(cursor: string | undefined, limit: number): Promise<Page<FileChunk>> {
    const { prefix } = this.keys;
    const match = `${prefix.replaceAll(/[[\]*?\\]/g, '\\$&')}c*_*`;
    const [next, page] = asArray(await this.call('SCAN', cursor ?? '0', 'MATCH', match, 'COUNT', limit));
    const named = asArray(page).flatMap((key) => parseChunkKey(asBuffer(key).toString().slice(prefix.length)) ?? []);
    const items = await Promise.all(
      named.map(async (chunk) => ({ ...chunk, slices: await this.list(this.keys.chunk(chunk.inode, chunk.index)) })),
    );
    return { items, next: String(next) === '0' ? undefined : String(next) };
  }

  async scanSliceRefs(cursor: string | undefined, limit: number): Promise<Page<SliceRef>> {
    const [next, page] = asArray(await this.call('HSCAN', this.keys.of('sliceRef'), cursor ?? '0', 'COUNT', limit));
    const items = [...asHash(page)].flatMap(([field, value]) => {
      const slice = parseSliceField(field);
      return slice === undefined ? [] : [{ ...slice, refs: 1 + Number(value.toString()) }];
    });
    return { items, next: String(next) === '0' ? undefined : String(next) };
  }

  async isEmpty(): Promise<boolean> {
    const names = ['setting', 'i1', 'nextinode', 'nextchunk', 'usedSpace', 'totalInodes', 'delfiles', 'sliceRef', 'd1'];
    return asNumber(await this.call('EXISTS', ...names.map((name) => this.keys.of(name)))) === 0;
  }
}

/** The hashes of directory statistics: length, space, inodes. */
export const USAGE_KEYS = ['dirDataLength', 'dirUsedSpace', 'dirUsedInodes'] as const;

const QUOTA_BYTES = 16;

function toQuota(key: bigint, limits: Buffer, space: Buffer | undefined, inodes: Buffer | undefined): Quota {
  const known = limits.length === QUOTA_BYTES;
  return {
    key,
    maxSpace: known ? Number(limits.readBigInt64BE(0)) : -1,
    maxInodes: known ? Number(limits.readBigInt64BE(8)) : -1,
    usedSpace: asNumber(space),
    usedInodes: asNumber(inodes),
  };
}

/** What a walk brings, as its script is told. */
const WANTED: Readonly<Record<WalkBrings, number>> = { node: 0, xattrs: 1, 'xattrs and chunks': 2 };

function toXattrs(hash: ReadonlyMap<string, Buffer>): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const [name, value] of hash) xattrs.set(toText(name), value);
  return xattrs;
}

/** The first chunk, and no other: no row where it has no records. */
function toChunks(slices: Buffer): ChunkRow[] {
  return slices.length === 0 ? [] : [{ index: 0, slices }];
}

/** A name that was read as latin1, which most are ASCII of. */
function toText(latin1: string): string {
  return /^[ -~]*$/.test(latin1) ? latin1 : Buffer.from(latin1, 'latin1').toString('utf8');
}

function toBigInt(reply: Parameters<typeof asBuffer>[0]): bigint {
  return BigInt(asBuffer(reply).toString());
}

/** Whether a name is in a range. */
export function isWithin(name: Buffer, { after, from, before }: NameRange): boolean {
  if (after !== undefined && Buffer.compare(name, after) <= 0) return false;
  if (from !== undefined && Buffer.compare(name, from) < 0) return false;
  return before === undefined || Buffer.compare(name, before) < 0;
}
