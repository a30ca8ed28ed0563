// A volume on more than one Redis server: behind Sentinel, through a failover, and in a cluster with its keys in one slot.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { openVolume, type Volume } from '../../src/juicefs/index.ts';
import { freePort } from '../harness/gateway.ts';
import { hasServer, start, startRedis, type TestServer } from '../harness/servers.ts';
import { eventually } from '../harness/waiting.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';

const running: TestServer[] = [];
let made: TemporaryVolume | undefined;
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
  made?.remove();
});

async function run(starting: Promise<TestServer>): Promise<TestServer> {
  const server = await starting;
  running.push(server);
  return server;
}

async function ask(port: number, ...command: [string, ...string[]]): Promise<unknown> {
  const redis = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await redis.call(...command);
  } finally {
    redis.disconnect();
  }
}

async function put(volume: Volume, name: string): Promise<void> {
  const writer = volume.create(['d', name]);
  await writer.write(Buffer.from(name));
  await writer.commit();
}

async function names(volume: Volume): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of volume.list(['d'])) found.push(name);
  return found;
}

/** An engine whose one address is known already. */
const at = (metaUrl: string) => ({
  name: 'redis',
  newMetaUrl: async () => metaUrl,
  database: async () => '',
  server: undefined,
  stop: async () => undefined,
});

describe.skipIf(!hasServer('redis'))('a volume on several Redis servers', () => {
  it('is found through any node of a cluster, and keeps all keys in one slot', async () => {
    const nodes: TestServer[] = [];
    for (let i = 0; i < 3; i++) {
      const bus = await freePort();
      const words = ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--appendonly', 'no'];
      nodes.push(await run(startRedis(words)));
    }
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    execFileSync('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'], { stdio: 'pipe' });
    for (const { port } of nodes) {
      await eventually('the cluster is ready', async () =>
        String(await ask(port, 'CLUSTER', 'INFO')).includes('cluster_state:ok'),
      );
    }
    made = await makeVolume({ trashDays: 0 }, at(`redis://${addresses[0]}/3`));
    // Each node alone, and all of them as seeds.
    const urls = [...addresses, addresses.join(',')].map((address) => `redis://${address}/3`);
    for (const [i, url] of urls.entries()) {
      const volume = await openVolume(url);
      await put(volume, `f${i}`);
      expect(await names(volume)).toEqual(urls.slice(0, i + 1).map((_, n) => `f${n}`));
      await volume.rename(['d', `f${i}`], ['d', `f${i}`]);
      await volume.close();
    }
    const keys = await Promise.all(nodes.map(async ({ port }) => (await ask(port, 'KEYS', '*')) as string[]));
    expect(keys.flat().every((key) => key.startsWith('{3}'))).toBe(true);
    expect(keys.filter((list) => list.length > 0)).toHaveLength(1);
  });

  it('goes on after a failover that Sentinel makes', { timeout: 120_000 }, async () => {
    const master = await run(startRedis());
    const replica = await run(startRedis(['--replicaof', '127.0.0.1', `${master.port}`]));
    const sentinel = await run(
      start(
        (folder, port) => ['/usr/bin/redis-sentinel', [join(folder, 'data', 'sentinel.conf'), '--port', `${port}`]],
        (folder) => {
          const settings = [
            `sentinel monitor ours 127.0.0.1 ${master.port} 1`,
            'sentinel down-after-milliseconds ours 500',
            'sentinel failover-timeout ours 2000',
          ];
          writeFileSync(join(folder, 'data', 'sentinel.conf'), `${settings.join('\n')}\n`);
        },
      ),
    );
    await eventually('the sentinel knows the replica', async () =>
      String(await ask(sentinel.port, 'SENTINEL', 'replicas', 'ours')).includes(String(replica.port)),
    );
    const url = `redis://ours,127.0.0.1:${sentinel.port}/1`;
    made = await makeVolume({ trashDays: 0 }, at(url));
    const volume = await openVolume(url);
    await put(volume, 'before');
    await eventually('the replica has it', async () =>
      String(await ask(replica.port, 'INFO', 'keyspace')).includes('db1'),
    );
    expect(await ask(master.port, 'WAIT', '1', '5000')).toBeDefined();
    await master.kill();
    await put(volume, 'after');
    expect(await names(volume)).toEqual(['after', 'before']);
    expect(String(await ask(replica.port, 'ROLE'))).toMatch(/^master/);
    await volume.close();
  });
});
