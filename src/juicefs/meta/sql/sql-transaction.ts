// The writing primitives over SQL, written once for all dialects. They run between BEGIN and COMMIT of one connection.
import {
  type AclContent,
  type AclEntry,
  type AclRule,
  type Awaitable,
  type ChunkRow,
  type DelayedSlices,
  type DeletedFile,
  type DirectoryUsage,
  type Edge,
  type Flock,
  MetaConflict,
  type MetaTransaction,
  type Node,
  type OwnerKind,
  type Quota,
  type UsageCounter,
} from '../engine.ts';
import { type ColumnUpdate, type SqlExecutor, whenDone } from './sql-dialect.ts';
import { QUOTA_TYPES, SqlReader, toChunk, toNode } from './sql-reader.ts';
import type { SqlSchema } from './sql-schema.ts';
import { NODE_COLUMNS, places, type ReadStatements } from './sql-statements.ts';
import { big, int, type SqlParameter } from './sql-value.ts';

const ACL_COLUMNS = ['owner', 'group', 'mask', 'other', 'named_users', 'named_groups'];
const LOCK_KINDS: Readonly<Record<Flock['kind'], number>> = { R: 0x52, W: 0x57 };

export class SqlTransaction extends SqlReader implements MetaTransaction {
  readonly #sql: WriteStatements;

  constructor(db: SqlExecutor, schema: SqlSchema, reads: ReadStatements, writes: WriteStatements) {
    super(db, schema, reads);
    this.#sql = writes;
  }

  #run(sql: string, ...parameters: SqlParameter[]): Awaitable<void> {
    return whenDone(this.db.run(sql, parameters), () => undefined);
  }

  #changed(sql: string, ...parameters: SqlParameter[]): Awaitable<boolean> {
    return whenDone(this.db.run(sql, parameters), (rows) => rows > 0);
  }

  lockNode(inode: bigint): Awaitable<Node | undefined> {
    return this.one(this.#sql.lockNode, [inode], (row) => toNode(row));
  }

  holdNode(inode: bigint, changedLater: boolean, known?: Node): Awaitable<Node | undefined> {
    if (known !== undefined && this.schema.dialect.exclusive) return known;
    return this.one(changedLater ? this.#sql.holdNodeToChange : this.#sql.holdNode, [inode], (row) => toNode(row));
  }

  // What others committed since the transaction began counts: the caller holds the directory's row.
  override hasEntries(parent: bigint): Awaitable<boolean> {
    return whenDone(this.db.all(this.#sql.hasEntries, [parent]), (rows) => rows.length > 0);
  }

  insertNode(node: Node): Awaitable<void> {
    return this.#run(this.#sql.insertNode, node.inode, ...nodeValues(node));
  }

  updateNode(node: Node): Awaitable<void> {
    return this.#run(this.#sql.updateNode, ...nodeValues(node), node.inode);
  }

  touchDirectory(inode: bigint, nlinkDelta: number, timeNs: bigint): Awaitable<boolean> {
    const [us, ns] = splitTime(timeNs);
    return this.#changed(this.#sql.touchDirectory, nlinkDelta, us, us, ns, ns, inode);
  }

  deleteNode(inode: bigint): Awaitable<void> {
    return this.#run(this.#sql.deleteNode, inode);
  }

  insertEdge(parent: bigint, name: Uint8Array, { inode, type }: Edge): Awaitable<void> {
    return this.#run(this.#sql.insertEdge, parent, name, inode, type);
  }

  deleteEdge(parent: bigint, name: Uint8Array, { inode }: Edge): Awaitable<void> {
    return whenDone(this.#changed(this.#sql.deleteEdge, parent, name, inode), (there) => {
      if (!there) throw new MetaConflict('the entry was removed or replaced by another client');
    });
  }

  setSymlink(inode: bigint, target: Uint8Array): Awaitable<void> {
    return this.#run(this.#sql.setSymlink, inode, target);
  }

  deleteSymlink(inode: bigint): Awaitable<void> {
    return this.#run(this.#sql.deleteSymlink, inode);
  }

  setXattr(inode: bigint, name: string, value: Uint8Array): Awaitable<void> {
    return this.#run(this.#sql.setXattr, inode, name, value);
  }

  deleteXattr(inode: bigint, name: string): Awaitable<void> {
    return this.#run(this.#sql.deleteXattr, inode, name);
  }

  deleteXattrs(inode: bigint): Awaitable<void> {
    return this.#run(this.#sql.deleteXattrs, inode);
  }

  appendSlices(inode: bigint, index: number, records: Uint8Array): Awaitable<void> {
    return this.#run(this.#sql.appendSlices, inode, index, records);
  }

  deleteChunk(inode: bigint, index: number): Awaitable<void> {
    return this.#run(this.#sql.deleteChunk, inode, index);
  }

  lockChunks(inode: bigint, first: number, last: number): Awaitable<ChunkRow[]> {
    return this.list(this.#sql.lockChunks, [inode, first, last], toChunk);
  }

  lockChunk(inode: bigint, index: number): Awaitable<Uint8Array | undefined> {
    return whenDone(this.lockChunks(inode, index, index), ([chunk]) => chunk?.slices);
  }

  putChunk(inode: bigint, index: number, records: Uint8Array): Awaitable<void> {
    return this.#run(this.#sql.putChunk, inode, index, records);
  }

  insertSliceRef(id: bigint, size: number): Awaitable<void> {
    return this.#run(this.#sql.insertSliceRef, id, size);
  }

  addSliceRefs(id: bigint, size: number, delta: number): Awaitable<void> {
    return this.#run(this.#sql.addSliceRefs, delta, id, size);
  }

  deleteSliceRef(id: bigint): Awaitable<void> {
    return this.#run(this.#sql.deleteSliceRef, id);
  }

  deleteDelayedSlices({ key }: Pick<DelayedSlices, 'key'>): Awaitable<boolean> {
    return this.#changed(this.#sql.deleteDelayedSlices, key);
  }

  putDelayedSlices(key: bigint, unixSeconds: number, slices: Uint8Array): Awaitable<void> {
    return this.#run(this.#sql.putDelayedSlices, key, unixSeconds, slices);
  }

  queueDeletedFile(file: DeletedFile, unixSeconds: number): Awaitable<void> {
    return this.#run(this.#sql.queueDeletedFile, file.inode, file.length, unixSeconds);
  }

  dequeueDeletedFile({ inode }: DeletedFile): Awaitable<void> {
    return this.#run(this.#sql.dequeueDeletedFile, inode);
  }

  sustain(session: bigint, inode: bigint): Awaitable<void> {
    return this.#run(this.#sql.sustain, session, inode);
  }

  release(session: bigint, inode: bigint): Awaitable<void> {
    return this.#run(this.#sql.release, session, inode);
  }

  deleteDetachedNode(inode: bigint): Awaitable<void> {
    return this.#run(this.#sql.deleteDetachedNode, inode);
  }

  addToCounter(name: string, delta: number): Awaitable<number> {
    if (this.schema.dialect.returning) {
      const row = this.one(this.#sql.addToCounterReturning, [name, delta], ([value]) => int(value));
      return whenDone(row, (value) => value ?? 0);
    }
    // The row is this transaction's from the first statement on.
    return whenDone(this.adjustUsage(name, delta), () => this.counter(name));
  }

  adjustUsage(name: UsageCounter | string, delta: number): Awaitable<void> {
    return this.#run(this.#sql.addToCounter, name, delta);
  }

  setCounter(name: string, value: number): Awaitable<void> {
    return this.#run(this.#sql.setCounter, name, value);
  }

  setCounterIfSmall(name: string, value: number, margin: number): Awaitable<boolean> {
    const stored = this.one(this.#sql.lockCounter, [name], ([stored]) => int(stored));
    return whenDone(stored, (before): Awaitable<boolean> => {
      if (before !== undefined && before > value - margin) return false;
      return whenDone(this.setCounter(name, value), () => true);
    });
  }

  addDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): Awaitable<boolean> {
    return this.#changed(this.#sql.addDirectoryUsage, length, space, inodes, inode);
  }

  insertDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): Awaitable<void> {
    return this.#run(this.#sql.insertDirectoryUsage, inode, length, space, inodes);
  }

  putDirectoryUsage(inode: bigint, { length, space, inodes }: DirectoryUsage): Awaitable<void> {
    return this.#run(this.#sql.putDirectoryUsage, inode, length, space, inodes);
  }

  deleteDirectoryUsage(inode: bigint): Awaitable<void> {
    return this.#run(this.#sql.deleteDirectoryUsage, inode);
  }

  deleteAllDirectoryUsage(): Awaitable<void> {
    return this.#run(this.#sql.deleteAllDirectoryUsage);
  }

  addDirectoryQuotaUsage(inode: bigint, space: number, inodes: number): Awaitable<void> {
    return this.#run(this.#sql.addDirectoryQuotaUsage, space, inodes, inode);
  }

  deleteDirectoryQuota(inode: bigint): Awaitable<void> {
    return this.#run(this.#sql.deleteDirectoryQuota, inode);
  }

  putDirectoryQuota({ key, maxSpace, maxInodes, usedSpace, usedInodes }: Quota): Awaitable<void> {
    return this.#run(this.#sql.putDirectoryQuota, key, maxSpace, maxInodes, usedSpace, usedInodes);
  }

  putOwnerQuota(kind: OwnerKind, { key, maxSpace, maxInodes, usedSpace, usedInodes }: Quota): Awaitable<void> {
    return this.#run(this.#sql.putOwnerQuota, QUOTA_TYPES[kind], key, maxSpace, maxInodes, usedSpace, usedInodes);
  }

  addOwnerUsage(kind: OwnerKind, id: number, space: number, inodes: number): Awaitable<void> {
    return this.#run(this.#sql.addOwnerUsage, QUOTA_TYPES[kind], id, -1, -1, space, inodes);
  }

  putAclRule(rule: AclRule): Awaitable<void> {
    const { id, owner, group, mask, other } = rule;
    const lists = [fromAclEntries(rule.users), fromAclEntries(rule.groups)] as const;
    return whenDone(this.#run(this.#sql.putAclRule, id, owner, group, mask, other, ...lists), () => {
      const skip = this.schema.dialect.skipNumbers?.(this.schema.table('acl'), 'id');
      return skip === undefined ? undefined : whenDone(this.db.all(skip, []), () => undefined);
    });
  }

  addAclRule({ owner, group, mask, other, users, groups }: AclContent): Awaitable<number> {
    const values = [owner, group, mask, other, fromAclEntries(users), fromAclEntries(groups)];
    const { lastNumber } = this.schema.dialect;
    const id =
      lastNumber === undefined
        ? this.one(this.#sql.addAclRuleReturning, values, ([value]) => int(value))
        : whenDone(this.#run(this.#sql.addAclRule, ...values), () => this.one(lastNumber, [], ([value]) => int(value)));
    return whenDone(id, (number) => number ?? 0);
  }

  insertSession(session: bigint, expire: number, info: Uint8Array): Awaitable<boolean> {
    return this.#changed(this.#sql.insertSession, session, expire, info);
  }

  refreshSession(session: bigint, expire: number): Awaitable<boolean> {
    return this.#changed(this.#sql.refreshSession, expire, session);
  }

  async deleteSession(session: bigint): Promise<void> {
    for (const sql of this.#sql.deleteSession) await this.#run(sql, session);
  }

  flocks(inode: bigint): Awaitable<Flock[]> {
    return this.list(this.#sql.flocks, [inode], (row) => ({
      session: big(row[0]),
      owner: BigInt.asUintN(64, big(row[1])),
      kind: int(row[2]) === LOCK_KINDS.W ? 'W' : 'R',
    }));
  }

  putFlock(inode: bigint, { session, owner, kind }: Flock): Awaitable<void> {
    return this.#run(this.#sql.putFlock, inode, session, BigInt.asIntN(64, owner), LOCK_KINDS[kind]);
  }

  deleteFlock(inode: bigint, { session, owner }: Pick<Flock, 'session' | 'owner'>): Awaitable<void> {
    return this.#run(this.#sql.deleteFlock, inode, session, BigInt.asIntN(64, owner));
  }

  putSetting(text: string): Awaitable<void> {
    return this.#run(this.#sql.putSetting, 'format', text);
  }
}

export type WriteStatements = ReturnType<typeof writeStatements>;

/** The texts of the writing statements for one schema and dialect. */
export function writeStatements(schema: SqlSchema, reads: ReadStatements) {
  const { dialect } = schema;
  const { quote } = dialect;
  const t = (name: string): string => schema.table(name);
  const insert = (table: string, columns: readonly string[]): string =>
    `INSERT INTO ${t(table)} (${columns.map(quote).join(', ')}) VALUES (${places(columns.length)})`;
  const upsert = (
    table: string,
    key: readonly string[],
    updates: Readonly<Record<string, ColumnUpdate>>,
    fixed: readonly string[] = [],
  ) => dialect.upsert({ table: t(table), columns: [...key, ...fixed, ...Object.keys(updates)], key, updates });
  const quota = { max_space: 'set', max_inodes: 'set', used_space: 'set', used_inodes: 'set' } as const;
  const addToCounter = upsert('counter', ['name'], { value: 'add' });
  return {
    lockNode: reads.node + dialect.lockForUpdate,
    holdNode: reads.node + dialect.holdRow(false),
    holdNodeToChange: reads.node + dialect.holdRow(true),
    hasEntries: reads.hasEntries + dialect.lockRange,
    insertNode: insert('node', NODE_COLUMNS),
    updateNode: `UPDATE ${t('node')} SET ${NODE_COLUMNS.slice(1)
      .map((column) => `${column} = ?`)
      .join(', ')} WHERE inode = ?`,
    touchDirectory: `UPDATE ${t('node')} SET nlink = nlink + ?, mtime = ?, ctime = ?, mtimensec = ?, ctimensec = ? WHERE inode = ?`,
    deleteNode: `DELETE FROM ${t('node')} WHERE inode = ?`,
    insertEdge: insert('edge', ['parent', 'name', 'inode', 'type']),
    deleteEdge: `DELETE FROM ${t('edge')} WHERE parent = ? AND name = ? AND inode = ?`,
    setSymlink: insert('symlink', ['inode', 'target']),
    deleteSymlink: `DELETE FROM ${t('symlink')} WHERE inode = ?`,
    setXattr: upsert('xattr', ['inode', 'name'], { value: 'set' }),
    deleteXattr: `DELETE FROM ${t('xattr')} WHERE inode = ? AND name = ?`,
    deleteXattrs: `DELETE FROM ${t('xattr')} WHERE inode = ?`,
    appendSlices: upsert('chunk', ['inode', 'indx'], { slices: 'append' }),
    putChunk: upsert('chunk', ['inode', 'indx'], { slices: 'set' }),
    deleteChunk: `DELETE FROM ${t('chunk')} WHERE inode = ? AND indx = ?`,
    lockChunks: reads.chunks + dialect.lockForUpdate,
    insertSliceRef: `INSERT INTO ${t('chunk_ref')} (chunkid, size, refs) VALUES (?,?,1)`,
    addSliceRefs: `UPDATE ${t('chunk_ref')} SET refs = refs + ? WHERE chunkid = ? AND size = ?`,
    deleteSliceRef: `DELETE FROM ${t('chunk_ref')} WHERE chunkid = ? AND refs <= 0`,
    deleteDelayedSlices: `DELETE FROM ${t('delslices')} WHERE chunkid = ?`,
    putDelayedSlices: upsert('delslices', ['chunkid'], { deleted: 'set', slices: 'set' }),
    queueDeletedFile: insert('delfile', ['inode', 'length', 'expire']),
    dequeueDeletedFile: `DELETE FROM ${t('delfile')} WHERE inode = ?`,
    sustain: insert('sustained', ['sid', 'inode']),
    release: `DELETE FROM ${t('sustained')} WHERE sid = ? AND inode = ?`,
    deleteDetachedNode: `DELETE FROM ${t('detached_node')} WHERE inode = ?`,
    addToCounter,
    addToCounterReturning: `${addToCounter} RETURNING value`,
    setCounter: upsert('counter', ['name'], { value: 'set' }),
    lockCounter: reads.counter + dialect.lockForUpdate,
    addDirectoryUsage: `UPDATE ${t('dir_stats')} SET data_length = data_length + ?, used_space = used_space + ?,
      used_inodes = used_inodes + ? WHERE inode = ?`,
    insertDirectoryUsage: insert('dir_stats', ['inode', 'data_length', 'used_space', 'used_inodes']),
    putDirectoryUsage: upsert('dir_stats', ['inode'], { data_length: 'set', used_space: 'set', used_inodes: 'set' }),
    deleteDirectoryUsage: `DELETE FROM ${t('dir_stats')} WHERE inode = ?`,
    deleteAllDirectoryUsage: `DELETE FROM ${t('dir_stats')}`,
    addDirectoryQuotaUsage: `UPDATE ${t('dir_quota')} SET used_space = used_space + ?, used_inodes = used_inodes + ? WHERE inode = ?`,
    deleteDirectoryQuota: `DELETE FROM ${t('dir_quota')} WHERE inode = ?`,
    putDirectoryQuota: upsert('dir_quota', ['inode'], quota),
    putOwnerQuota: upsert('user_group_quota', ['qtype', 'qkey'], quota),
    addOwnerUsage: upsert('user_group_quota', ['qtype', 'qkey'], { used_space: 'add', used_inodes: 'add' }, [
      'max_space',
      'max_inodes',
    ]),
    putAclRule: upsert('acl', ['id'], Object.fromEntries(ACL_COLUMNS.map((column) => [column, 'set' as const]))),
    addAclRule: insert('acl', ACL_COLUMNS),
    addAclRuleReturning: `${insert('acl', ACL_COLUMNS)} RETURNING id`,
    insertSession: dialect.insertNew(t('session2'), ['sid', 'expire', 'info']),
    refreshSession: `UPDATE ${t('session2')} SET expire = ? WHERE sid = ?`,
    deleteSession: ['flock', 'plock', 'session2'].map((table) => `DELETE FROM ${t(table)} WHERE sid = ?`),
    flocks: `SELECT sid, owner, ltype FROM ${t('flock')} WHERE inode = ?${dialect.lockForUpdate}`,
    putFlock: upsert('flock', ['inode', 'sid', 'owner'], { ltype: 'set' }),
    deleteFlock: `DELETE FROM ${t('flock')} WHERE inode = ? AND sid = ? AND owner = ?`,
    putSetting: upsert('setting', ['name'], { value: 'set' }),
  };
}

function fromAclEntries(entries: readonly AclEntry[]): Uint8Array {
  const stored = Buffer.alloc(entries.length * 6);
  entries.forEach(({ id, perm }, index) => {
    stored.writeUInt32BE(id, index * 6);
    stored.writeUInt16BE(perm, index * 6 + 4);
  });
  return stored;
}

/** Everything but the inode, in the order of NODE_COLUMNS. */
function nodeValues(node: Node): SqlParameter[] {
  const [atime, atimeRest] = splitTime(node.atimeNs);
  const [mtime, mtimeRest] = splitTime(node.mtimeNs);
  const [ctime, ctimeRest] = splitTime(node.ctimeNs);
  return [
    node.type,
    node.flags,
    node.mode,
    node.uid,
    node.gid,
    atime,
    mtime,
    ctime,
    atimeRest,
    mtimeRest,
    ctimeRest,
    node.nlink,
    node.length,
    node.rdev,
    node.parent,
    node.accessAcl,
    node.defaultAcl,
    node.tier,
  ];
}

/** Rows hold microseconds, and the nanoseconds left over. */
function splitTime(timeNs: bigint): [microseconds: bigint, nanoseconds: bigint] {
  const rest = ((timeNs % 1000n) + 1000n) % 1000n;
  return [(timeNs - rest) / 1000n, rest];
}
