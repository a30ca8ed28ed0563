// The metadata engines that the contract suites run on: each with a server of its own, new volumes in it, and a way to lay
// a volume's rows out as SQLite tables, which `checkVolume` recounts.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import {
  hasServer,
  type ServerKind,
  startEtcd,
  startMariadb,
  startPostgres,
  startRedis,
  type TestServer,
} from '../harness/servers.ts';
import { eventually } from '../harness/waiting.ts';
import { exportEtcd } from './export-etcd.ts';
import { exportRedis } from './export-redis.ts';
import { exportMysql, exportPostgres } from './export-sql.ts';

/** An engine with its server running. */
export interface RunningEngine {
  readonly name: string;
  /** The address of a database (or part of one) in which nothing is yet. `directory` is the volume's own. */
  newMetaUrl(directory: string): Promise<string>;
  /** A SQLite file with the volume's rows as they are now. */
  database(metaUrl: string): Promise<string>;
  /** Its server; undefined for SQLite. */
  readonly server: TestServer | undefined;
  stop(): Promise<void>;
}

export interface EngineKind {
  readonly name: string;
  /** False, said loudly, when its server is not installed. */
  available(): boolean;
  start(): Promise<RunningEngine>;
}

export const SQLITE_ENGINE: EngineKind = {
  name: 'sqlite',
  available: () => true,
  start: async () => ({
    name: 'sqlite',
    newMetaUrl: async (directory) => `sqlite3://${join(directory, 'meta.db')}`,
    database: async (metaUrl) => metaUrl.slice('sqlite3://'.length),
    server: undefined,
    stop: async () => undefined,
  }),
};

type Address = (server: TestServer, number: number) => Promise<string> | string;
type Export = (metaUrl: string, database: string) => Promise<void>;

function serverEngine(name: ServerKind, start: () => Promise<TestServer>, address: Address, rows: Export): EngineKind {
  return {
    name,
    available: () => hasServer(name),
    start: async () => {
      const server = await start();
      const folder = mkdtempSync(join(tmpdir(), 'portcullis-rows-'));
      let volumes = 0;
      let exports = 0;
      return {
        name,
        server,
        newMetaUrl: async () => address(server, ++volumes),
        database: async (metaUrl) => {
          const database = join(folder, `${++exports}.db`);
          await rows(metaUrl, database);
          return database;
        },
        stop: async () => {
          rmSync(folder, { recursive: true, force: true });
          await server.stop();
        },
      };
    },
  };
}

export const MARIADB_ENGINE = serverEngine(
  'mariadb',
  startMariadb,
  async ({ port }, number) => {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
    await connection.query(`CREATE DATABASE volume${number}`);
    await connection.end();
    return `mysql://root:@(127.0.0.1:${port})/volume${number}`;
  },
  exportMysql,
);

async function connectedClient(port: number): Promise<pg.Client | undefined> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
  try {
    await client.connect();
    return client;
  } catch (error) {
    if (error instanceof pg.DatabaseError) return undefined;
    throw error;
  }
}

async function inPostgres(port: number, statement: string): Promise<void> {
  // It listens before it takes sessions.
  const client = await eventually('PostgreSQL takes a session', () => connectedClient(port));
  await client.query(statement);
  await client.end();
}

/** Volumes in schemas of one database. */
export const POSTGRES_ENGINE = serverEngine(
  'postgres',
  startPostgres,
  async ({ port }, number) => {
    await inPostgres(port, `CREATE SCHEMA volume${number}`);
    return `postgres://postgres@127.0.0.1:${port}/postgres?sslmode=disable&search_path=volume${number}`;
  },
  exportPostgres,
);

/** Volumes in databases of their own, for clients that know no schemas. */
export const POSTGRES_DATABASE_ENGINE = serverEngine(
  'postgres',
  startPostgres,
  async ({ port }, number) => {
    await inPostgres(port, `CREATE DATABASE volume${number}`);
    return `postgres://postgres@127.0.0.1:${port}/volume${number}?sslmode=disable`;
  },
  exportPostgres,
);

/** Redis has a number of databases; a test's volumes take one after the other. */
const REDIS_DATABASES = 1000;

export const REDIS_ENGINE = serverEngine(
  'redis',
  // Written to the system with each command: a killed server loses nothing it answered.
  () => startRedis(['--databases', String(REDIS_DATABASES), '--appendfsync', 'always']),
  ({ port }, number) => `redis://127.0.0.1:${port}/${number}`,
  exportRedis,
);

export const ETCD_ENGINE = serverEngine(
  'etcd',
  startEtcd,
  ({ port }, number) => `etcd://127.0.0.1:${port}/volume${number}`,
  exportEtcd,
);
