import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VolumeError } from '../../volume.ts';
import { MetaConflict } from '../engine.ts';
import { GroupedWrites } from './grouped-writes.ts';
import { SqliteConnection } from './sqlite-connection.ts';

let folder: string;
let connection: SqliteConnection;
let other: SqliteConnection;
let grouped: GroupedWrites;
let running: Promise<void> = Promise.resolve();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-grouped-'));
  connection = new SqliteConnection(join(folder, 'db'), { create: true });
  connection.db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (name TEXT PRIMARY KEY NOT NULL)');
  other = new SqliteConnection(join(folder, 'db'), {});
  grouped = new GroupedWrites(connection);
});
afterEach(() => {
  connection.close();
  other.close();
  rmSync(folder, { recursive: true });
});

const write = <T>(body: () => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    if (grouped.add(body, resolve, reject)) running = running.then(() => grouped.commit());
  });
const insert = (...names: string[]): void => {
  for (const name of names) connection.run('INSERT INTO t VALUES (?)', [name]);
};
/** What another connection sees: what was committed. */
const names = (): unknown[] => other.all('SELECT name FROM t ORDER BY name', []).flat();

test('one that fails takes nothing with it, and leaves nothing', async () => {
  const results = await Promise.allSettled([
    write(async () => insert('a')),
    write(async () => {
      insert('b');
      throw new VolumeError('ENOENT', 'no');
    }),
    write(async () => {
      insert('c');
      return 'told';
    }),
  ]);
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code))).toEqual([
    undefined,
    'ENOENT',
    'told',
  ]);
  expect(names()).toEqual(['a', 'c']);
});

test('whoever hears of success finds it committed', async () => {
  const seen = await Promise.all(
    Array.from({ length: 200 }, (_, i) => {
      const name = String(i).padStart(3, '0');
      return write(async () => insert(name)).then(() => names().includes(name));
    }),
  );
  expect(seen).toEqual(Array.from({ length: 200 }, () => true));
});

test('each sees what those before it did, and none what is undone', async () => {
  const count = (): unknown => connection.all('SELECT count(*) FROM t', [])[0]?.[0];
  const first = write(async () => insert('a'));
  const undone = write(async () => {
    insert('b');
    throw new VolumeError('EEXIST', 'no');
  });
  const last = write(async () => count());
  await Promise.allSettled([first, undone]);
  expect(await last).toBe(1n);
});

test('a conflict is tried again, and the others do not wait for it', async () => {
  let tries = 0;
  const order: string[] = [];
  await Promise.all([
    write(async () => {
      insert(`a${++tries}`);
      if (tries < 3) throw new MetaConflict('again');
    }).then(() => order.push('a')),
    write(async () => insert('b')).then(() => order.push('b')),
  ]);
  expect(order).toEqual(['b', 'a']);
  expect(names()).toEqual(['a3', 'b']);
});

test('a failure that ends the transaction is one of its own', async () => {
  const results = await Promise.allSettled([
    write(async () => insert('a')),
    write(async () => {
      insert('b');
      connection.db.exec('ROLLBACK');
      throw new VolumeError('ENOSPC', 'the disk is full');
    }),
    write(async () => insert('c')),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(names()).toEqual(['a', 'c']);
});

test('while another process holds the database, all wait', async () => {
  other.db.exec('BEGIN IMMEDIATE');
  const both = Promise.all([write(async () => insert('a')), write(async () => insert('b'))]);
  setTimeout(() => other.db.exec('COMMIT'), 50);
  await both;
  expect(names()).toEqual(['a', 'b']);
});
