// The metadata of a golden volume in an engine of its own kind: a server started for it, with what was recorded in it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { hasServer, type ServerKind, startMariadb, startPostgres, startRedis, type TestServer } from './servers.ts';
import { eventually } from './waiting.ts';

export interface RestoredMetadata {
  readonly metaUrl: string;
  stop(): Promise<void>;
}

/** The server that the golden volumes of this name need; undefined for those on SQLite. */
export function serverOf(name: string): ServerKind | undefined {
  if (name.startsWith('redis-')) return 'redis';
  if (name.startsWith('mysql-')) return 'mariadb';
  return name.startsWith('postgres-') ? 'postgres' : undefined;
}

/** Whether the volume can be restored here; says so when it cannot. */
export function canRestore(name: string): boolean {
  const server = serverOf(name);
  return server === undefined || hasServer(server);
}

/** Restores the metadata of the volume unpacked in a folder. */
export async function restoreMetadata(folder: string): Promise<RestoredMetadata> {
  if (existsSync(join(folder, 'meta.rdb'))) {
    // As a copy of its file, in the database that it was in.
    const files = ['--dir', folder, '--dbfilename', 'meta.rdb', '--appendonly', 'no', '--save', ''];
    return restored(await startRedis(files), ({ port }) => `redis://127.0.0.1:${port}/1`);
  }
  if (existsSync(join(folder, 'meta.mysql.sql'))) {
    const server = await startMariadb();
    const sql = readFileSync(join(folder, 'meta.mysql.sql'));
    const client = ['--no-defaults', '-h', '127.0.0.1', '-P', String(server.port), '-u', 'root', 'test'];
    execFileSync('mysql', client, { input: sql, stdio: ['pipe', 'ignore', 'pipe'] });
    return restored(server, ({ port }) => `mysql://root:@(127.0.0.1:${port})/test`);
  }
  if (existsSync(join(folder, 'meta.pg.sql'))) {
    const server = await startPostgres();
    await eventually('PostgreSQL takes a session', () => takesSessions(server.port));
    const client = ['-q', '-h', '127.0.0.1', '-p', String(server.port), '-U', 'postgres', '-d', 'postgres'];
    execFileSync('psql', [...client, '-f', join(folder, 'meta.pg.sql')], { stdio: ['ignore', 'ignore', 'pipe'] });
    return restored(server, ({ port }) => `postgres://postgres@127.0.0.1:${port}/postgres?sslmode=disable`);
  }
  return { metaUrl: `sqlite3://${join(folder, 'meta.db')}`, stop: async () => undefined };
}

function restored(server: TestServer, metaUrl: (server: TestServer) => string): RestoredMetadata {
  return { metaUrl: metaUrl(server), stop: () => server.stop() };
}

/** It listens before it does. */
async function takesSessions(port: number): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError) return false;
    throw error;
  }
}
