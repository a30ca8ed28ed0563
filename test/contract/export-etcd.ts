// Lays out a volume's keys in etcd as the SQLite tables of a SQL volume, by the documented layout of the keys, with etcd's own
// command-line client.
import { execFileSync } from 'node:child_process';
import { nodeOf } from './export-redis.ts';
import { layOut } from './export-sql.ts';

type Cell = string | bigint | Uint8Array;

export async function exportEtcd(metaUrl: string, database: string): Promise<void> {
  const url = new URL(metaUrl);
  const prefix = Buffer.concat([Buffer.from(url.pathname), Buffer.of(0xfd)]);
  const answer = execFileSync(
    'etcdctl',
    [`--endpoints=127.0.0.1:${url.port}`, 'get', '--prefix', url.pathname, '--write-out=json'],
    { encoding: 'utf8', env: { ...process.env, ETCDCTL_API: '3' }, maxBuffer: 1 << 30 },
  );
  const { kvs = [] } = JSON.parse(answer) as { kvs?: { key: string; value?: string }[] };
  const entries = kvs.flatMap(({ key, value }): [Buffer, Buffer][] => {
    const name = Buffer.from(key, 'base64');
    // Another volume's path may begin with this one's.
    if (!name.subarray(0, prefix.length).equals(prefix)) return [];
    return [[name.subarray(prefix.length), Buffer.from(value ?? '', 'base64')]];
  });
  const tables = readTables(entries);
  await layOut(database, async (table) => tables.get(table) ?? []);
}

function readTables(entries: readonly (readonly [Buffer, Buffer])[]): Map<string, Cell[][]> {
  const tables = new Map<string, Cell[][]>();
  const add = (table: string, ...row: Cell[]): void => {
    const rows = tables.get(table);
    if (rows === undefined) tables.set(table, [row]);
    else rows.push(row);
  };
  const slices = new Map<bigint, bigint>();
  const counts = new Map<bigint, bigint>();
  for (const [key, value] of entries) {
    const kind = key.toString('latin1', 0, 1);
    if (key.equals(Buffer.from('setting'))) add('setting', 'format', value.toString());
    else if (kind === 'C') {
      const name = key.toString('utf8', 1);
      if (!name.includes('leanup')) add('counter', name, value.readBigInt64LE(0));
    } else if (kind === 'A') {
      const inode = key.readBigUInt64LE(1);
      const part = key.toString('latin1', 9, 10);
      const rest = key.subarray(10);
      if (part === 'I') add('node', inode, ...nodeOf(value));
      if (part === 'S') add('symlink', inode, value);
      if (part === 'X') add('xattr', inode, rest.toString(), value);
      if (part === 'D') add('edge', inode, rest, value.readBigUInt64BE(1), BigInt(value.readUInt8(0)));
      if (part === 'C') {
        add('chunk', inode, BigInt(rest.readUInt32BE(0)), value);
        for (let at = 0; at + 24 <= value.length; at += 24) {
          slices.set(value.readBigUInt64BE(at + 4), BigInt(value.readUInt32BE(at + 12)));
        }
      }
    } else if (kind === 'K') {
      slices.set(key.readBigUInt64BE(1), BigInt(key.readUInt32BE(9)));
      counts.set(key.readBigUInt64BE(1), value.readBigInt64LE(0) + 1n);
    } else if (kind === 'D') add('delfile', key.readBigUInt64LE(1), key.readBigUInt64BE(9), value.readBigInt64BE(0));
    else if (kind === 'U') {
      add(
        'dir_stats',
        key.readBigUInt64LE(1),
        value.readBigInt64BE(0),
        value.readBigInt64BE(8),
        value.readBigInt64BE(16),
      );
    } else if (key.toString('latin1', 0, 2) === 'SS') {
      add('sustained', key.readBigUInt64BE(2), key.readBigUInt64LE(10));
    } else if (kind === 'L') {
      add('delslices', key.readBigUInt64BE(9), key.readBigUInt64BE(1), value);
      for (let at = 0; at < value.length; at += 12)
        slices.set(value.readBigUInt64BE(at), BigInt(value.readUInt32BE(at + 8)));
    }
  }
  // A slice that is not counted has one reference; id 0 is a hole.
  for (const [id, size] of slices) if (id > 0n) add('chunk_ref', id, size, counts.get(id) ?? 1n);
  return tables;
}
