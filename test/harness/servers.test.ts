// The servers that other tests rely on start, keep what they were given over a crash, and leave nothing behind.
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  hasServer,
  LDAP_SUFFIX,
  type ServerKind,
  startEtcd,
  startMariadb,
  startPostgres,
  startRedis,
  startSlapd,
  type TestServer,
} from './servers.ts';

const STARTERS: Readonly<Record<ServerKind, () => Promise<TestServer>>> = {
  redis: startRedis,
  mariadb: startMariadb,
  postgres: startPostgres,
  etcd: startEtcd,
  slapd: () =>
    startSlapd(`dn: ${LDAP_SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`),
};

for (const kind of Object.keys(STARTERS) as ServerKind[]) {
  test.skipIf(!hasServer(kind))(`${kind} starts, survives a crash, and is gone after the test`, async () => {
    const server = await STARTERS[kind]();
    await server.kill();
    await server.restart();
    const { pid } = server.process;
    await server.stop();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(server.folder)).toBe(false);
  });
}
