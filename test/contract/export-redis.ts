// Lays out a volume's keys in Redis as the SQLite tables of a SQL volume, by the documented layout of the keys and with a
// plain Redis client.
import { Redis } from 'ioredis';
import { layOut } from './export-sql.ts';

const AREF = /^k(\d+)_(\d+)$/;

type Cell = string | bigint | Uint8Array;

export async function exportRedis(metaUrl: string, database: string): Promise<void> {
  const url = new URL(metaUrl);
  const redis = new Redis({ host: '127.0.0.1', port: Number(url.port), db: Number(url.pathname.slice(1)) });
  try {
    const tables = await readTables(redis);
    await layOut(database, async (table) => tables.get(table) ?? []);
  } finally {
    redis.disconnect();
  }
}

async function readTables(redis: Redis): Promise<Map<string, Cell[][]>> {
  const tables = new Map<string, Cell[][]>();
  const add = (table: string, ...row: Cell[]): void => {
    const rows = tables.get(table);
    if (rows === undefined) tables.set(table, [row]);
    else rows.push(row);
  };
  const slices = new Map<bigint, bigint>();
  for (const key of await redis.keys('*')) {
    const [, kind = '', inode = '0', index = ''] = /^([idscx])(\d+)(?:_(\d+))?$/.exec(key) ?? [];
    if (kind === 'i') add('node', BigInt(inode), ...nodeOf(await bytesAt(redis, key)));
    if (kind === 's') add('symlink', BigInt(inode), await bytesAt(redis, key));
    if (kind === 'd') {
      for (const [name, value] of await hashAt(redis, key)) {
        add('edge', BigInt(inode), name, value.readBigUInt64BE(1), BigInt(value.readUInt8(0)));
      }
    }
    if (kind === 'x')
      for (const [name, value] of await hashAt(redis, key)) add('xattr', BigInt(inode), name.toString(), value);
    if (kind === 'c') {
      const records = Buffer.concat(await redis.lrangeBuffer(key, 0, -1));
      add('chunk', BigInt(inode), BigInt(index), records);
      for (let at = 0; at + 24 <= records.length; at += 24) {
        slices.set(records.readBigUInt64BE(at + 4), BigInt(records.readUInt32BE(at + 12)));
      }
    }
    const session = /^session(\d+)$/.exec(key)?.[1];
    if (session !== undefined) {
      for (const inode of await redis.smembers(key)) add('sustained', BigInt(session), BigInt(inode));
    }
  }
  for (const [field, value] of Object.entries(await redis.hgetallBuffer('delSlices'))) {
    add('delslices', BigInt(field.split('_')[0] ?? 0), BigInt(field.split('_')[1] ?? 0), value);
    for (let at = 0; at < value.length; at += 12)
      slices.set(value.readBigUInt64BE(at), BigInt(value.readUInt32BE(at + 8)));
  }
  const counts = new Map<bigint, bigint>();
  for (const [field, value] of Object.entries(await redis.hgetall('sliceRef'))) {
    const [, id = '0', size = '0'] = AREF.exec(field) ?? [];
    slices.set(BigInt(id), BigInt(size));
    counts.set(BigInt(id), BigInt(value) + 1n);
  }
  // A slice that is not counted has one reference; id 0 is a hole.
  for (const [id, size] of slices) if (id > 0n) add('chunk_ref', id, size, counts.get(id) ?? 1n);
  for (const [name, key, offset] of [
    ['nextInode', 'nextinode', 1n],
    ['nextChunk', 'nextchunk', 1n],
    ['usedSpace', 'usedSpace', 0n],
    ['totalInodes', 'totalInodes', 0n],
  ] as const) {
    add('counter', name, BigInt((await redis.get(key)) ?? 0) + offset);
  }
  add('setting', 'format', (await redis.get('setting')) ?? '');
  for (const member of await redis.zrange('delfiles', '0', '-1')) {
    add('delfile', BigInt(member.split(':')[0] ?? 0), BigInt(member.split(':')[1] ?? 0), 0n);
  }
  const [space, inodes, length] = await Promise.all(
    ['dirUsedSpace', 'dirUsedInodes', 'dirDataLength'].map((key) => redis.hgetall(key)),
  );
  for (const inode of Object.keys(space ?? {})) {
    add(
      'dir_stats',
      BigInt(inode),
      BigInt(length?.[inode] ?? 0),
      BigInt(space?.[inode] ?? 0),
      BigInt(inodes?.[inode] ?? 0),
    );
  }
  return tables;
}

async function bytesAt(redis: Redis, key: string): Promise<Buffer> {
  return (await redis.getBuffer(key)) ?? Buffer.of();
}

/** Fields as bytes: the driver's own form of a hash has texts. */
async function hashAt(redis: Redis, key: string): Promise<[Buffer, Buffer][]> {
  const parts = (await redis.callBuffer('HGETALL', key)) as Buffer[];
  return Array.from({ length: parts.length / 2 }, (_, i) => [
    parts[2 * i] ?? Buffer.of(),
    parts[2 * i + 1] ?? Buffer.of(),
  ]);
}

/** type, mode, nlink, length, parent */
export function nodeOf(value: Buffer): bigint[] {
  const typeAndMode = value.readUInt16BE(1);
  const numbers = [typeAndMode >> 12, typeAndMode & 0xfff, value.readUInt32BE(47)].map(BigInt);
  return [...numbers, value.readBigUInt64BE(51), value.readBigUInt64BE(63)];
}
