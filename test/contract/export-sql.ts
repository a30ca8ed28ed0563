// Lays out a volume's rows in MySQL or PostgreSQL as SQLite tables of the same names, with the databases' own drivers.
import { DatabaseSync } from '@photostructure/sqlite';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';

/** The tables that a volume's recount reads, and their columns. */
export const TABLES: Readonly<Record<string, readonly string[]>> = {
  setting: ['name', 'value'],
  counter: ['name', 'value'],
  edge: ['parent', 'name', 'inode', 'type'],
  node: ['inode', 'type', 'mode', 'nlink', 'length', 'parent'],
  symlink: ['inode', 'target'],
  xattr: ['inode', 'name', 'value'],
  chunk: ['inode', 'indx', 'slices'],
  chunk_ref: ['chunkid', 'size', 'refs'],
  delslices: ['chunkid', 'deleted', 'slices'],
  session2: ['sid', 'expire'],
  sustained: ['sid', 'inode'],
  delfile: ['inode', 'length', 'expire'],
  dir_quota: ['inode', 'max_space', 'max_inodes', 'used_space', 'used_inodes'],
  dir_stats: ['inode', 'data_length', 'used_space', 'used_inodes'],
};

type Cell = string | bigint | number | Uint8Array | null;

/** Makes the SQLite file of rows; `rowsOf` gives a table's, in the order of its columns. */
export async function layOut(
  database: string,
  rowsOf: (table: string, columns: readonly string[]) => Promise<Iterable<readonly Cell[]>>,
): Promise<void> {
  const db = new DatabaseSync(database);
  try {
    db.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; BEGIN');
    for (const [table, columns] of Object.entries(TABLES)) {
      db.exec(`CREATE TABLE jfs_${table} (${columns.join(', ')})`);
      const insert = db.prepare(`INSERT INTO jfs_${table} VALUES (${columns.map(() => '?').join(',')})`);
      for (const row of await rowsOf(table, columns)) insert.run(...row);
    }
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

/** Names that are numbers in text, such as a counter's value. */
const TEXT_COLUMNS = new Set(['name', 'value', 'target']);

function toCell(column: string, value: unknown): Cell {
  if (value === null || value instanceof Uint8Array || typeof value === 'bigint') return value;
  if (typeof value === 'number') return BigInt(value);
  if (typeof value !== 'string') throw new Error(`an unexpected column of type ${typeof value}`);
  return TEXT_COLUMNS.has(column) && !/^-?\d+$/.test(value) ? value : BigInt(value);
}

export async function exportMysql(metaUrl: string, database: string): Promise<void> {
  const match = /@\(127\.0\.0\.1:(\d+)\)\/(\w+)/.exec(metaUrl);
  const connection = await createConnection({
    host: '127.0.0.1',
    port: Number(match?.[1]),
    user: 'root',
    database: match?.[2] ?? '',
    supportBigNumbers: true,
    bigNumberStrings: true,
    rowsAsArray: true,
  });
  try {
    await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    await layOut(database, async (table, columns) => {
      const [rows] = await connection.query(`SELECT ${columns.join(', ')} FROM jfs_${table}`);
      return (rows as unknown[][]).map((row) => row.map((value, i) => toCell(columns[i] ?? '', value)));
    });
  } finally {
    await connection.end();
  }
}

export async function exportPostgres(metaUrl: string, database: string): Promise<void> {
  const url = new URL(metaUrl);
  const client = new pg.Client({
    host: '127.0.0.1',
    port: Number(url.port),
    user: 'postgres',
    database: url.pathname.slice(1),
    options: `-c search_path=${url.searchParams.get('search_path') ?? 'public'}`,
  });
  await client.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await layOut(database, async (table, columns) => {
      const text = `SELECT ${columns.join(', ')} FROM jfs_${table}`;
      const { rows } = await client.query({ text, rowMode: 'array' });
      return rows.map((row: unknown[]) => row.map((value, i) => toCell(columns[i] ?? '', value)));
    });
  } finally {
    await client.end();
  }
}
