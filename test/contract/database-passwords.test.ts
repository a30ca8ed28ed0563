// Databases that want a password: where it may come from, that a wrong one is refused in one line, soon, and that no message
// holds one.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatVolume, openVolume, VolumeOpenError } from '../../src/juicefs/index.ts';
import { CLI, cleanEnvironment, freePort, runCli } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
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

/** What a URL must encode, what a shell would, and what a naive split would stumble over. */
const PASSWORD = 'right-S3cret@:/?#&%41 +';
const WRONG = 'wrong-S3cret@:/?#&%41 +';
const MOST_MS = 10_000;

/** A server that lets a user in by PASSWORD alone. */
interface Guarded {
  readonly server: ServerKind;
  start(): Promise<TestServer>;
  /** The META-URL with these credentials, `USER`, `USER:` or `USER:PASSWORD`. */
  url(port: number, credentials: string): string;
  readonly user: string;
}

async function redisWithUser(): Promise<TestServer> {
  const server = await startRedis();
  const admin = new Redis({ host: '127.0.0.1', port: server.port, lazyConnect: true });
  await admin.connect();
  await admin.call('ACL', 'SETUSER', 'jfs', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
  await admin.call('ACL', 'SETUSER', 'default', 'off');
  admin.disconnect();
  return server;
}

async function guardedMariadb(): Promise<TestServer> {
  const server = await startMariadb();
  const admin = await createConnection({ host: '127.0.0.1', port: server.port, user: 'root' });
  await admin.query('CREATE USER jfs@127.0.0.1 IDENTIFIED BY ?', [PASSWORD]);
  await admin.query('GRANT ALL ON test.* TO jfs@127.0.0.1');
  await admin.end();
  return server;
}

async function guardedPostgres(): Promise<TestServer> {
  const server = await startPostgres();
  const admin = await eventually('PostgreSQL takes a session', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port: server.port, user: 'postgres', database: 'postgres' });
    return client.connect().then(
      () => client,
      () => undefined,
    );
  });
  await admin.query(`CREATE ROLE jfs LOGIN PASSWORD '${PASSWORD}'`);
  await admin.query('CREATE DATABASE volumes OWNER jfs');
  const rules = join(server.folder, 'data', 'pg_hba.conf');
  writeFileSync(rules, `host all jfs 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, 'utf8')}`);
  await admin.query('SELECT pg_reload_conf()');
  await admin.end();
  return server;
}

async function guardedEtcd(): Promise<TestServer> {
  const server = await startEtcd();
  const etcdctl = (...words: readonly string[]): void => {
    execFileSync('etcdctl', [`--endpoints=127.0.0.1:${server.port}`, ...words], {
      env: { ...process.env, ETCDCTL_API: '3' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  };
  etcdctl('user', 'add', 'root', '--no-password=false', `--new-user-password=${PASSWORD}`);
  etcdctl('user', 'grant-role', 'root', 'root');
  etcdctl('auth', 'enable');
  return server;
}

const SERVERS: Readonly<Record<string, Guarded>> = {
  'redis with one password for all': {
    server: 'redis',
    start: () => startRedis(['--requirepass', PASSWORD]),
    url: (port, credentials) => `redis://${credentials}@127.0.0.1:${port}/1`,
    user: '',
  },
  'redis with users': {
    server: 'redis',
    start: redisWithUser,
    url: (port, credentials) => `redis://${credentials}@127.0.0.1:${port}/1`,
    user: 'jfs',
  },
  mariadb: {
    server: 'mariadb',
    start: guardedMariadb,
    url: (port, credentials) => `mysql://${credentials}@(127.0.0.1:${port})/test`,
    user: 'jfs',
  },
  postgres: {
    server: 'postgres',
    start: guardedPostgres,
    url: (port, credentials) => `postgres://${credentials}@127.0.0.1:${port}/volumes?sslmode=disable`,
    user: 'jfs',
  },
  etcd: {
    server: 'etcd',
    start: guardedEtcd,
    url: (port, credentials) => `etcd://${credentials}@127.0.0.1:${port}/volume`,
    user: 'root',
  },
};

describe.each(Object.entries(SERVERS).filter(([, { server }]) => hasServer(server)))('%s', (_name, guarded) => {
  let server: TestServer;
  let folder: string;
  let file: string;
  const url = (credentials: string): string => guarded.url(server.port, credentials);
  const withoutPassword = (): string => url(guarded.user);

  beforeAll(async () => {
    server = await guarded.start();
    folder = mkdtempSync(join(tmpdir(), 'portcullis-passwords-'));
    file = join(folder, 'password');
    writeFileSync(file, `${PASSWORD}\n`);
    const metaUrl = url(`${guarded.user}:${encodeURIComponent(PASSWORD)}`);
    await formatVolume(metaUrl, { name: 'guarded', bucket: join(folder, 'objects') });
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What an attempt is refused with; `opened` when it is not. */
  async function attempt(metaUrl: string, environment: Record<string, string>): Promise<string> {
    const began = performance.now();
    try {
      await (await openVolume(metaUrl, { environment, readOnly: true })).close();
      return 'opened';
    } catch (error) {
      if (!(error instanceof VolumeOpenError)) throw error;
      expect(performance.now() - began).toBeLessThan(MOST_MS);
      expect(error.message.split('\n')).toHaveLength(1);
      return `${error.code}: ${error.message}`;
    }
  }

  function expectNoSecret(text: string): void {
    for (const secret of [PASSWORD, WRONG]) {
      for (const form of [secret, encodeURIComponent(secret), encodeURI(secret), secret.slice(0, 12)]) {
        expect(text).not.toContain(form);
      }
    }
  }

  it('takes the password from the URL, META_PASSWORD, or the file of META_PASSWORD_FILE, in that order', async () => {
    const right = url(`${guarded.user}:${encodeURIComponent(PASSWORD)}`);
    expect(await attempt(right, {})).toBe('opened');
    expect(await attempt(right, { META_PASSWORD: WRONG })).toBe('opened');
    expect(await attempt(withoutPassword(), { META_PASSWORD: PASSWORD })).toBe('opened');
    expect(await attempt(url(`${guarded.user}:`), { META_PASSWORD: PASSWORD })).toBe('opened');
    expect(await attempt(withoutPassword(), { META_PASSWORD_FILE: file })).toBe('opened');
    expect(await attempt(withoutPassword(), { META_PASSWORD: WRONG, META_PASSWORD_FILE: file })).not.toBe('opened');
  });

  it('refuses a wrong or missing password in one line without it', async () => {
    const wrongFile = join(folder, 'wrong');
    writeFileSync(wrongFile, WRONG);
    const said = [
      await attempt(url(`${guarded.user}:${encodeURIComponent(WRONG)}`), {}),
      await attempt(withoutPassword(), { META_PASSWORD: WRONG }),
      await attempt(withoutPassword(), { META_PASSWORD_FILE: wrongFile }),
      await attempt(withoutPassword(), {}),
    ];
    for (const line of said) {
      expect(line).toMatch(/^DatabaseUnreachable: cannot use the database .*127\.0\.0\.1/);
      expect(line).toMatch(/password|auth|denied|WRONGPASS|user name/i);
      expectNoSecret(line);
    }
    expect(await attempt(withoutPassword(), { META_PASSWORD_FILE: join(folder, 'nowhere') })).toMatch(
      /^InvalidUrl: META_PASSWORD_FILE names .*nowhere, which cannot be read/,
    );
  });

  it('shows no password in what commands and the gateway print', { timeout: 120_000 }, async () => {
    const right = url(`${guarded.user}:${encodeURIComponent(PASSWORD)}`);
    const wrong = url(`${guarded.user}:${encodeURIComponent(WRONG)}`);
    const status = await runCli(['status', right]);
    expect(status).toMatchObject({ code: 0, output: expect.stringContaining('"Name": "guarded"') });
    const refused = await runCli(['status', withoutPassword()], { META_PASSWORD: WRONG });
    expect(refused.code).toBe(1);
    expect(refused.output.trim().split('\n')).toHaveLength(1);
    const address = `127.0.0.1:${await freePort()}`;
    const gateway = new TestProcess(
      process.execPath,
      [CLI, '--trace', 'gateway', '--metrics', '127.0.0.1:0', '--workers', '1', wrong, address],
      { ...cleanEnvironment(), MINIO_ROOT_USER: 'test-root-user', MINIO_ROOT_PASSWORD: 'test-root-password' },
    );
    try {
      const exit = await eventually('the gateway gives up', () => gateway.exit, 60_000);
      expect(exit.code, gateway.log).toBeGreaterThan(0);
      for (const text of [status.output, refused.output, gateway.log]) expectNoSecret(text);
    } finally {
      gateway.killGroup();
    }
  });
});
