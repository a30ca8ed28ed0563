// Volumes for tests: made with `portcullis format`, or unpacked golden ones; and their whole state as text, to see that it did not change.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DatabaseSync } from '@photostructure/sqlite';
import { runCli } from './gateway.ts';

export interface TestVolume {
  readonly metaUrl: string;
  readonly database: string;
  /** Folder of the object store. */
  readonly objects: string;
  /** Flags that point a gateway at the object store, when the volume itself names another place. */
  readonly flags: readonly string[];
}

/** Formats a volume on SQLite and local files below a folder. */
export async function formatTestVolume(folder: string, flags: readonly string[] = []): Promise<TestVolume> {
  const database = join(folder, 'meta.db');
  const objects = join(folder, 'objects');
  const metaUrl = `sqlite3://${database}`;
  const { code, output } = await runCli([
    'format',
    '--storage',
    'file',
    '--bucket',
    `${objects}/`,
    ...flags,
    metaUrl,
    'testvol',
  ]);
  if (code !== 0) throw new Error(`format ended with ${code}: ${output}`);
  return { metaUrl, database, objects, flags: [] };
}

const GOLDEN = resolve(import.meta.dirname, '../fixtures/volumes');

/** Unpacks a golden volume below a folder. */
export function unpackGoldenVolume(
  name: string,
  folder: string,
): TestVolume & { readonly manifest: unknown; readonly environment: Readonly<Record<string, string>> } {
  untar(gunzipSync(readFileSync(join(GOLDEN, `${name}.tar.gz`))), folder);
  const root = join(folder, name);
  const database = join(root, 'meta.db');
  const objects = join(root, 'objects');
  const passphrase = join(root, 'rsa-passphrase.txt');
  return {
    metaUrl: `sqlite3://${database}`,
    database,
    objects,
    flags: ['--storage', 'file', '--bucket', `${objects}/`],
    environment: existsSync(passphrase) ? { JFS_RSA_PASSPHRASE: readFileSync(passphrase, 'utf8').trim() } : {},
    manifest: JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8')),
  };
}

const TAR_BLOCK = 512;

/** Folders and plain files of a ustar archive; anything else in it is an error. */
function untar(archive: Buffer, folder: string): void {
  const text = (from: number, length: number): string => {
    const field = archive.subarray(from, from + length);
    const end = field.indexOf(0);
    return field.subarray(0, end < 0 ? length : end).toString();
  };
  for (let at = 0; at + TAR_BLOCK <= archive.length && archive[at] !== 0; ) {
    const path = join(folder, text(at + 345, 155), text(at, 100));
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    if (type === '5') mkdirSync(path, { recursive: true });
    else if (type === '0' || type === '') {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, archive.subarray(at + TAR_BLOCK, at + TAR_BLOCK + size));
    } else throw new Error(`an entry of type ${type} in a golden volume: ${path}`);
    at += TAR_BLOCK + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
}

/** What a running client changes by being there: sessions, locks, counters. */
const LIVELY_TABLES = new Set([
  'jfs_session',
  'jfs_session2',
  'jfs_counter',
  'jfs_flock',
  'jfs_plock',
  'jfs_sustained',
]);

/** All rows of the metadata but those, and the names of all blocks: a line each, in order. */
export function volumeState(volume: TestVolume): string[] {
  return [...metadataRows(volume.database), ...blockNames(volume.objects)];
}

function metadataRows(database: string): string[] {
  const db = new DatabaseSync(database, { readOnly: true, timeout: 10_000 });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    return tables
      .map((row) => String(row.name))
      .filter((table) => table.startsWith('jfs_') && !LIVELY_TABLES.has(table))
      .flatMap((table) => {
        const statement = db.prepare(`SELECT * FROM ${table}`);
        statement.setReadBigInts(true);
        return statement
          .all()
          .map((row) => `${table} ${JSON.stringify(row, printable)}`)
          .sort();
      });
  } finally {
    db.close();
  }
}

function printable(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

/** Paths of all stored blocks, without files that are being written. */
export function blockNames(objects: string): string[] {
  if (!existsSync(objects)) return [];
  return readdirSync(objects, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `block ${relative(objects, join(entry.parentPath, entry.name))}`)
    .sort();
}

/** Rows of jfs_session2: one a client that has the volume open for writing. */
export function openSessions(volume: TestVolume): number {
  const db = new DatabaseSync(volume.database, { readOnly: true, timeout: 10_000 });
  try {
    return Number(db.prepare('SELECT count(*) AS n FROM jfs_session2').get()?.n);
  } finally {
    db.close();
  }
}
