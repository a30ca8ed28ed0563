// npm run bench -- volume-metadata [META-URL...]: metadata operations a second, each beside what the raw driver of that engine
// needs for one indexed read, or for one transaction with one write. A URL names a database in which nothing is yet; a volume
// is made in it and removed again. Default: SQLite in a temporary folder.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { EtcdClient } from '../src/etcd/etcd-client.ts';
import { parseEtcdUrl } from '../src/etcd/etcd-url.ts';
import { formatVolume, openVolume, type Volume } from '../src/juicefs/index.ts';
import { openEngine } from '../src/juicefs/meta/meta-url.ts';
import { parseMysqlUrl } from '../src/juicefs/meta/mysql/mysql-url.ts';
import { measure, row } from './measure.ts';

const MILLISECONDS = 2000;
const CONCURRENCY = 8;
const FILES = 1000;

/** One indexed read and one committed write, with the driver alone. */
interface RawDriver {
  read(): Promise<unknown>;
  write(): Promise<unknown>;
  close(): Promise<unknown> | unknown;
}

export async function run(args: readonly string[]): Promise<void> {
  for (const url of args.length > 0 ? args : [undefined]) {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
    try {
      await benchmark(url ?? `sqlite3://${join(folder, 'meta.db')}`, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

async function benchmark(metaUrl: string, folder: string): Promise<void> {
  process.stdout.write(`\n${metaUrl.replace(/:[^:@/]*@/, '@')}, ${CONCURRENCY} at a time\n`);
  await formatVolume(metaUrl, { name: 'benchmark', bucket: join(folder, 'objects'), trashDays: 0 });
  const volume = await openVolume(metaUrl, { backgroundJobs: false });
  const raw = await rawDriver(metaUrl, folder);
  try {
    const load = { concurrency: CONCURRENCY, milliseconds: MILLISECONDS, pids: [process.pid] };
    const [read, write] = [
      await measure(async () => void (await raw.read()), load),
      await measure(async () => void (await raw.write()), load),
    ];
    for (let i = 0; i < FILES; i++) await volume.create(['a', 'b', 'c', `f${i}`]).commit();
    let next = 0;
    const some = (): number => next++ % FILES;
    const report = async (name: string, operation: () => Promise<unknown>, reference: typeof read): Promise<void> => {
      process.stdout.write(`${row(name, await measure(async () => void (await operation()), load), reference)}\n`);
    };
    await report('lookup, 4 deep', () => volume.stat(['a', 'b', 'c', `f${some()}`]), read);
    await report('lookup with attributes', () => volume.statWithXattrs(['a', 'b', 'c', `f${some()}`]), read);
    await report('create', () => volume.create(['n', `d${next % 16}`, `n${next++}`]).commit(), write);
    await report('replace', () => volume.create(['a', 'b', 'c', `f${some()}`]).commit(), write);
    await report('rename there and back', () => renameBack(volume, `r${next++}`), write);
    await report('list 1000 entries', () => list(volume), read);
  } finally {
    await raw.close();
    await volume.close();
    const engine = await openEngine(metaUrl, {});
    await engine.clear();
    await engine.close();
  }
}

async function renameBack(volume: Volume, name: string): Promise<void> {
  const file = ['a', 'b', 'c', name];
  await volume.create(file).commit();
  await volume.rename(file, ['a', name]);
  await volume.unlink(['a', name]);
}

async function list(volume: Volume): Promise<void> {
  let count = 0;
  for await (const _ of volume.list(['a', 'b', 'c'])) if (++count === FILES) return;
}

async function rawDriver(metaUrl: string, folder: string): Promise<RawDriver> {
  const scheme = metaUrl.slice(0, metaUrl.indexOf('://'));
  let n = 0;
  if (scheme === 'sqlite3') {
    const db = new DatabaseSync(join(folder, 'raw.db'));
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE raw (k INTEGER PRIMARY KEY, v BLOB)');
    const insert = db.prepare('INSERT INTO raw VALUES (?, ?)');
    const select = db.prepare('SELECT v FROM raw WHERE k = ?');
    return {
      read: async () => select.get(1),
      write: async () => insert.run(++n, Buffer.alloc(72)),
      close: () => db.close(),
    };
  }
  if (scheme === 'mysql') {
    const { host, port, user, password, database } = parseMysqlUrl(metaUrl.slice('mysql://'.length));
    const pool = mysql.createPool({ host, port, user, password, database, connectionLimit: CONCURRENCY });
    await pool.query('CREATE TABLE bench_raw (k BIGINT PRIMARY KEY, v BLOB)');
    return {
      read: () => pool.execute('SELECT v FROM bench_raw WHERE k = ?', [1]),
      write: () => pool.execute('INSERT INTO bench_raw VALUES (?, ?)', [++n, Buffer.alloc(72)]),
      close: async () => {
        await pool.query('DROP TABLE bench_raw');
        await pool.end();
      },
    };
  }
  if (scheme === 'postgres') {
    const pool = new pg.Pool({ connectionString: metaUrl, max: CONCURRENCY });
    await pool.query('CREATE TABLE bench_raw (k BIGINT PRIMARY KEY, v BYTEA)');
    const read = { name: 'read', text: 'SELECT v FROM bench_raw WHERE k = $1' };
    const write = { name: 'write', text: 'INSERT INTO bench_raw VALUES ($1, $2)' };
    return {
      read: () => pool.query({ ...read, values: [1] }),
      write: () => pool.query({ ...write, values: [++n, Buffer.alloc(72)] }),
      close: async () => {
        await pool.query('DROP TABLE bench_raw');
        await pool.end();
      },
    };
  }
  if (scheme === 'etcd') {
    const client = new EtcdClient(parseEtcdUrl(metaUrl));
    const key = Buffer.from('/portcullis-bench');
    return {
      read: () => client.get(key),
      write: () => client.transaction([], [{ put: key, value: Buffer.alloc(72) }]),
      close: async () => {
        await client.transaction([], [{ remove: { start: key } }]);
        client.close();
      },
    };
  }
  const redis = new Redis(metaUrl);
  return {
    read: () => redis.getBuffer('bench_raw'),
    write: () => redis.set('bench_raw', Buffer.alloc(72)),
    close: async () => {
      await redis.del('bench_raw');
      redis.disconnect();
    },
  };
}
