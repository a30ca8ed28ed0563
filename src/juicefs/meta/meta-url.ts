// Which engine and which database a META-URL names. Schemes, parameters and where a password may come from are the Go
// client's; an address without a scheme is Redis.
import { readFileSync } from 'node:fs';
import { VolumeOpenError } from '../volume-error.ts';
import type { MetaEngine } from './engine.ts';
import { tablePrefix } from './sql/pool-settings.ts';
import { SqliteEngine, type SqliteLocation } from './sqlite/sqlite-engine.ts';

export interface EngineOptions {
  readonly readOnly?: boolean;
  /** Make what is not there yet: a database file. */
  readonly create?: boolean;
  /** Where META_PASSWORD, META_PASSWORD_FILE, REDIS_PASSWORD and SENTINEL_PASSWORD are looked for. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Engines of the Go client that are known by name only. */
const OTHER_ENGINES = ['tikv', 'fdb', 'badger', 'memkv'];
const SUPPORTED = 'sqlite3, redis, rediss, unix, mysql, postgres and etcd';

/** Opens the engine of a META-URL; a VolumeOpenError says in one line, without secrets, why it cannot be. */
export async function openEngine(metaUrl: string, options: EngineOptions): Promise<MetaEngine> {
  const url = metaUrl.includes('://') ? metaUrl : `redis://${metaUrl}`;
  const separator = url.indexOf('://');
  const scheme = url.slice(0, separator);
  const address = url.slice(separator + 3);
  // A driver is loaded only by those who use it.
  switch (scheme) {
    case 'sqlite3':
      return SqliteEngine.open(parseSqlite(address), options);
    case 'mysql': {
      const { openMysql } = await import('./mysql/mysql-pool.ts');
      return openMysql(address, passwordOf(options), options);
    }
    case 'postgres':
    case 'postgresql': {
      const { openPostgres } = await import('./postgres/postgres-pool.ts');
      return openPostgres(url, passwordOf(options), options);
    }
    case 'redis':
    case 'rediss':
    case 'unix': {
      if (address === '') break;
      const { openRedis } = await import('./redis/redis-engine.ts');
      const environment = options.environment ?? {};
      const password = nonEmpty(environment.REDIS_PASSWORD) ?? passwordOf(options);
      return openRedis(url, { password, sentinelPassword: nonEmpty(environment.SENTINEL_PASSWORD) }, options);
    }
    case 'etcd': {
      const { openEtcd } = await import('./etcd/etcd-store.ts');
      return openEtcd(address, passwordOf(options), options);
    }
  }
  if (OTHER_ENGINES.includes(scheme)) {
    throw new VolumeOpenError('UnsupportedEngine', `the metadata engine ${scheme} is not supported; ${SUPPORTED} are`);
  }
  throw new VolumeOpenError(
    'InvalidUrl',
    'a META-URL begins with the name of its engine, as in sqlite3:///var/lib/myjfs.db or redis://localhost:6379/1',
  );
}

/** The password of the environment, for an address that has none. */
function passwordOf({ environment = {} }: EngineOptions): string | undefined {
  const password = nonEmpty(environment.META_PASSWORD);
  const file = nonEmpty(environment.META_PASSWORD_FILE);
  if (password !== undefined || file === undefined) return password;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new VolumeOpenError('InvalidUrl', `META_PASSWORD_FILE names ${file}, which cannot be read`, { cause });
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
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
