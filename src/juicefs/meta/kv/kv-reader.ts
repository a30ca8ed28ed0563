// The reading primitives over a key-value store. A transaction sees them with its own changes, through `value` and `range`.
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
} from '../engine.ts';
import { ROOT_INODE, TRASH_INODE, TRASH_NAME, TYPE_DIRECTORY } from '../inode.ts';
import { isLease, KEYS, readCount, readNumbers } from './kv-keys.ts';
import { afterPrefix, type KvEntry, type KvRange, type KvStore, prefixRange } from './kv-store.ts';

const TRASH_NAME_BYTES = Buffer.from(TRASH_NAME);
/** Entries fetched at a time of a scan that wants all. */
const SCAN_PAGE = 1000;
const INODE_BYTES = 8;

export class KvReader implements MetaReader {
  protected readonly store: KvStore;

  constructor(store: KvStore) {
    this.store = store;
  }

  protected async values(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    if (keys.length === 0) return [];
    return (await this.store.get(keys)).map((entry) => entry?.value);
  }

  protected async value(key: Buffer): Promise<Buffer | undefined> {
    return (await this.values([key]))[0];
  }

  protected async range(range: KvRange, limit: number): Promise<readonly Pick<KvEntry, 'key' | 'value'>[]> {
    return this.store.scan(range, limit);
  }

  /** Everything that begins with a prefix, without it. */
  protected async all(prefix: Buffer): Promise<Pick<KvEntry, 'key' | 'value'>[]> {
    const found: Pick<KvEntry, 'key' | 'value'>[] = [];
    const end = afterPrefix(prefix);
    for (let start = prefix; ; ) {
      const page = await this.range({ start, end }, SCAN_PAGE);
      for (const { key, value } of page) found.push({ key: key.subarray(prefix.length), value });
      const last = page[page.length - 1];
      if (last === undefined || page.length < SCAN_PAGE) return found;
      start = next(last.key);
    }
  }

  async setting(): Promise<string | undefined> {
    return (await this.value(KEYS.setting))?.toString('utf8');
  }

  async node(inode: bigint): Promise<Node | undefined> {
    const stored = await this.value(KEYS.node(inode));
    return stored === undefined ? undefined : decodeNode(inode, stored);
  }

  async edge(parent: bigint, name: Uint8Array): Promise<Edge | undefined> {
    const stored = await this.value(KEYS.entry(parent, name));
    if (stored !== undefined) return decodeEdge(stored);
    if (parent !== ROOT_INODE || !TRASH_NAME_BYTES.equals(name)) return undefined;
    return (await this.node(TRASH_INODE)) === undefined ? undefined : { inode: TRASH_INODE, type: TYPE_DIRECTORY };
  }

  async walk(start: bigint, names: readonly Uint8Array[]): Promise<Walk> {
    let parent = start;
    let edge: Edge | undefined;
    let consumed = 0;
    for (const name of names) {
      if (edge !== undefined) {
        if (edge.type !== TYPE_DIRECTORY) return { consumed, edge, parent, missing: false };
        parent = edge.inode;
      }
      const step = await this.edge(parent, name);
      // On a missing name the edge followed last is the directory it is missing from.
      if (step === undefined) return { consumed, edge, parent, missing: true };
      edge = step;
      consumed++;
    }
    return { consumed, edge, parent, missing: false };
  }

  async entries(parent: bigint, { after, from, before }: NameRange, limit: number): Promise<Entry[]> {
    const prefix = KEYS.entries(parent);
    const start = from === undefined ? after : from;
    const range = {
      start:
        start === undefined
          ? prefix
          : Buffer.concat([prefix, start, Buffer.alloc(from === undefined && start.length > 0 ? 1 : 0)]),
      end: before === undefined ? afterPrefix(prefix) : Buffer.concat([prefix, before]),
    };
    if (Buffer.compare(range.start, range.end) >= 0) return [];
    const found = await this.range(range, limit);
    const edges = found.map(({ key, value }) => ({ name: key.subarray(prefix.length), ...decodeEdge(value) }));
    const nodes = await this.values(edges.map(({ inode }) => KEYS.node(inode)));
    return edges.map((edge, i) => {
      const stored = nodes[i];
      return { ...edge, node: stored === undefined ? undefined : decodeNode(edge.inode, stored) };
    });
  }

  someEntries(parent: bigint, limit: number): Promise<Entry[]> {
    return this.entries(parent, {}, limit);
  }

  hasEntries(parent: bigint): Promise<boolean> {
    return this.store.hasAny(prefixRange(KEYS.entries(parent)));
  }

  async parentsOf(inode: bigint): Promise<bigint[]> {
    const node = await this.node(inode);
    if (node === undefined) return [];
    if (node.parent !== 0n) return [node.parent];
    return (await this.all(KEYS.parents(inode))).flatMap(({ key, value }) =>
      readCount(value) > 0 ? [key.readBigUInt64LE(0)] : [],
    );
  }

  symlink(inode: bigint): Promise<Uint8Array | undefined> {
    return this.value(KEYS.symlink(inode));
  }

  async xattrs(inodes: readonly bigint[]): Promise<Map<string, Uint8Array>[]> {
    return Promise.all(
      inodes.map(async (inode) => {
        const stored = await this.all(KEYS.xattrs(inode));
        return new Map(stored.map(({ key, value }) => [key.toString('utf8'), value]));
      }),
    );
  }

  async chunks(inode: bigint, first = 0, last = 0xffff_ffff): Promise<ChunkRow[]> {
    return (await this.all(KEYS.chunks(inode)))
      .map(({ key, value }) => ({ index: key.readUInt32BE(0), slices: value }))
      .filter(({ index }) => index >= first && index <= last);
  }

  chunksOfDeleted({ inode }: DeletedFile): Promise<ChunkRow[]> {
    return this.chunks(inode);
  }

  async counter(name: string): Promise<number> {
    const stored = await this.value(KEYS.counter(name));
    return isLease(name) ? (readNumbers(stored, 1)[0] ?? 0) : readCount(stored);
  }

  async sliceRefs(slices: readonly SliceName[]): Promise<SliceRef[]> {
    const stored = await this.values(slices.map(KEYS.sliceRef));
    return slices.map(({ id, size }, i) => ({ id, size, refs: 1 + readCount(stored[i]) }));
  }

  async unreferencedSlices(limit: number): Promise<SliceRef[]> {
    const found: SliceRef[] = [];
    let cursor: string | undefined;
    do {
      const page: Page<SliceRef> = await this.scanSliceRefs(cursor, SCAN_PAGE);
      found.push(...page.items.filter(({ refs }) => refs <= 0));
      cursor = page.next;
    } while (cursor !== undefined && found.length < limit);
    return found.slice(0, limit);
  }

  async delayedSlices(deletedBefore: number, limit: number): Promise<DelayedSlices[]> {
    const end =
      deletedBefore >= Number.MAX_SAFE_INTEGER ? afterPrefix(KEYS.delayed) : KEYS.delayedAt(deletedBefore, 0n);
    const found = await this.range({ start: KEYS.delayed, end }, limit);
    return found.map(({ key, value }) => ({
      key: key.readBigUInt64BE(9),
      deleted: Number(key.readBigUInt64BE(1)),
      slices: value,
    }));
  }

  async deletedFiles(queuedBefore: number, limit: number): Promise<QueuedFile[]> {
    return (await this.all(KEYS.deletedFiles))
      .filter(({ key }) => key.length === 2 * INODE_BYTES)
      .map(({ key, value }) => ({
        inode: key.readBigUInt64LE(0),
        length: Number(key.readBigUInt64BE(8)),
        queued: readNumbers(value, 1)[0] ?? 0,
      }))
      .filter(({ queued }) => queued < queuedBefore)
      .slice(0, limit);
  }

  async staleSessions(expiredBefore: number, limit: number): Promise<bigint[]> {
    return (await this.sessions())
      .filter(({ expire }) => expire < expiredBefore)
      .map(({ id }) => id)
      .slice(0, limit);
  }

  async sustained(session: bigint): Promise<bigint[]> {
    return (await this.all(KEYS.sustained(session))).map(({ key }) => key.readBigUInt64LE(0));
  }

  async detachedNodes(begunBefore: number, limit: number): Promise<bigint[]> {
    return (await this.all(KEYS.detachedNodes))
      .filter(({ value }) => (readNumbers(value, 1)[0] ?? 0) < begunBefore)
      .map(({ key }) => key.readBigUInt64LE(0))
      .slice(0, limit);
  }

  async directoryQuotas(): Promise<Quota[]> {
    return (await this.all(KEYS.directoryQuotas)).map(({ key, value }) => toQuota(key.readBigUInt64LE(0), value));
  }

  async ownerQuota(kind: OwnerKind, id: number): Promise<Quota | undefined> {
    const stored = await this.value(KEYS.ownerQuota(kind, id));
    return stored === undefined ? undefined : toQuota(BigInt(id), stored);
  }

  async ownerQuotas(kind: OwnerKind): Promise<Quota[]> {
    return (await this.all(KEYS.ownerQuotas(kind))).map(({ key, value }) => toQuota(key.readBigUInt64BE(0), value));
  }

  async directoryUsage(inode: bigint): Promise<DirectoryUsage | undefined> {
    const stored = await this.value(KEYS.usage(inode));
    if (stored === undefined) return undefined;
    const [length = 0, space = 0, inodes = 0] = readNumbers(stored, 3);
    return { length, space, inodes };
  }

  async sessions(): Promise<Session[]> {
    const stored = await this.all(KEYS.sessions);
    const ids = stored.map(({ key }) => key.readBigUInt64BE(0));
    const infos = await this.values(ids.map(KEYS.sessionInfo));
    return stored.map(({ value }, i) => ({
      id: ids[i] ?? 0n,
      expire: readNumbers(value, 1)[0] ?? 0,
      info: infos[i] ?? Buffer.of(),
    }));
  }

  async aclRules(): Promise<AclRule[]> {
    return (await this.all(KEYS.aclRules)).map(({ key, value }) => decodeAclRule(key.readUInt32BE(0), value));
  }

  async scanChunks(cursor: string | undefined, limit: number): Promise<Page<FileChunk>> {
    const page = await this.#scan(Buffer.from('A'), cursor, limit);
    const items = page.items.flatMap(({ key, value }) =>
      key.length === 1 + INODE_BYTES + 1 + 4 && key[9] === 0x43
        ? [{ inode: key.readBigUInt64LE(1), index: key.readUInt32BE(10), slices: value }]
        : [],
    );
    return { items, next: page.next };
  }

  async scanSliceRefs(cursor: string | undefined, limit: number): Promise<Page<SliceRef>> {
    const page = await this.#scan(KEYS.sliceRefs, cursor, limit);
    const items = page.items.map(({ key, value }) => ({
      id: key.readBigUInt64BE(1),
      size: key.readUInt32BE(9),
      refs: 1 + readCount(value),
    }));
    return { items, next: page.next };
  }

  /** A page of everything that begins with a prefix; the cursor is the last key, in hexadecimal. */
  async #scan(
    prefix: Buffer,
    cursor: string | undefined,
    limit: number,
  ): Promise<Page<Pick<KvEntry, 'key' | 'value'>>> {
    const start = cursor === undefined ? prefix : next(Buffer.from(cursor, 'hex'));
    const items = await this.range({ start, end: afterPrefix(prefix) }, limit);
    const last = items[items.length - 1];
    return { items, next: last === undefined || items.length < limit ? undefined : last.key.toString('hex') };
  }

  async isEmpty(): Promise<boolean> {
    return !(await this.store.hasAny(prefixRange(Buffer.of())));
  }
}

/** The least key after this one. */
export function next(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)]);
}

function toQuota(key: bigint, stored: Buffer): Quota {
  const [maxSpace = -1, maxInodes = -1, usedSpace = 0, usedInodes = 0] = readNumbers(stored, 4);
  return { key, maxSpace, maxInodes, usedSpace, usedInodes };
}
