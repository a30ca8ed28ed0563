// Databases behind TLS: a volume is made and used over it, and a certificate that proves nothing is refused, unless the META-URL
// says that any will do.
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatVolume, openVolume, VolumeOpenError } from '../../src/juicefs/index.ts';
import { TestAuthority } from '../harness/certificates.ts';
import { freePort } from '../harness/gateway.ts';
import {
  hasServer,
  type ServerCertificate,
  type ServerKind,
  startEtcd,
  startMariadb,
  startPostgres,
  startRedis,
  type TestServer,
} from '../harness/servers.ts';
import { eventually } from '../harness/waiting.ts';

/** Debian's `nobody`, who runs the servers. */
const SERVERS_USER = 65534;

interface Encrypted {
  /** The server, and the port where it speaks TLS. */
  start(certificate: ServerCertificate): Promise<{ server: TestServer; port: number }>;
  /** A META-URL; of the authority to trust, if it may name one. */
  readonly trusting: ((port: number, authority: string) => string) | undefined;
  /** One that trusts nobody it does not know. */
  wary(port: number): string;
  /** One that trusts anybody. */
  careless(port: number): string;
}

const same = (server: TestServer): { server: TestServer; port: number } => ({ server, port: server.port });

const ENGINES: Readonly<Record<Exclude<ServerKind, 'slapd'>, Encrypted>> = {
  redis: {
    start: async ({ certFile, keyFile }) => {
      const port = await freePort();
      const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-auth-clients', 'no'];
      return { server: await startRedis(['--tls-port', `${port}`, ...files]), port };
    },
    trusting: (port, authority) => `rediss://127.0.0.1:${port}/1?tls-ca-cert-file=${authority}`,
    wary: (port) => `rediss://127.0.0.1:${port}/1`,
    careless: (port) => `rediss://127.0.0.1:${port}/1?insecure-skip-verify=true`,
  },
  mariadb: {
    start: async (certificate) => same(await startMariadb(certificate)),
    // As in the Go client, whom to trust is the system's choice.
    trusting: undefined,
    wary: (port) => `mysql://root:@(127.0.0.1:${port})/test?tls=true`,
    careless: (port) => `mysql://root:@(127.0.0.1:${port})/test?tls=skip-verify`,
  },
  postgres: {
    start: async (certificate) => same(await startPostgres(certificate)),
    trusting: (port, authority) =>
      `postgres://postgres@127.0.0.1:${port}/postgres?sslmode=verify-full&sslrootcert=${authority}`,
    wary: (port) => `postgres://postgres@127.0.0.1:${port}/postgres?sslmode=verify-full`,
    careless: (port) => `postgres://postgres@127.0.0.1:${port}/postgres?sslmode=require`,
  },
  etcd: {
    start: async (certificate) => same(await startEtcd(certificate)),
    trusting: (port, authority) => `etcd://127.0.0.1:${port}/volume?cacert=${authority}`,
    wary: (port) => `etcd://127.0.0.1:${port}/volume?server-name=localhost`,
    careless: (port) => `etcd://127.0.0.1:${port}/volume?insecure-skip-verify=true`,
  },
};

const installed = (Object.entries(ENGINES) as [ServerKind, Encrypted][]).filter(([kind]) => hasServer(kind));

describe.each(installed)('%s over TLS', (_kind, engine) => {
  let folder: string;
  let authority: TestAuthority;
  let server: TestServer;
  let port: number;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'portcullis-tls-'));
    chmodSync(folder, 0o755);
    authority = new TestAuthority(folder, 'authority');
    const certificate = authority.issue('server', 'serverAuth');
    if (process.getuid?.() === 0) chownSync(certificate.keyFile, SERVERS_USER, SERVERS_USER);
    ({ server, port } = await engine.start(certificate));
  }, 120_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const used = async (url: string): Promise<string> => {
    const volume = await openVolume(url);
    try {
      const file = volume.create(['file']);
      await file.write(Buffer.from('written over TLS'));
      await file.commit();
      return (await volume.stat(['file'])).size.toString();
    } finally {
      await volume.close();
    }
  };

  it('keeps a volume, and proves who it is', { timeout: 60_000 }, async () => {
    const careless = engine.careless(port);
    // A server that listens may still be on its way to take anybody in.
    await eventually('the server takes a volume', () =>
      formatVolume(careless, { name: 'encrypted', bucket: join(folder, 'objects'), noUpdate: true }).then(
        () => true,
        (error: unknown) => {
          if (error instanceof VolumeOpenError && error.code === 'DatabaseUnreachable') return undefined;
          throw error;
        },
      ),
    );
    expect(await used(careless)).toBe('16');
    if (engine.trusting !== undefined) expect(await used(engine.trusting(port, authority.certFile))).toBe('16');
    await expect(used(engine.wary(port))).rejects.toThrow(VolumeOpenError);
  });
});
