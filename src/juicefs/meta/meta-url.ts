// Which engine and which database a META-URL names. Parameters as the Go client's.
import { VolumeOpenError } from '../volume-error.ts';
import type { MetaEngine } from './engine.ts';
import { tablePrefix } from './sql/pool-settings.ts';
import { SqliteEngine, type SqliteLocation } from './sqlite/sqlite-engine.ts';

/** Engines of the Go client that are known by name only. */
const OTHER_ENGINES = ['redis', 'rediss', 'unix', 'etcd', 'tikv', 'fdb', 'badger', 'memkv'];

export interface EngineOptions {
  readonly readOnly?: boolean;
  /** Make a database that is not there, where that means something. */
  readonly create?: boolean;
  /** Variables that the Go client heeds, too: META_PASSWORD and its like. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Opens the engine of a META-URL. */
export async function openEngine(metaUrl: string, options: EngineOptions): Promise<MetaEngine> {
  const separator = metaUrl.indexOf('://');
  const scheme = separator < 0 ? '' : metaUrl.slice(0, separator);
  // A driver is loaded only by those who use it.
  if (scheme === 'mysql') {
    const { openMysql } = await import('./mysql/mysql-pool.ts');
    return openMysql(metaUrl.slice(separator + 3), options);
  }
  if (scheme === 'postgres' || scheme === 'postgresql') {
    const { openPostgres } = await import('./postgres/postgres-pool.ts');
    return openPostgres(metaUrl, options);
  }
  if (scheme === 'sqlite3') return SqliteEngine.open(parseSqlite(metaUrl.slice(separator + 3)), options);
  if (OTHER_ENGINES.includes(scheme)) {
    throw new VolumeOpenError('UnsupportedEngine', `the metadata engine ${scheme} is not supported yet; sqlite3:// is`);
  }
  throw new VolumeOpenError(
    'InvalidUrl',
    'a META-URL begins with the name of its engine, as in sqlite3:///var/lib/myjfs.db',
  );
}

const SYNCHRONOUS: Readonly<Record<string, SqliteLocation['synchronous']>> = {
  '0': 'OFF',
  OFF: 'OFF',
  '1': 'NORMAL',
  NORMAL: 'NORMAL',
  '2': 'FULL',
  FULL: 'FULL',
  '3': 'EXTRA',
  EXTRA: 'EXTRA',
};
const JOURNALS = ['WAL', 'DELETE', 'TRUNCATE', 'PERSIST', 'MEMORY'];

function parseSqlite(address: string): SqliteLocation {
  const question = address.indexOf('?');
  const path = question < 0 ? address : address.slice(0, question);
  const query = new URLSearchParams(question < 0 ? '' : address.slice(question + 1));
  if (path === '') throw new VolumeOpenError('InvalidUrl', 'sqlite3:// needs the path of a database file');
  const prefix = tablePrefix(query.get('table_prefix') ?? '');
  const synchronous = SYNCHRONOUS[(query.get('_synchronous') ?? query.get('_sync') ?? 'NORMAL').toUpperCase()];
  const journal = (query.get('_journal') ?? query.get('_journal_mode') ?? 'WAL').toUpperCase();
  if (synchronous === undefined || !JOURNALS.includes(journal)) {
    throw new VolumeOpenError(
      'InvalidUrl',
      '_synchronous or _journal of the META-URL has a value SQLite does not know',
    );
  }
  return { path, tablePrefix: prefix, synchronous, journal };
}
