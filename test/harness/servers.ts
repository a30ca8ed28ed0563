// Real servers for tests: each on a free port of this machine, with a private data directory, gone with the test. A server
// whose program is not installed skips its tests loudly; with PORTCULLIS_CI=1 that is a failure.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

import { connect } from 'node:net';
import { join } from 'node:path';
import { cleanEnvironment, freePort } from './gateway.ts';
import { TestProcess } from './processes.ts';
import { makeTempFolder } from './temp-folder.ts';
import { eventually } from './waiting.ts';

const READY_WITHIN_MS = 60_000;
const PORT_TRIES = 5;
/** The user that servers which refuse to run as root run as; Debian's `nobody`. */
const UNPRIVILEGED = 65534;

export interface TestServer {
  readonly port: number;
  readonly process: TestProcess;
  /** Where its data lies. */
  readonly folder: string;
  /** Kills it as a crash would; its data stays for `restart`. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** What can be started, and where Debian's packages put the programs. */
const PROGRAMS = {
  redis: ['/usr/bin/redis-server', '/usr/local/bin/redis-server'],
  mariadb: ['/usr/sbin/mariadbd', '/usr/libexec/mariadbd'],
  postgres: postgresPrograms(),
  etcd: ['/usr/bin/etcd', '/usr/local/bin/etcd'],
  slapd: ['/usr/sbin/slapd', '/usr/libexec/slapd'],
} as const;

export type ServerKind = keyof typeof PROGRAMS;

/** Whether tests with this server can run here; says so when they cannot. */
export function hasServer(kind: ServerKind): boolean {
  if (program(kind) !== undefined) return true;
  if (process.env.PORTCULLIS_CI === '1') throw new Error(`PORTCULLIS_CI=1, and no ${kind} server is installed`);
  process.stderr.write(`\nSKIPPED: tests with ${kind}, because no such server is installed here\n\n`);
  return false;
}

function postgresPrograms(): string[] {
  const versions = '/usr/lib/postgresql';
  if (!existsSync(versions)) return [];
  return readdirSync(versions).map((version) => join(versions, version, 'bin', 'postgres'));
}

function program(kind: ServerKind): string | undefined {
  return PROGRAMS[kind].find((path) => existsSync(path));
}

function requireProgram(kind: ServerKind): string {
  const path = program(kind);
  if (path === undefined) throw new Error(`no ${kind} server is installed`);
  return path;
}

/** Redis: `redis://127.0.0.1:PORT/N`, with a password `redis://:PASSWORD@…`. Extra configuration as command line arguments. */
export async function startRedis(extra: readonly string[] = []): Promise<TestServer> {
  const redis = requireProgram('redis');
  return start((folder, port) => [
    redis,
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes', ...extra],
  ]);
}

/** Files of a server's certificate and its key; whoever the server runs as must be able to read them. */
export interface ServerCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** MariaDB: user `root` without a password over TCP; `mysql://root:@(127.0.0.1:PORT)/test`. A database `test` is there. */
export async function startMariadb(tls?: ServerCertificate): Promise<TestServer> {
  const mariadbd = requireProgram('mariadb');
  return start(
    (folder, port) => [
      mariadbd,
      [
        '--no-defaults',
        '--user=nobody',
        `--datadir=${join(folder, 'data')}`,
        `--socket=${join(folder, 'mysqld.sock')}`,
        `--pid-file=${join(folder, 'mysqld.pid')}`,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        '--skip-name-resolve',
        // Written to the system with each commit; a test kills servers, not machines.
        '--innodb-flush-log-at-trx-commit=2',
        '--max-connections=400',
        `--init-file=${join(folder, 'data', 'init.sql')}`,
        ...(tls === undefined ? [] : [`--ssl-cert=${tls.certFile}`, `--ssl-key=${tls.keyFile}`]),
      ],
    ],
    (folder) => {
      run('mariadb-install-db', [
        '--no-defaults',
        '--user=nobody',
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        `--datadir=${join(folder, 'data')}`,
      ]);
      writeAs(join(folder, 'data', 'init.sql'), 'CREATE DATABASE IF NOT EXISTS test;\n');
    },
  );
}

/** PostgreSQL: user `postgres` without a password; `postgres://postgres@127.0.0.1:PORT/postgres?sslmode=disable`. */
export async function startPostgres(tls?: ServerCertificate): Promise<TestServer> {
  const postgres = requireProgram('postgres');
  return start(
    (folder, port) => [
      postgres,
      [
        ...['-D', join(folder, 'data'), '-h', '127.0.0.1', '-p', `${port}`, '-k', folder],
        // Written to the system with each commit; a test kills servers, not machines.
        ...['-c', 'max_connections=400', '-c', 'fsync=off', '-c', 'full_page_writes=off'],
        ...(tls === undefined
          ? []
          : ['-c', 'ssl=on', '-c', `ssl_cert_file=${tls.certFile}`, '-c', `ssl_key_file=${tls.keyFile}`]),
      ],
      { asUnprivileged: true },
    ],
    (folder) => {
      const initdb = join(postgres, '..', 'initdb');
      run(
        initdb,
        ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N'],
        {
          asUnprivileged: true,
        },
      );
    },
  );
}

/** etcd: `etcd://127.0.0.1:PORT/…`, one node. */
export async function startEtcd(tls?: ServerCertificate): Promise<TestServer> {
  const etcd = requireProgram('etcd');
  const peer = await freePort();
  return start((folder, port) => [
    etcd,
    [
      '--data-dir',
      join(folder, 'data'),
      ...['--listen-client-urls', `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`],
      ...['--advertise-client-urls', `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`],
      ...(tls === undefined ? [] : ['--cert-file', tls.certFile, '--key-file', tls.keyFile]),
      '--listen-peer-urls',
      `http://127.0.0.1:${peer}`,
      '--initial-advertise-peer-urls',
      `http://127.0.0.1:${peer}`,
      '--initial-cluster',
      `default=http://127.0.0.1:${peer}`,
      '--unsafe-no-fsync',
    ],
  ]);
}

/** The suffix of the directory of `startSlapd`, and who may do everything in it. */
export const LDAP_SUFFIX = 'dc=example,dc=com';
export const LDAP_ADMIN = { dn: `cn=admin,${LDAP_SUFFIX}`, password: 'ldap-admin-secret' } as const;

/**
 * OpenLDAP: `ldap://127.0.0.1:PORT`, with the entries of an LDIF below LDAP_SUFFIX. Nobody may read anything without a name.
 * @param tls files of a certificate and its key, for StartTLS; `fromStart`: for `ldaps:` and nothing else
 */
export async function startSlapd(
  ldif: string,
  tls?: { readonly cert: Buffer; readonly key: Buffer; readonly fromStart: boolean },
): Promise<TestServer> {
  const slapd = requireProgram('slapd');
  const configuration = (folder: string): string => join(folder, 'slapd.conf');
  return start(
    (folder, port) => [
      slapd,
      [
        '-h',
        `${tls?.fromStart === true ? 'ldaps' : 'ldap'}://127.0.0.1:${port}`,
        '-f',
        configuration(folder),
        '-d',
        '0',
      ],
      { asUnprivileged: true },
    ],
    (folder) => {
      const schemas = ['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`);
      writeAs(
        configuration(folder),
        [
          ...schemas,
          `pidfile ${join(folder, 'slapd.pid')}`,
          'modulepath /usr/lib/ldap',
          'moduleload back_mdb',
          'disallow bind_anon',
          'require authc',
          ...(tls === undefined
            ? []
            : [
                `TLSCertificateFile ${writeAs(join(folder, 'server.pem'), tls.cert)}`,
                `TLSCertificateKeyFile ${writeAs(join(folder, 'server.key'), tls.key)}`,
              ]),
          'database mdb',
          `suffix "${LDAP_SUFFIX}"`,
          `rootdn "${LDAP_ADMIN.dn}"`,
          `rootpw ${LDAP_ADMIN.password}`,
          `directory ${join(folder, 'data')}`,
          'access to attrs=userPassword by anonymous auth by * none',
          'access to * by users read',
          '',
        ].join('\n'),
      );
      writeAs(join(folder, 'entries.ldif'), ldif);
      run('/usr/sbin/slapadd', ['-f', configuration(folder), '-l', join(folder, 'entries.ldif')], {
        asUnprivileged: true,
      });
    },
  );
}

interface Privileges {
  /** Run as `nobody` when this process is root. */
  readonly asUnprivileged?: boolean;
}
type CommandLine = readonly [program: string, args: readonly string[], options?: Privileges];

/**
 * Starts a server of any kind in a folder of its own and waits until it listens.
 *
 * @param command the command line for a folder and a port
 * @param prepare makes its data once
 */
export async function start(
  command: (folder: string, port: number) => CommandLine,
  prepare: (folder: string) => void = () => undefined,
): Promise<TestServer> {
  const folder = makeTempFolder();
  mkdirSync(join(folder, 'data'));
  if (process.getuid?.() === 0) {
    chmodSync(folder, 0o755);
    chownSync(folder, UNPRIVILEGED, UNPRIVILEGED);
    chownSync(join(folder, 'data'), UNPRIVILEGED, UNPRIVILEGED);
  }
  prepare(folder);
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const child = launch(command(folder, port));
    try {
      await listens(child, port);
    } catch (error) {
      child.killGroup();
      if (tries < PORT_TRIES && /in use/i.test(child.log)) continue;
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    return serverOf(child, port, folder, () => launch(command(folder, port)));
  }
}

function launch([path, args, options]: CommandLine): TestProcess {
  const [file, ...rest] = unprivileged([path, ...args], options);
  return new TestProcess(file ?? path, rest, { ...cleanEnvironment(), LC_ALL: 'C' });
}

function unprivileged(words: readonly string[], options: Privileges = {}): readonly string[] {
  if (options.asUnprivileged !== true || process.getuid?.() !== 0) return words;
  return ['setpriv', `--reuid=${UNPRIVILEGED}`, `--regid=${UNPRIVILEGED}`, '--clear-groups', ...words];
}

function serverOf(first: TestProcess, port: number, folder: string, again: () => TestProcess): TestServer {
  let child = first;
  const end = async (): Promise<void> => {
    child.killGroup();
    await child.exited;
  };
  return {
    port,
    folder,
    get process() {
      return child;
    },
    kill: end,
    async restart() {
      child = again();
      await listens(child, port);
    },
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function listens(child: TestProcess, port: number): Promise<void> {
  await eventually(
    `${child.child.spawnfile} listens`,
    () => {
      if (child.exit !== undefined) throw new Error(`it ended (${JSON.stringify(child.exit)}):\n${child.log}`);
      return canConnect(port);
    },
    READY_WITHIN_MS,
  );
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

/** Runs a command that prepares a server. */
function run(path: string, args: readonly string[], options?: Privileges): void {
  const [file, ...rest] = unprivileged([path, ...args], options);
  const { status, stderr, stdout, error } = spawnSync(file ?? path, rest, {
    encoding: 'utf8',
    env: { ...cleanEnvironment(), LC_ALL: 'C' },
    cwd: '/',
  });
  if (status !== 0) throw new Error(`${path} failed (${status}): ${error?.message ?? ''}${stdout}${stderr}`);
}

function writeAs(path: string, content: string | Buffer): string {
  writeFileSync(path, content);
  if (process.getuid?.() === 0) chownSync(path, UNPRIVILEGED, UNPRIVILEGED);
  return path;
}
