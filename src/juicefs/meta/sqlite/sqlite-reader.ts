// The reading primitives over SQLite. Every method is one or a few indexed statements and answers at once.
import type {
  AclEntry,
  AclRule,
  ChunkRow,
  DelayedSlices,
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
  SliceRef,
  Walk,
} from '../engine.ts';
import { ROOT_INODE, TRASH_INODE, TRASH_NAME, TYPE_DIRECTORY } from '../inode.ts';
import { big, bytes, int, type SqliteConnection, type SqlRow, type SqlValue, text } from './sqlite-connection.ts';
import { tableNames } from './sqlite-schema.ts';

/** Columns of a node row in the order `toNode` reads them. */
export const NODE_COLUMNS = [
  'inode',
  'type',
  'flags',
  'mode',
  'uid',
  'gid',
  'atime',
  'mtime',
  'ctime',
  'atimensec',
  'mtimensec',
  'ctimensec',
  'nlink',
  'length',
  'rdev',
  'parent',
  'access_acl_id',
  'default_acl_id',
  'tier_id',
] as const;

export const QUOTA_TYPES: Readonly<Record<OwnerKind, number>> = { user: 1, group: 2 };
/** Greater than every name: longer than any may be, of the highest byte. */
const AFTER_ALL_NAMES = Buffer.alloc(256, 0xff);
const TRASH_NAME_BYTES = Buffer.from(TRASH_NAME);

export class SqliteReader implements MetaReader {
  protected readonly connection: SqliteConnection;
  /** Puts the table prefix before a table's name. */
  protected readonly table: (name: string) => string;
  readonly #sql: ReturnType<typeof statements>;

  /** `nodeColumns`: those the node table has; an old volume read without writing may lack some. */
  constructor(connection: SqliteConnection, prefix: string, nodeColumns: ReadonlySet<string>) {
    this.connection = connection;
    this.table = (name) => `\`${prefix}${name}\``;
    this.#sql = statements(this.table, nodeColumns);
  }

  setting(): string | undefined {
    const row = this.connection.get(this.#sql.setting, 'format');
    return row === undefined ? undefined : text(row[0]);
  }

  node(inode: bigint): Node | undefined {
    const row = this.connection.get(this.#sql.node, inode);
    return row === undefined ? undefined : toNode(row, 0);
  }

  edge(parent: bigint, name: Uint8Array): Edge | undefined {
    const row = this.connection.get(this.#sql.edge, parent, name);
    if (row !== undefined) return { inode: big(row[0]), type: int(row[1]) };
    if (parent === ROOT_INODE && TRASH_NAME_BYTES.equals(name) && this.node(TRASH_INODE) !== undefined) {
      return { inode: TRASH_INODE, type: TYPE_DIRECTORY };
    }
    return undefined;
  }

  walk(start: bigint, names: readonly Uint8Array[]): Walk {
    let parent = start;
    let edge: Edge | undefined;
    let consumed = 0;
    for (const name of names) {
      if (edge !== undefined) {
        if (edge.type !== TYPE_DIRECTORY) return { consumed, edge, parent, missing: false };
        parent = edge.inode;
      }
      const next = this.edge(parent, name);
      // On a missing name the edge followed last is the directory it is missing from.
      if (next === undefined) return { consumed, edge, parent, missing: true };
      edge = next;
      consumed++;
    }
    return { consumed, edge, parent, missing: false };
  }

  entries(parent: bigint, range: NameRange, limit: number): Entry[] {
    const before = range.before ?? AFTER_ALL_NAMES;
    const rows =
      range.from !== undefined
        ? this.connection.all(this.#sql.entriesFrom, parent, range.from, before, limit)
        : this.connection.all(this.#sql.entriesAfter, parent, range.after ?? new Uint8Array(0), before, limit);
    return rows.map((row) => ({
      name: bytes(row[0]),
      inode: big(row[1]),
      type: int(row[2]),
      node: row[3] === null ? undefined : toNode(row, 3),
    }));
  }

  hasEntries(parent: bigint): boolean {
    return this.connection.get(this.#sql.hasEntries, parent) !== undefined;
  }

  parentsOf(inode: bigint): bigint[] {
    return this.connection.all(this.#sql.parentsOf, inode).map((row) => big(row[0]));
  }

  symlink(inode: bigint): Uint8Array | undefined {
    const row = this.connection.get(this.#sql.symlink, inode);
    return row === undefined ? undefined : bytes(row[0]);
  }

  xattrs(inodes: readonly bigint[]): Map<string, Uint8Array>[] {
    return inodes.map((inode) => {
      const found = new Map<string, Uint8Array>();
      for (const row of this.connection.all(this.#sql.xattrs, inode)) found.set(text(row[0]), bytes(row[1]));
      return found;
    });
  }

  chunks(inode: bigint, first = 0, last = 0xffff_ffff): ChunkRow[] {
    return this.connection
      .all(this.#sql.chunks, inode, first, last)
      .map((row) => ({ index: int(row[0]), slices: bytes(row[1]) }));
  }

  counter(name: string): number {
    return int(this.connection.get(this.#sql.counter, name)?.[0]);
  }

  sliceRefs(ids: readonly bigint[]): SliceRef[] {
    return ids.flatMap((id) => {
      const row = this.connection.get(this.#sql.sliceRef, id);
      return row === undefined ? [] : [toSliceRef(row)];
    });
  }

  unreferencedSlices(limit: number): SliceRef[] {
    return this.connection.all(this.#sql.unreferenced, limit).map(toSliceRef);
  }

  delayedSlices(deletedBefore: number, limit: number): DelayedSlices[] {
    return this.connection
      .all(this.#sql.delayed, deletedBefore, limit)
      .map((row) => ({ key: big(row[0]), slices: bytes(row[1]) }));
  }

  deletedFiles(queuedBefore: number, limit: number): QueuedFile[] {
    return this.connection
      .all(this.#sql.deletedFiles, queuedBefore, limit)
      .map((row) => ({ inode: big(row[0]), length: int(row[1]), queued: int(row[2]) }));
  }

  staleSessions(expiredBefore: number, limit: number): bigint[] {
    return this.connection.all(this.#sql.staleSessions, expiredBefore, limit).map((row) => big(row[0]));
  }

  sustained(session: bigint): bigint[] {
    return this.connection.all(this.#sql.sustained, session).map((row) => big(row[0]));
  }

  directoryQuotas(): Quota[] {
    return this.connection.all(this.#sql.directoryQuotas).map(toQuota);
  }

  ownerQuota(kind: OwnerKind, id: number): Quota | undefined {
    const row = this.connection.get(this.#sql.ownerQuota, QUOTA_TYPES[kind], id);
    return row === undefined ? undefined : toQuota(row);
  }

  ownerQuotas(kind: OwnerKind): Quota[] {
    return this.#ifThere(() => this.connection.all(this.#sql.ownerQuotas, QUOTA_TYPES[kind])).map(toQuota);
  }

  directoryUsage(inode: bigint): DirectoryUsage | undefined {
    const [row] = this.#ifThere(() => this.connection.all(this.#sql.directoryUsage, inode));
    return row === undefined ? undefined : { length: int(row[0]), space: int(row[1]), inodes: int(row[2]) };
  }

  sessions(): Session[] {
    return this.#ifThere(() => this.connection.all(this.#sql.sessions)).map((row) => ({
      id: big(row[0]),
      expire: int(row[1]),
      info: bytes(row[2]),
    }));
  }

  aclRules(): AclRule[] {
    return this.#ifThere(() => this.connection.all(this.#sql.aclRules)).map((row) => ({
      id: int(row[0]),
      owner: int(row[1]),
      group: int(row[2]),
      mask: int(row[3]),
      other: int(row[4]),
      users: toAclEntries(bytes(row[5])),
      groups: toAclEntries(bytes(row[6])),
    }));
  }

  scanChunks(cursor: string | undefined, limit: number): Page<FileChunk> {
    const rows = this.connection.all(this.#sql.scanChunks, BigInt(cursor ?? 0), limit);
    const items = rows.map((row) => ({ inode: big(row[1]), index: int(row[2]), slices: bytes(row[3]) }));
    return { items, next: nextCursor(rows, limit) };
  }

  scanSliceRefs(cursor: string | undefined, limit: number): Page<SliceRef> {
    const rows = this.connection.all(this.#sql.scanSliceRefs, BigInt(cursor ?? -1), limit);
    return { items: rows.map(toSliceRef), next: nextCursor(rows, limit) };
  }

  /** Rows of a table that older versions do not make: none where it is missing. */
  #ifThere(rows: () => SqlRow[]): SqlRow[] {
    try {
      return rows();
    } catch (error) {
      if (error instanceof Error && error.message.includes('no such table')) return [];
      throw error;
    }
  }

  isEmpty(): boolean {
    const tables = new Set(tableNames(this.connection.db));
    return VOLUME_TABLES.every((name) => {
      const table = this.table(name);
      if (!tables.has(table.slice(1, -1))) return true;
      return this.connection.get(`SELECT 1 FROM ${table} LIMIT 1`) === undefined;
    });
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

function statements(t: (name: string) => string, nodeColumns: ReadonlySet<string>) {
  const node = (alias: string): string =>
    NODE_COLUMNS.map((column) => (nodeColumns.has(column) ? `${alias}.${column}` : '0')).join(', ');
  const entries = (comparison: string): string =>
    `SELECT e.name, e.inode, e.type, ${node('n')} FROM ${t('edge')} e LEFT JOIN ${t('node')} n ON n.inode = e.inode
     WHERE e.parent = ? AND e.name ${comparison} ? AND e.name < ? ORDER BY e.name LIMIT ?`;
  return {
    setting: `SELECT value FROM ${t('setting')} WHERE name = ?`,
    node: `SELECT ${node('n')} FROM ${t('node')} n WHERE n.inode = ?`,
    edge: `SELECT inode, type FROM ${t('edge')} WHERE parent = ? AND name = ?`,
    entriesAfter: entries('>'),
    entriesFrom: entries('>='),
    hasEntries: `SELECT 1 FROM ${t('edge')} WHERE parent = ? LIMIT 1`,
    parentsOf: `SELECT parent FROM ${t('edge')} WHERE inode = ?`,
    symlink: `SELECT target FROM ${t('symlink')} WHERE inode = ?`,
    xattrs: `SELECT name, value FROM ${t('xattr')} WHERE inode = ?`,
    // The Go client's appends leave text-typed values of any bytes: they must not be decoded as text.
    chunks: `SELECT indx, CAST(slices AS BLOB) FROM ${t('chunk')} WHERE inode = ? AND indx >= ? AND indx <= ? ORDER BY indx`,
    counter: `SELECT value FROM ${t('counter')} WHERE name = ?`,
    sliceRef: `SELECT chunkid, size, refs FROM ${t('chunk_ref')} WHERE chunkid = ?`,
    unreferenced: `SELECT chunkid, size, refs FROM ${t('chunk_ref')} WHERE refs <= 0 LIMIT ?`,
    delayed: `SELECT chunkid, CAST(slices AS BLOB) FROM ${t('delslices')} WHERE deleted < ? LIMIT ?`,
    deletedFiles: `SELECT inode, length, expire FROM ${t('delfile')} WHERE expire < ? LIMIT ?`,
    staleSessions: `SELECT sid FROM ${t('session2')} WHERE expire < ? LIMIT ?`,
    sustained: `SELECT inode FROM ${t('sustained')} WHERE sid = ?`,
    directoryQuotas: `SELECT inode, max_space, max_inodes, used_space, used_inodes FROM ${t('dir_quota')}`,
    ownerQuota: `SELECT qkey, max_space, max_inodes, used_space, used_inodes FROM ${t('user_group_quota')}
      WHERE qtype = ? AND qkey = ?`,
    ownerQuotas: `SELECT qkey, max_space, max_inodes, used_space, used_inodes FROM ${t('user_group_quota')} WHERE qtype = ?`,
    directoryUsage: `SELECT data_length, used_space, used_inodes FROM ${t('dir_stats')} WHERE inode = ?`,
    sessions: `SELECT sid, expire, info FROM ${t('session2')} ORDER BY sid`,
    aclRules: `SELECT id, owner, "group", mask, other, named_users, named_groups FROM ${t('acl')} ORDER BY id`,
    scanChunks: `SELECT id, inode, indx, CAST(slices AS BLOB) FROM ${t('chunk')} WHERE id > ? ORDER BY id LIMIT ?`,
    scanSliceRefs: `SELECT chunkid, size, refs FROM ${t('chunk_ref')} WHERE chunkid > ? ORDER BY chunkid LIMIT ?`,
  };
}

function toNode(row: SqlRow, at: number): Node {
  const column = (offset: number): SqlValue | undefined => row[at + offset];
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
