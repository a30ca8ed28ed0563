// The texts of the reading statements for one schema and dialect.
import type { WalkBrings } from '../engine.ts';
import type { SqlSchema } from './sql-schema.ts';

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

export type ReadStatements = ReturnType<typeof readStatements>;

/** `?` for each of `count` values. */
export const places = (count: number): string => Array(count).fill('?').join(',');

export function readStatements(schema: SqlSchema) {
  const { quote, blob } = schema.dialect;
  const t = (name: string): string => schema.table(name);
  // An old volume that is read without writing may lack some columns.
  const node = (alias: string): string =>
    NODE_COLUMNS.map((column) => (schema.has('node', column) ? `${alias}.${column}` : '0')).join(', ');
  const entries = (comparison: string): string =>
    `SELECT e.name, e.inode, e.type, ${node('n')} FROM ${t('edge')} e LEFT JOIN ${t('node')} n ON n.inode = e.inode
     WHERE e.parent = ? AND e.name ${comparison} ? AND e.name < ? ORDER BY e.name LIMIT ?`;
  const walkTo = (brings: WalkBrings) =>
    remembered((depth) => {
      const steps = Array.from({ length: depth }, (_, i) => `e${i}`);
      const joins = steps
        .slice(1)
        .map((step, i) => `LEFT JOIN ${t('edge')} ${step} ON ${step}.parent = e${i}.inode AND ${step}.name = ?`);
      joins.push(`LEFT JOIN ${t('node')} n ON n.inode = e${depth - 1}.inode`);
      const columns = [...steps.map((step) => `${step}.inode, ${step}.type`), node('n')];
      if (brings !== 'node') {
        columns.push('x.name, x.value');
        joins.push(`LEFT JOIN ${t('xattr')} x ON x.inode = n.inode`);
      }
      if (brings === 'xattrs and chunks') {
        columns.push(blob('c.slices'));
        joins.push(`LEFT JOIN ${t('chunk')} c ON c.inode = n.inode AND c.indx = 0`);
      }
      return `SELECT ${columns.join(', ')} FROM ${t('edge')} e0 ${joins.join(' ')} WHERE e0.parent = ? AND e0.name = ?`;
    });
  const walks = {
    node: walkTo('node'),
    xattrs: walkTo('xattrs'),
    'xattrs and chunks': walkTo('xattrs and chunks'),
  } as const satisfies Record<WalkBrings, unknown>;
  const quota = 'max_space, max_inodes, used_space, used_inodes';
  return {
    setting: `SELECT value FROM ${t('setting')} WHERE name = ?`,
    node: `SELECT ${node('n')} FROM ${t('node')} n WHERE n.inode = ?`,
    edge: `SELECT inode, type FROM ${t('edge')} WHERE parent = ? AND name = ?`,
    walk: (depth: number, brings: WalkBrings): string => walks[brings](depth),
    entriesAfter: entries('>'),
    entriesFrom: entries('>='),
    hasEntries: `SELECT 1 FROM ${t('edge')} WHERE parent = ? LIMIT 1`,
    parentsOf: `SELECT parent FROM ${t('edge')} WHERE inode = ?`,
    symlink: `SELECT target FROM ${t('symlink')} WHERE inode = ?`,
    xattrs: remembered((n) => `SELECT inode, name, value FROM ${t('xattr')} WHERE inode IN (${places(n)})`),
    childrenNamed: remembered(
      (n) =>
        `SELECT e.parent, ${node('n')} FROM ${t('edge')} e JOIN ${t('node')} n ON n.inode = e.inode
         WHERE e.parent IN (${places(n)}) AND e.name = ?`,
    ),
    nodesIn: remembered((n) => `SELECT ${node('n')} FROM ${t('node')} n WHERE n.inode IN (${places(n)})`),
    chunksIn: remembered(
      (n) => `SELECT inode, indx, ${blob('slices')} FROM ${t('chunk')} WHERE inode IN (${places(n)})`,
    ),
    file: `SELECT ${node('n')}, c.indx, ${blob('c.slices')} FROM ${t('node')} n LEFT JOIN ${t('chunk')} c ON c.inode = n.inode
      WHERE n.inode = ? ORDER BY c.indx`,
    chunks: `SELECT indx, ${blob('slices')} FROM ${t('chunk')} WHERE inode = ? AND indx >= ? AND indx <= ? ORDER BY indx`,
    counter: `SELECT value FROM ${t('counter')} WHERE name = ?`,
    sliceRefs: remembered((n) => `SELECT chunkid, size, refs FROM ${t('chunk_ref')} WHERE chunkid IN (${places(n)})`),
    unreferenced: `SELECT chunkid, size, refs FROM ${t('chunk_ref')} WHERE refs <= 0 LIMIT ?`,
    delayed: `SELECT chunkid, deleted, ${blob('slices')} FROM ${t('delslices')} WHERE deleted < ? LIMIT ?`,
    deletedFiles: `SELECT inode, length, expire FROM ${t('delfile')} WHERE expire < ? LIMIT ?`,
    staleSessions: `SELECT sid FROM ${t('session2')} WHERE expire < ? LIMIT ?`,
    sustained: `SELECT inode FROM ${t('sustained')} WHERE sid = ?`,
    detachedNodes: `SELECT inode FROM ${t('detached_node')} WHERE added < ? LIMIT ?`,
    directoryQuotas: `SELECT inode, ${quota} FROM ${t('dir_quota')}`,
    ownerQuota: `SELECT qkey, ${quota} FROM ${t('user_group_quota')} WHERE qtype = ? AND qkey = ?`,
    ownerQuotas: `SELECT qkey, ${quota} FROM ${t('user_group_quota')} WHERE qtype = ?`,
    directoryUsage: `SELECT data_length, used_space, used_inodes FROM ${t('dir_stats')} WHERE inode = ?`,
    sessions: `SELECT sid, expire, info FROM ${t('session2')} ORDER BY sid`,
    aclRules: `SELECT id, owner, ${quote('group')}, mask, other, named_users, named_groups FROM ${t('acl')} ORDER BY id`,
    scanChunks: `SELECT id, inode, indx, ${blob('slices')} FROM ${t('chunk')} WHERE id > ? ORDER BY id LIMIT ?`,
    scanSliceRefs: `SELECT chunkid, size, refs FROM ${t('chunk_ref')} WHERE chunkid > ? ORDER BY chunkid LIMIT ?`,
  };
}

/** Texts that depend on a small number, each made once. */
export function remembered(make: (count: number) => string): (count: number) => string {
  const made = new Map<number, string>();
  return (count) => {
    const known = made.get(count);
    if (known !== undefined) return known;
    const text = make(count);
    made.set(count, text);
    return text;
  };
}
