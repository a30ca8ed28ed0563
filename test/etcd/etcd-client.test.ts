// The client against a real etcd: what it reads, how transactions are refused, and that a watch misses nothing over a restart.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EtcdClient, prefixEnd } from '../../src/etcd/etcd-client.ts';
import { parseEtcdUrl } from '../../src/etcd/etcd-url.ts';
import type { EtcdChange } from '../../src/etcd/etcd-watch.ts';
import { freePort } from '../harness/gateway.ts';
import { hasServer, startEtcd, type TestServer } from '../harness/servers.ts';
import { eventually } from '../harness/waiting.ts';

const b = (text: string): Buffer => Buffer.from(text);

describe.runIf(hasServer('etcd'))('the etcd client', () => {
  let server: TestServer;
  let client: EtcdClient;
  beforeAll(async () => {
    server = await startEtcd();
    client = new EtcdClient(parseEtcdUrl(`etcd://127.0.0.1:${server.port}`));
  });
  afterAll(async () => {
    client?.close();
    await server?.stop();
  });
  const put = (key: string, value: string) => client.transaction([], [{ put: b(key), value: b(value) }]);

  it('reads entries in order, by page and as they were', async () => {
    for (const key of ['r/b', 'r/a', 'r/c']) await put(key, key);
    const range = { start: b('r/'), end: prefixEnd(b('r/')) };
    const page = await client.range(range, { limit: 2 });
    expect(page.entries.map(({ key }) => key.toString())).toEqual(['r/a', 'r/b']);
    expect([page.more, page.count]).toEqual([true, 3]);
    const last = await client.range(range, { limit: 1, descending: true });
    expect(last.entries.map(({ key }) => key.toString())).toEqual(['r/c']);
    await put('r/a', 'new');
    expect((await client.get(b('r/a'), { revision: page.revision }))?.value.toString()).toBe('r/a');
    expect((await client.get(b('r/a')))?.value.toString()).toBe('new');
    expect(await client.get(b('r/none'))).toBeUndefined();
  });

  it('carries out a transaction whole, or not at all when a condition does not hold', async () => {
    const made = await client.transaction(
      [{ key: b('t/a'), modRevision: 0n }],
      [
        { put: b('t/a'), value: b('1') },
        { put: b('t/b'), value: b('1') },
      ],
    );
    expect(made.succeeded).toBe(true);
    const refused = await client.transaction(
      [{ key: b('t/a'), modRevision: 0n }],
      [{ remove: { start: b('t/'), end: prefixEnd(b('t/')) } }],
    );
    expect(refused.succeeded).toBe(false);
    expect((await client.range({ start: b('t/'), end: prefixEnd(b('t/')) })).count).toBe(2);
    const seen = await client.get(b('t/a'));
    const removed = await client.transaction(
      [{ key: b('t/a'), modRevision: seen?.modRevision ?? 0n }],
      [{ remove: { start: b('t/a') } }],
    );
    expect(removed.succeeded).toBe(true);
    expect(await client.get(b('t/a'))).toBeUndefined();
  });

  it('asks the next node when one is away, and says so when all are', async () => {
    const nobody = await freePort();
    const some = new EtcdClient(parseEtcdUrl(`etcd://127.0.0.1:${nobody},127.0.0.1:${server.port}`), {
      timeoutMs: 2_000,
    });
    await some.transaction([], [{ put: b('n/a'), value: b('1') }]);
    expect((await some.get(b('n/a')))?.value.toString()).toBe('1');
    some.close();
    const none = new EtcdClient(parseEtcdUrl(`etcd://127.0.0.1:${nobody}`), { timeoutMs: 500 });
    await expect(none.get(b('n/a'))).rejects.toMatchObject({ kind: 'unavailable' });
    none.close();
  });

  it('watches without missing or repeating a change, over a restart of the server', async () => {
    const { revision } = await put('w/0', '0');
    const seen: string[] = [];
    const name = (change: EtcdChange): string =>
      change.type === 'put' ? `${change.entry.key}=${change.entry.value}` : `${change.key} gone`;
    const watch = client.watch({ start: b('w/'), end: prefixEnd(b('w/')) }, revision + 1n, {
      onChanges: (changes) => seen.push(...changes.map(name)),
      onMissed: () => seen.push('missed'),
    });
    await put('w/1', 'a');
    await eventually('the first change', () => seen.length === 1 || undefined);
    await server.kill();
    await server.restart();
    await eventually('the server is back', async () => {
      try {
        await put('w/2', 'b');
        return true;
      } catch {
        return undefined;
      }
    });
    await client.transaction([], [{ remove: { start: b('w/1') } }]);
    await eventually('the last change', () => seen.at(-1) === 'w/1 gone' || undefined);
    watch.stop();
    expect(seen).toEqual(['w/1=a', ...seen.slice(1, -1).map(() => 'w/2=b'), 'w/1 gone']);
    expect(seen.length).toBeGreaterThanOrEqual(3);
  });
});

const ETCDCTL = '/usr/bin/etcdctl';

function hasEtcdctl(): boolean {
  if (existsSync(ETCDCTL)) return true;
  if (process.env.PORTCULLIS_CI === '1') throw new Error(`PORTCULLIS_CI=1, and there is no ${ETCDCTL}`);
  process.stderr.write(`\nSKIPPED: signing in to etcd, because there is no ${ETCDCTL} here\n\n`);
  return false;
}

describe.runIf(hasServer('etcd') && hasEtcdctl())('an etcd that wants a password', () => {
  it('is signed in to, and again when it has forgotten that', async () => {
    const server = await startEtcd();
    const ctl = (...args: string[]): void => {
      const { status, stderr } = spawnSync(ETCDCTL, ['--endpoints', `127.0.0.1:${server.port}`, ...args], {
        env: { ETCDCTL_API: '3' },
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(stderr);
    };
    const open = (user: string) => new EtcdClient(parseEtcdUrl(`etcd://${user}127.0.0.1:${server.port}`));
    const [good, bad, nobody] = [open('root:the%3Apassword@'), open('root:wrong@'), open('')];
    try {
      ctl('user', 'add', 'root:the:password');
      ctl('user', 'grant-role', 'root', 'root');
      ctl('auth', 'enable');
      await good.transaction([], [{ put: b('k'), value: b('v') }]);
      for (const other of [bad, nobody]) await expect(other.get(b('k'))).rejects.toMatchObject({ kind: 'refused' });
      await server.kill();
      await server.restart();
      expect((await good.get(b('k')))?.value.toString()).toBe('v');
    } finally {
      for (const client of [good, bad, nobody]) client.close();
      await server.stop();
    }
  });
});
