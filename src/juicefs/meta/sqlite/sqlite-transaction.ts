// The writing primitives over SQLite. They run between BEGIN IMMEDIATE and COMMIT on the one writing connection.
import type {
  AclEntry,
  AclRule,
  DeletedFile,
  DirectoryUsage,
  Edge,
  MetaTransaction,
  Node,
  OwnerKind,
  Quota,
} from '../engine.ts';
import type { SqlParameter } from './sqlite-connection.ts';
import { int } from './sqlite-connection.ts';
import { NODE_COLUMNS, QUOTA_TYPES, SqliteReader } from './sqlite-reader.ts';

export class SqliteTransaction extends SqliteReader implements MetaTransaction {
  // The whole database is locked against other writers already.
  lockNode(inode: bigint): Node | undefined {
    return this.node(inode);
  }

  insertNode(node: Node): void {
    const places = NODE_COLUMNS.map(() => '?').join(',');
    this.connection.run(
      `INSERT INTO ${this.table('node')} (${NODE_COLUMNS.join(',')}) VALUES (${places})`,
      node.inode,
      ...nodeValues(node),
    );
  }

  updateNode(node: Node): void {
    const assignments = NODE_COLUMNS.slice(1).map((column) => `${column} = ?`);
    this.connection.run(
      `UPDATE ${this.table('node')} SET ${assignments.join(', ')} WHERE inode = ?`,
      ...nodeValues(node),
      node.inode,
    );
  }

  touchDirectory(inode: bigint, nlinkDelta: number, timeNs: bigint): boolean {
    const [us, ns] = splitTime(timeNs);
    const changed = this.connection.run(
      `UPDATE ${this.table('node')} SET nlink = nlink + ?, mtime = ?, ctime = ?, mtimensec = ?, ctimensec = ? WHERE inode = ?`,
      nlinkDelta,
      us,
      us,
      ns,
      ns,
      inode,
    );
    return changed > 0;
  }

  deleteNode(inode: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('node')} WHERE inode = ?`, inode);
  }

  insertEdge(parent: bigint, name: Uint8Array, edge: Edge): void {
    this.connection.run(
      `INSERT INTO ${this.table('edge')} (parent, name, inode, type) VALUES (?,?,?,?)`,
      parent,
      name,
      edge.inode,
      edge.type,
    );
  }

  deleteEdge(parent: bigint, name: Uint8Array): void {
    this.connection.run(`DELETE FROM ${this.table('edge')} WHERE parent = ? AND name = ?`, parent, name);
  }

  setSymlink(inode: bigint, target: Uint8Array): void {
    this.connection.run(`INSERT INTO ${this.table('symlink')} (inode, target) VALUES (?,?)`, inode, target);
  }

  deleteSymlink(inode: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('symlink')} WHERE inode = ?`, inode);
  }

  setXattr(inode: bigint, name: string, value: Uint8Array): void {
    this.connection.run(
      `INSERT INTO ${this.table('xattr')} (inode, name, value) VALUES (?,?,?)
       ON CONFLICT (inode, name) DO UPDATE SET value = excluded.value`,
      inode,
      name,
      value,
    );
  }

  deleteXattr(inode: bigint, name: string): void {
    this.connection.run(`DELETE FROM ${this.table('xattr')} WHERE inode = ? AND name = ?`, inode, name);
  }

  deleteXattrs(inode: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('xattr')} WHERE inode = ?`, inode);
  }

  appendSlices(inode: bigint, index: number, records: Uint8Array): void {
    // SQLite's || makes text of blobs; the cast gives the same bytes a blob's type again.
    this.connection.run(
      `INSERT INTO ${this.table('chunk')} (inode, indx, slices) VALUES (?,?,?)
       ON CONFLICT (inode, indx) DO UPDATE SET slices = CAST(slices || excluded.slices AS BLOB)`,
      inode,
      index,
      records,
    );
  }

  deleteChunk(inode: bigint, index: number): void {
    this.connection.run(`DELETE FROM ${this.table('chunk')} WHERE inode = ? AND indx = ?`, inode, index);
  }

  lockChunk(inode: bigint, index: number): Uint8Array | undefined {
    return this.chunks(inode, index, index)[0]?.slices;
  }

  putChunk(inode: bigint, index: number, records: Uint8Array): void {
    this.connection.run(
      `INSERT INTO ${this.table('chunk')} (inode, indx, slices) VALUES (?,?,?)
       ON CONFLICT (inode, indx) DO UPDATE SET slices = excluded.slices`,
      inode,
      index,
      records,
    );
  }

  insertSliceRef(id: bigint, size: number): void {
    this.connection.run(`INSERT INTO ${this.table('chunk_ref')} (chunkid, size, refs) VALUES (?,?,1)`, id, size);
  }

  addSliceRefs(id: bigint, size: number, delta: number): void {
    this.connection.run(
      `UPDATE ${this.table('chunk_ref')} SET refs = refs + ? WHERE chunkid = ? AND size = ?`,
      delta,
      id,
      size,
    );
  }

  deleteSliceRef(id: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('chunk_ref')} WHERE chunkid = ? AND refs <= 0`, id);
  }

  deleteDelayedSlices(key: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('delslices')} WHERE chunkid = ?`, key);
  }

  putDelayedSlices(key: bigint, unixSeconds: number, slices: Uint8Array): void {
    this.connection.run(
      `INSERT OR REPLACE INTO ${this.table('delslices')} (chunkid, deleted, slices) VALUES (?,?,?)`,
      key,
      unixSeconds,
      slices,
    );
  }

  queueDeletedFile(file: DeletedFile, unixSeconds: number): void {
    this.connection.run(
      `INSERT INTO ${this.table('delfile')} (inode, length, expire) VALUES (?,?,?)`,
      file.inode,
      file.length,
      unixSeconds,
    );
  }

  dequeueDeletedFile(inode: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('delfile')} WHERE inode = ?`, inode);
  }

  sustain(session: bigint, inode: bigint): void {
    this.connection.run(`INSERT INTO ${this.table('sustained')} (sid, inode) VALUES (?,?)`, session, inode);
  }

  release(session: bigint, inode: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('sustained')} WHERE sid = ? AND inode = ?`, session, inode);
  }

  addToCounter(name: string, delta: number): number {
    const row = this.connection.get(
      `INSERT INTO ${this.table('counter')} (name, value) VALUES (?,?)
       ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value`,
      name,
      delta,
    );
    return int(row?.[0]);
  }

  setCounter(name: string, value: number): void {
    this.connection.run(
      `INSERT INTO ${this.table('counter')} (name, value) VALUES (?,?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      name,
      value,
    );
  }

  setCounterIfSmall(name: string, value: number, margin: number): boolean {
    if (this.counter(name) > value - margin) return false;
    this.setCounter(name, value);
    return true;
  }

  addDirectoryUsage(inode: bigint, delta: DirectoryUsage): boolean {
    const changed = this.connection.run(
      `UPDATE ${this.table('dir_stats')} SET data_length = data_length + ?, used_space = used_space + ?,
       used_inodes = used_inodes + ? WHERE inode = ?`,
      delta.length,
      delta.space,
      delta.inodes,
      inode,
    );
    return changed > 0;
  }

  putDirectoryUsage(inode: bigint, usage: DirectoryUsage): void {
    this.connection.run(
      `INSERT OR REPLACE INTO ${this.table('dir_stats')} (inode, data_length, used_space, used_inodes) VALUES (?,?,?,?)`,
      inode,
      usage.length,
      usage.space,
      usage.inodes,
    );
  }

  deleteDirectoryUsage(inode: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('dir_stats')} WHERE inode = ?`, inode);
  }

  deleteAllDirectoryUsage(): void {
    this.connection.run(`DELETE FROM ${this.table('dir_stats')}`);
  }

  addDirectoryQuotaUsage(inode: bigint, space: number, inodes: number): void {
    this.connection.run(
      `UPDATE ${this.table('dir_quota')} SET used_space = used_space + ?, used_inodes = used_inodes + ? WHERE inode = ?`,
      space,
      inodes,
      inode,
    );
  }

  deleteDirectoryQuota(inode: bigint): void {
    this.connection.run(`DELETE FROM ${this.table('dir_quota')} WHERE inode = ?`, inode);
  }

  putDirectoryQuota({ key, maxSpace, maxInodes, usedSpace, usedInodes }: Quota): void {
    this.connection.run(
      `INSERT OR REPLACE INTO ${this.table('dir_quota')} (inode, max_space, max_inodes, used_space, used_inodes)
       VALUES (?,?,?,?,?)`,
      key,
      maxSpace,
      maxInodes,
      usedSpace,
      usedInodes,
    );
  }

  putOwnerQuota(kind: OwnerKind, { key, maxSpace, maxInodes, usedSpace, usedInodes }: Quota): void {
    this.connection.run(
      `INSERT OR REPLACE INTO ${this.table('user_group_quota')}
       (qtype, qkey, max_space, max_inodes, used_space, used_inodes) VALUES (?,?,?,?,?,?)`,
      QUOTA_TYPES[kind],
      key,
      maxSpace,
      maxInodes,
      usedSpace,
      usedInodes,
    );
  }

  putAclRule(rule: AclRule): void {
    this.connection.run(
      `INSERT OR REPLACE INTO ${this.table('acl')} (id, owner, "group", mask, other, named_users, named_groups)
       VALUES (?,?,?,?,?,?,?)`,
      rule.id,
      rule.owner,
      rule.group,
      rule.mask,
      rule.other,
      fromAclEntries(rule.users),
      fromAclEntries(rule.groups),
    );
  }

  addOwnerUsage(kind: OwnerKind, id: number, space: number, inodes: number): void {
    this.connection.run(
      `INSERT INTO ${this.table('user_group_quota')} (qtype, qkey, max_space, max_inodes, used_space, used_inodes)
       VALUES (?,?,-1,-1,?,?) ON CONFLICT (qtype, qkey) DO UPDATE SET
       used_space = used_space + excluded.used_space, used_inodes = used_inodes + excluded.used_inodes`,
      QUOTA_TYPES[kind],
      id,
      space,
      inodes,
    );
  }

  insertSession(session: bigint, expire: number, info: Uint8Array): boolean {
    const inserted = this.connection.run(
      `INSERT OR IGNORE INTO ${this.table('session2')} (sid, expire, info) VALUES (?,?,?)`,
      session,
      expire,
      info,
    );
    return inserted > 0;
  }

  refreshSession(session: bigint, expire: number): boolean {
    return this.connection.run(`UPDATE ${this.table('session2')} SET expire = ? WHERE sid = ?`, expire, session) > 0;
  }

  deleteSession(session: bigint): void {
    for (const table of ['flock', 'plock', 'session2']) {
      this.connection.run(`DELETE FROM ${this.table(table)} WHERE sid = ?`, session);
    }
  }

  putSetting(text: string): void {
    this.connection.run(
      `INSERT INTO ${this.table('setting')} (name, value) VALUES ('format',?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      text,
    );
  }
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
