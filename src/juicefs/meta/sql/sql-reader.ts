// The reading primitives over SQL, written once for all dialects. Every method is one indexed statement.
import type {
  AclEntry,
  AclRule,
  Awaitable,
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
import { type SqlExecutor, whenDone } from './sql-dialect.ts';
import type { SqlSchema } from './sql-schema.ts';
import { NODE_COLUMNS, type ReadStatements, readStatements } from './sql-statements.ts';
import { big, bytes, int, type SqlParameter, type SqlRow, type SqlValue, text } from './sql-value.ts';

export const QUOTA_TYPES: Readonly<Record<OwnerKind, number>> = { user: 1, group: 2 };
/** Greater than every name: longer than any may be, of the highest byte. */
const AFTER_ALL_NAMES = Buffer.alloc(256, 0xff);
const TRASH_NAME_BYTES = Buffer.from(TRASH_NAME);
/** Names followed by one statement; longer paths take several. */
const MAX_JOINS = 16;
/** How many values the lists of statements have; shorter lists are filled up, so that few statements are prepared. */
const LIST_SIZES = [1, 8, 64, 500];

export class SqlReader implements MetaReader {
  protected readonly db: SqlExecutor;
  protected readonly schema: SqlSchema;
  protected readonly sql: ReadStatements;

  constructor(db: SqlExecutor, schema: SqlSchema, sql: ReadStatements = readStatements(schema)) {
    this.db = db;
    this.schema = schema;
    this.sql = sql;
  }

  protected one<T>(
    sql: string,
    parameters: readonly SqlParameter[],
    value: (row: SqlRow) => T,
  ): Awaitable<T | undefined> {
    return whenDone(this.db.all(sql, parameters), ([row]) => (row === undefined ? undefined : value(row)));
  }

  protected list<T>(sql: string, parameters: readonly SqlParameter[], value: (row: SqlRow) => T): Awaitable<T[]> {
    return whenDone(this.db.all(sql, parameters), (rows) => rows.map((row) => value(row)));
  }

  /** Rows for many values at once, in statements of a few fixed lengths. */
  protected listIn<T>(
    sql: (count: number) => string,
    values: readonly bigint[],
    value: (row: SqlRow) => T,
    after: readonly SqlParameter[] = [],
  ): Awaitable<T[]> {
    if (values.length === 0) return [];
    const size = LIST_SIZES.find((each) => each >= values.length) ?? 500;
    const now = values.slice(0, size);
    const filled = [...now, ...Array<bigint>(size - now.length).fill(now[now.length - 1] ?? 0n)];
    return whenDone(this.list(sql(size), [...filled, ...after], value), (found) =>
      values.length <= size
        ? found
        : whenDone(this.listIn(sql, values.slice(size), value, after), (rest) => [...found, ...rest]),
    );
  }

  setting(): Awaitable<string | undefined> {
    if (!this.schema.has('setting')) return undefined;
    // Asked of a volume that is open, too, whose tables another client may have dropped since.
    const table = `${this.schema.prefix}setting`;
    return whenDone(
      this.one(this.schema.dialect.hasTable, [table], () => true),
      (there) => (there ? this.one(this.sql.setting, ['format'], (row) => text(row[0])) : undefined),
    );
  }

  node(inode: bigint): Awaitable<Node | undefined> {
    return this.one(this.sql.node, [inode], toNode);
  }

  edge(parent: bigint, name: Uint8Array): Awaitable<Edge | undefined> {
    return whenDone(this.one(this.sql.edge, [parent, name], toEdge), (edge): Awaitable<Edge | undefined> => {
      if (edge !== undefined || parent !== ROOT_INODE || !TRASH_NAME_BYTES.equals(name)) return edge;
      return whenDone(this.node(TRASH_INODE), (trash) =>
        trash === undefined ? undefined : { inode: TRASH_INODE, type: TYPE_DIRECTORY },
      );
    });
  }

  walk(start: bigint, names: readonly Uint8Array[], brings: WalkBrings = 'node'): Awaitable<Walk> {
    const [first, ...rest] = names.slice(0, MAX_JOINS);
    if (first === undefined) return { consumed: 0, edge: undefined, parent: start, missing: false };
    // The trash has no row of its own as an entry.
    if (start === ROOT_INODE && TRASH_NAME_BYTES.equals(first)) return this.#walkFromTrash(names);
    const depth = 1 + rest.length;
    const statement = this.sql.walk(depth, depth < names.length ? 'node' : brings);
    return whenDone(this.db.all(statement, [...rest, start, first]), (rows): Awaitable<Walk> => {
      const [row] = rows;
      if (row === undefined) return { consumed: 0, edge: undefined, parent: start, missing: true };
      const walk = toWalk(row, depth, start);
      if (walk.node !== undefined && depth === names.length) return { ...walk, ...toContent(rows, walk.node, brings) };
      const { edge } = walk;
      const goesOn = walk.consumed === depth && depth < names.length && edge?.type === TYPE_DIRECTORY;
      return goesOn ? this.#walkOn(walk, edge.inode, names.slice(depth), brings) : walk;
    });
  }

  #walkOn(done: Walk, from: bigint, names: readonly Uint8Array[], brings?: WalkBrings): Awaitable<Walk> {
    return whenDone(this.walk(from, names, brings), (more) =>
      more.edge === undefined
        ? { ...done, node: undefined, missing: true }
        : { ...more, consumed: done.consumed + more.consumed },
    );
  }

  #walkFromTrash(names: readonly Uint8Array[]): Awaitable<Walk> {
    return whenDone(this.edge(ROOT_INODE, TRASH_NAME_BYTES), (edge): Awaitable<Walk> => {
      if (edge === undefined) return { consumed: 0, edge, parent: ROOT_INODE, missing: true };
      const done: Walk = { consumed: 1, edge, parent: ROOT_INODE, missing: false };
      return names.length === 1 ? done : this.#walkOn(done, edge.inode, names.slice(1));
    });
  }

  entries(parent: bigint, range: NameRange, limit: number): Awaitable<Entry[]> {
    const before = range.before ?? AFTER_ALL_NAMES;
    return range.from !== undefined
      ? this.list(this.sql.entriesFrom, [parent, range.from, before, limit], toEntry)
      : this.list(this.sql.entriesAfter, [parent, range.after ?? new Uint8Array(0), before, limit], toEntry);
  }

  someEntries(parent: bigint, limit: number): Awaitable<Entry[]> {
    return this.entries(parent, {}, limit);
  }

  hasEntries(parent: bigint): Awaitable<boolean> {
    return whenDone(this.db.all(this.sql.hasEntries, [parent]), (rows) => rows.length > 0);
  }

  parentsOf(inode: bigint): Awaitable<bigint[]> {
    return this.list(this.sql.parentsOf, [inode], (row) => big(row[0]));
  }

  symlink(inode: bigint): Awaitable<Uint8Array | undefined> {
    return this.one(this.sql.symlink, [inode], (row) => bytes(row[0]));
  }

  xattrs(inodes: readonly bigint[]): Awaitable<Map<string, Uint8Array>[]> {
    const rows = this.listIn(this.sql.xattrs, inodes, (row) => row);
    return whenDone(rows, (found) => {
      const byInode = new Map<bigint, Map<string, Uint8Array>>();
      for (const [inode, name, value] of found) {
        const attributes = byInode.get(big(inode));
        if (attributes === undefined) byInode.set(big(inode), new Map([[text(name), bytes(value)]]));
        else attributes.set(text(name), bytes(value));
      }
      return inodes.map((inode) => byInode.get(inode) ?? new Map());
    });
  }

  chunks(inode: bigint, first = 0, last = 0x7fff_ffff): Awaitable<ChunkRow[]> {
    return this.list(this.sql.chunks, [inode, first, last], toChunk);
  }

  file(inode: bigint): Awaitable<FileState> {
    return whenDone(this.db.all(this.sql.file, [inode]), (rows) => {
      const [first] = rows;
      if (first === undefined) return { node: undefined, chunks: [] };
      // A file without chunks has one row, without one.
      const [index] = first.slice(NODE_COLUMNS.length);
      const chunks = index === null ? [] : rows.map((row) => toChunk(row.slice(NODE_COLUMNS.length)));
      return { node: toNode(first), chunks };
    });
  }

  files(inodes: readonly bigint[]): Awaitable<FileState[]> {
    return whenDone(this.listIn(this.sql.nodesIn, inodes, toNode), (nodes) => {
      const found = new Map(nodes.map((node) => [node.inode, node]));
      const rows = this.listIn(this.sql.chunksIn, inodes, (row) => ({
        inode: big(row[0]),
        chunk: toChunk(row.slice(1)),
      }));
      return whenDone(rows, (chunks) => {
        const byInode = new Map<bigint, ChunkRow[]>(inodes.map((inode) => [inode, []]));
        for (const { inode, chunk } of chunks) byInode.get(inode)?.push(chunk);
        for (const each of byInode.values()) each.sort((a, b) => a.index - b.index);
        return inodes.map((inode) => ({ node: found.get(inode), chunks: byInode.get(inode) ?? [] }));
      });
    });
  }

  childrenNamed(parents: readonly bigint[], name: Uint8Array): Awaitable<(Node | undefined)[]> {
    const rows = this.listIn(this.sql.childrenNamed, parents, (row) => [big(row[0]), toNode(row, 1)] as const, [name]);
    return whenDone(rows, (found) => {
      const byParent = new Map(found);
      return parents.map((parent) => byParent.get(parent));
    });
  }

  counter(name: string): Awaitable<number> {
    return whenDone(
      this.one(this.sql.counter, [name], (row) => int(row[0])),
      (value) => value ?? 0,
    );
  }

  chunksOfDeleted({ inode }: DeletedFile): Awaitable<ChunkRow[]> {
    return this.chunks(inode);
  }

  sliceRefs(slices: readonly SliceName[]): Awaitable<SliceRef[]> {
    return this.listIn(this.sql.sliceRefs, [...new Set(slices.map(({ id }) => id))], toSliceRef);
  }

  unreferencedSlices(limit: number): Awaitable<SliceRef[]> {
    return this.list(this.sql.unreferenced, [limit], toSliceRef);
  }

  delayedSlices(deletedBefore: number, limit: number): Awaitable<DelayedSlices[]> {
    return this.list(this.sql.delayed, [deletedBefore, limit], (row) => ({
      key: big(row[0]),
      deleted: int(row[1]),
      slices: bytes(row[2]),
    }));
  }

  deletedFiles(queuedBefore: number, limit: number): Awaitable<QueuedFile[]> {
    return this.list(this.sql.deletedFiles, [queuedBefore, limit], (row) => ({
      inode: big(row[0]),
      length: int(row[1]),
      queued: int(row[2]),
    }));
  }

  staleSessions(expiredBefore: number, limit: number): Awaitable<bigint[]> {
    return this.list(this.sql.staleSessions, [expiredBefore, limit], (row) => big(row[0]));
  }

  sustained(session: bigint): Awaitable<bigint[]> {
    return this.list(this.sql.sustained, [session], (row) => big(row[0]));
  }

  detachedNodes(begunBefore: number, limit: number): Awaitable<bigint[]> {
    return this.#ifThere('detached_node', this.sql.detachedNodes, [begunBefore, limit], (row) => big(row[0]));
  }

  directoryQuotas(): Awaitable<Quota[]> {
    return this.#ifThere('dir_quota', this.sql.directoryQuotas, [], toQuota);
  }

  ownerQuota(kind: OwnerKind, id: number): Awaitable<Quota | undefined> {
    return this.one(this.sql.ownerQuota, [QUOTA_TYPES[kind], id], toQuota);
  }

  ownerQuotas(kind: OwnerKind): Awaitable<Quota[]> {
    return this.#ifThere('user_group_quota', this.sql.ownerQuotas, [QUOTA_TYPES[kind]], toQuota);
  }

  directoryUsage(inode: bigint): Awaitable<DirectoryUsage | undefined> {
    const rows = this.#ifThere('dir_stats', this.sql.directoryUsage, [inode], (row) => ({
      length: int(row[0]),
      space: int(row[1]),
      inodes: int(row[2]),
    }));
    return whenDone(rows, ([usage]) => usage);
  }

  sessions(): Awaitable<Session[]> {
    return this.#ifThere('session2', this.sql.sessions, [], (row) => ({
      id: big(row[0]),
      expire: int(row[1]),
      info: bytes(row[2]),
    }));
  }

  aclRules(): Awaitable<AclRule[]> {
    return this.#ifThere('acl', this.sql.aclRules, [], (row) => ({
      id: int(row[0]),
      owner: int(row[1]),
      group: int(row[2]),
      mask: int(row[3]),
      other: int(row[4]),
      users: toAclEntries(bytes(row[5])),
      groups: toAclEntries(bytes(row[6])),
    }));
  }

  scanChunks(cursor: string | undefined, limit: number): Awaitable<Page<FileChunk>> {
    return whenDone(this.db.all(this.sql.scanChunks, [BigInt(cursor ?? 0), limit]), (rows) => ({
      items: rows.map((row) => ({ inode: big(row[1]), index: int(row[2]), slices: bytes(row[3]) })),
      next: nextCursor(rows, limit),
    }));
  }

  scanSliceRefs(cursor: string | undefined, limit: number): Awaitable<Page<SliceRef>> {
    return whenDone(this.db.all(this.sql.scanSliceRefs, [BigInt(cursor ?? -1), limit]), (rows) => ({
      items: rows.map((row) => toSliceRef(row)),
      next: nextCursor(rows, limit),
    }));
  }

  async isEmpty(): Promise<boolean> {
    for (const table of VOLUME_TABLES) {
      if (!this.schema.has(table)) continue;
      const rows = await this.db.all(`SELECT 1 FROM ${this.schema.table(table)} LIMIT 1`, []);
      if (rows.length > 0) return false;
    }
    return true;
  }

  /** Rows of a table that older versions do not make: none where it is missing. */
  #ifThere<T>(
    table: string,
    sql: string,
    parameters: readonly SqlParameter[],
    value: (row: SqlRow) => T,
  ): Awaitable<T[]> {
    return this.schema.has(table) ? this.list(sql, parameters, value) : [];
  }
}

/** Tables that hold no row only when no volume is there. */
const VOLUME_TABLES = ['setting', 'node', 'edge', 'chunk', 'chunk_ref', 'counter'] as const;

/** Rows are in order of their first column, which the scan continues after. */
function nextCursor(rows: readonly SqlRow[], limit: number): string | undefined {
  const last = rows[rows.length - 1];
  return last === undefined || rows.length < limit ? undefined : String(big(last[0]));
}

const ACL_ENTRY_BYTES = 6;

function toAclEntries(stored: Uint8Array): AclEntry[] {
  const view = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  const entries: AclEntry[] = [];
  for (let at = 0; at + ACL_ENTRY_BYTES <= view.length; at += ACL_ENTRY_BYTES) {
    entries.push({ id: view.readUInt32BE(at), perm: view.readUInt16BE(at + 4) });
  }
  return entries;
}

/** A row of `walk`: inode and type for each name, NULL from the first missing one on, then the last one's node. */
function toWalk(row: SqlRow, depth: number, start: bigint): Walk {
  let edge: Edge | undefined;
  let parent = start;
  let consumed = 0;
  for (; consumed < depth; consumed++) {
    const inode = row[2 * consumed];
    if (inode === null || inode === undefined) break;
    if (edge !== undefined) parent = edge.inode;
    edge = { inode: big(inode), type: int(row[2 * consumed + 1]) };
  }
  const missing = consumed < depth && (edge === undefined || edge.type === TYPE_DIRECTORY);
  const at = 2 * depth;
  const node = consumed === depth && row[at] !== null ? toNode(row, at) : undefined;
  return { consumed, edge, parent, missing, node };
}

/** What the rows of a walk end with: a row for each extended attribute, or one without; and the first chunk's records in each. */
function toContent(rows: readonly SqlRow[], node: Node, brings: WalkBrings): Pick<Walk, 'xattrs' | 'chunks'> {
  if (brings === 'node') return {};
  const width = rows[0]?.length ?? 0;
  const at = brings === 'xattrs' ? width - 2 : width - 3;
  const xattrs = new Map<string, Uint8Array>();
  for (const row of rows) if (row[at] !== null) xattrs.set(text(row[at]), bytes(row[at + 1]));
  // Of a file of several chunks the others are not known.
  if (brings === 'xattrs' || chunkCount(node.length) > 1) return { xattrs };
  const slices = rows[0]?.[at + 2];
  return { xattrs, chunks: slices === null ? [] : [{ index: 0, slices: bytes(slices) }] };
}

function toEdge(row: SqlRow): Edge {
  return { inode: big(row[0]), type: int(row[1]) };
}

function toEntry(row: SqlRow): Entry {
  return {
    name: bytes(row[0]),
    inode: big(row[1]),
    type: int(row[2]),
    node: row[3] === null ? undefined : toNode(row, 3),
  };
}

export function toChunk(row: SqlRow): ChunkRow {
  return { index: int(row[0]), slices: bytes(row[1]) };
}

/** A node from the columns of NODE_COLUMNS, which begin at `at`. */
export function toNode(row: SqlRow, at = 0): Node {
  const column = (offset: number): SqlValue => row[at + offset];
  return {
    inode: big(column(0)),
    type: int(column(1)),
    flags: int(column(2)),
    mode: int(column(3)),
    uid: int(column(4)) >>> 0,
    gid: int(column(5)) >>> 0,
    atimeNs: big(column(6)) * 1000n + big(column(9)),
    mtimeNs: big(column(7)) * 1000n + big(column(10)),
    ctimeNs: big(column(8)) * 1000n + big(column(11)),
    nlink: int(column(12)),
    length: int(column(13)),
    rdev: int(column(14)),
    parent: big(column(15)),
    accessAcl: int(column(16)),
    defaultAcl: int(column(17)),
    tier: int(column(18)),
  };
}

function toSliceRef(row: SqlRow): SliceRef {
  return { id: big(row[0]), size: int(row[1]), refs: int(row[2]) };
}

function toQuota(row: SqlRow): Quota {
  return {
    key: big(row[0]),
    maxSpace: int(row[1]),
    maxInodes: int(row[2]),
    usedSpace: int(row[3]),
    usedInodes: int(row[4]),
  };
}
