// The stores of identities that the contract suite runs on: each with a way to a fresh place, and to damage what lies there.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { Client } from 'pg';
import { EtcdClient } from '../../src/etcd/etcd-client.ts';
import { parseEtcdUrl } from '../../src/etcd/etcd-url.ts';
import { formatVolume, openVolume } from '../../src/juicefs/index.ts';
import { hasServer, startEtcd, startPostgres, type TestServer } from '../harness/servers.ts';
import { eventually } from '../harness/waiting.ts';

export interface StorePlace {
  readonly url: string;
  /** Overwrites the stored user by hand. */
  damageUser(name: string, text: string): Promise<void>;
}

export interface StoreKind {
  readonly name: string;
  readonly available: boolean;
  /** Tells of changes that others made. */
  readonly watches: boolean;
  /** All documents of a change become visible at once. */
  readonly atomic: boolean;
  /** Begins what all places share. */
  start(): Promise<void>;
  /** An empty store. */
  place(folder: string): Promise<StorePlace>;
  stop(): Promise<void>;
}

let places = 0;
const nothing = async (): Promise<void> => undefined;

const volume: StoreKind = {
  name: 'volume',
  available: true,
  watches: false,
  atomic: false,
  start: nothing,
  stop: nothing,
  async place(folder) {
    const directory = join(folder, `volume-${++places}`);
    mkdirSync(directory);
    const metaUrl = `sqlite3://${join(directory, 'meta.db')}`;
    await formatVolume(metaUrl, { name: 'identities', storage: 'file', bucket: `${join(directory, 'objects')}/` });
    return {
      url: `volume:${metaUrl}`,
      async damageUser(name, text) {
        const open = await openVolume(metaUrl, { backgroundJobs: false });
        const writer = open.create(['.minio.sys', 'config', 'iam', 'users', name, 'identity.json']);
        await writer.write(Buffer.from(text));
        await writer.commit();
        await open.close();
      },
    };
  },
};

const sqlite: StoreKind = {
  name: 'sqlite',
  available: true,
  watches: true,
  atomic: true,
  start: nothing,
  stop: nothing,
  async place(folder) {
    const path = join(folder, `identities-${++places}.db`);
    return {
      url: `sqlite:${path}`,
      async damageUser(name, text) {
        const db = new DatabaseSync(path);
        db.exec('BEGIN; UPDATE revision SET value = value + 1');
        db.prepare(
          "UPDATE documents SET text = ?, revision = (SELECT value FROM revision) WHERE kind = 'users' AND name = ?",
        ).run(text, name);
        db.exec('COMMIT');
        db.close();
      },
    };
  },
};

let postgresServer: TestServer | undefined;
const postgres: StoreKind = {
  name: 'postgres',
  available: hasServer('postgres'),
  watches: true,
  atomic: true,
  async start() {
    const server = await startPostgres();
    postgresServer = server;
    await eventually('PostgreSQL takes connections', async () => {
      const client = new Client({ connectionString: `postgres://postgres@127.0.0.1:${server.port}/postgres` });
      try {
        await client.connect();
        return true;
      } catch {
        return undefined;
      } finally {
        await client.end();
      }
    });
  },
  async stop() {
    await postgresServer?.stop();
  },
  async place() {
    const database = `identities_${++places}`;
    const server = `postgres://postgres@127.0.0.1:${postgresServer?.port}`;
    const query = async (url: string, sql: string, values: readonly string[] = []): Promise<void> => {
      const client = new Client({ connectionString: url });
      await client.connect();
      await client.query(sql, [...values]);
      await client.end();
    };
    await query(`${server}/postgres`, `CREATE DATABASE ${database}`);
    const url = `${server}/${database}`;
    return {
      url,
      async damageUser(name, text) {
        await query(url, 'UPDATE portcullis_revision SET value = value + 1');
        await query(
          url,
          "UPDATE portcullis_documents SET body = $1, revision = (SELECT value FROM portcullis_revision) WHERE kind = 'users' AND name = $2",
          [text, name],
        );
      },
    };
  },
};

let etcdServer: TestServer | undefined;
const etcd: StoreKind = {
  name: 'etcd',
  available: hasServer('etcd'),
  watches: true,
  atomic: true,
  async start() {
    etcdServer = await startEtcd();
  },
  async stop() {
    await etcdServer?.stop();
  },
  async place() {
    const url = `etcd://127.0.0.1:${etcdServer?.port}/identities-${++places}`;
    return {
      url,
      async damageUser(name, text) {
        const client = new EtcdClient(parseEtcdUrl(url));
        const key = Buffer.from(`${parseEtcdUrl(url).prefix}/documents/users/${name}`);
        await client.transaction([], [{ put: key, value: Buffer.from(`=${text}`) }]);
        client.close();
      },
    };
  },
};

export const STORE_KINDS: readonly StoreKind[] = [volume, sqlite, postgres, etcd];
