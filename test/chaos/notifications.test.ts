// Events and violent ends: of the gateway, and of each kind of target while requests go on. Nothing of which a request was answered may
// be missing afterwards from a target with a queue on disk, and the events of each object are in the order of its requests.
// PORTCULLIS_OUTAGE_MS=30000 makes the outages as long as they are in life; a few seconds show the same.
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { ConfigClient, type EventRecord, notify } from '../harness/notifications.ts';
import { hasServer, start, startMariadb, startPostgres, startRedis, type TestServer } from '../harness/servers.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const OUTAGE_MS = Number(process.env.PORTCULLIS_OUTAGE_MS ?? 3_000);
const EVENTS_A_SECOND = 200;
const OBJECTS = 8;
const BUCKET = 'watched';
const FLAGS = ['--multi-buckets', '--workers', '2', '--metrics', '127.0.0.1:0', '--authz-timeout', '30s'];

let gateway: Gateway | undefined;
let server: TestServer | undefined;
let folder = '';
logsOnFailure(() => gateway);

afterEach(async () => {
  await gateway?.dispose();
  await server?.stop();
  removeTempFolder(folder);
  gateway = undefined;
  server = undefined;
});

interface Target {
  /** The configuration of its target, without queue_dir. */
  readonly line: string;
  readonly arn: string;
  /** Everything it was told, in its order. */
  read(): Promise<EventRecord[]>;
}

async function redisTarget(): Promise<Target> {
  const started = await startRedis();
  server = started;
  return {
    line: `notify_redis:1 address=127.0.0.1:${started.port} format=access key=events`,
    arn: 'arn:minio:sqs::1:redis',
    async read() {
      const redis = new Redis({ port: started.port, lazyConnect: true, retryStrategy: () => null });
      redis.on('error', () => undefined);
      try {
        await redis.connect();
        const lines = await redis.lrange('events', 0, -1);
        return lines.flatMap((text) => (JSON.parse(text) as { Event: EventRecord[] }[]).flatMap(({ Event }) => Event));
      } catch {
        return []; // it is on its way up
      } finally {
        redis.disconnect();
      }
    },
  };
}

async function mariadbTarget(): Promise<Target> {
  const started = await startMariadb();
  server = started;
  return {
    line: `notify_mysql:1 dsn_string=root:@tcp(127.0.0.1:${started.port})/test table=events format=access`,
    arn: 'arn:minio:sqs::1:mysql',
    async read() {
      try {
        const connection = await createConnection({
          host: '127.0.0.1',
          port: started.port,
          user: 'root',
          database: 'test',
        });
        const [rows] = await connection.query('SELECT event_data FROM events');
        connection.destroy();
        return (rows as { event_data: { Records: EventRecord[] } }[]).flatMap(({ event_data }) => event_data.Records);
      } catch {
        return [];
      }
    },
  };
}

async function postgresTarget(): Promise<Target> {
  const started = await startPostgres();
  server = started;
  return {
    line: `notify_postgres:1 connection_string="host=127.0.0.1 port=${started.port} dbname=postgres user=postgres sslmode=disable" table=events format=access`,
    arn: 'arn:minio:sqs::1:postgresql',
    async read() {
      const client = new pg.Client({ host: '127.0.0.1', port: started.port, user: 'postgres', database: 'postgres' });
      client.on('error', () => undefined);
      try {
        await client.connect();
        const { rows } = await client.query('SELECT event_data FROM events ORDER BY ctid');
        return (rows as { event_data: { Records: EventRecord[] } }[]).flatMap(({ event_data }) => event_data.Records);
      } catch {
        return [];
      } finally {
        await client.end().catch(() => undefined);
      }
    },
  };
}

async function webhookTarget(): Promise<Target> {
  const program = resolve(import.meta.dirname, '../harness/recording-webhook.mjs');
  const started = await start((own, port) => [process.execPath, [program, `${port}`, join(own, 'posts')]]);
  server = started;
  const posts = join(started.folder, 'posts');
  return {
    line: `notify_webhook:1 endpoint=http://127.0.0.1:${started.port}/`,
    arn: 'arn:minio:sqs::1:webhook',
    async read() {
      // a line that was being written at the end was not answered
      const lines = existsSync(posts) ? readFileSync(posts, 'utf8').split('\n').slice(0, -1) : [];
      return lines.flatMap((line) => (JSON.parse(line) as { Records: EventRecord[] }).Records);
    },
  };
}

/** A gateway whose bucket notifies a target that has a queue on disk. */
async function startWatched(target: Target): Promise<{ metaUrl: string; queue: string }> {
  folder = makeTempFolder();
  const { metaUrl } = await formatTestVolume(folder);
  const queue = join(folder, 'queue');
  gateway = await startGateway({ metaUrl, flags: FLAGS });
  await gateway.client.send({ method: 'PUT', bucket: BUCKET, keys: gateway.root });
  const config = new ConfigClient(gateway);
  // a server may listen before it takes connections
  await eventually(
    'the target is configured',
    async () => (await config.set(`${target.line} queue_dir=${queue}`)).status === 200,
  );
  await config.reload();
  await notify(gateway, BUCKET, { arn: target.arn });
  return { metaUrl, queue };
}

/** Writes objects again and again, each by one writer, larger each time; what was answered is kept. */
class Writers {
  /** Key → sizes that were answered with 200. */
  readonly answered = new Map<string, number[]>();
  #ending = false;
  readonly #running: Promise<void>[] = [];
  readonly slowest = { ms: 0 };

  constructor(target: Gateway, perSecond: number) {
    for (let i = 0; i < OBJECTS; i++)
      this.#running.push(this.#write(target, `object-${i}`, (1000 * OBJECTS) / perSecond));
  }

  async end(): Promise<void> {
    this.#ending = true;
    await Promise.all(this.#running);
  }

  get count(): number {
    return [...this.answered.values()].reduce((sum, sizes) => sum + sizes.length, 0);
  }

  async #write(target: Gateway, key: string, everyMs: number): Promise<void> {
    const sizes: number[] = [];
    this.answered.set(key, sizes);
    for (let size = 1; !this.#ending; size++) {
      const started = performance.now();
      try {
        const answer = await target.client.send({
          method: 'PUT',
          bucket: BUCKET,
          key,
          body: Buffer.alloc(size),
          keys: target.root,
        });
        if (answer.status === 200) sizes.push(size);
      } catch {
        return; // the gateway is gone
      }
      const took = performance.now() - started;
      this.slowest.ms = Math.max(this.slowest.ms, took);
      await pause(Math.max(0, everyMs - took));
    }
  }
}

/** Each object's sizes as the target was told them, repetitions taken out by their sequencer. */
function sizesByKey(records: readonly EventRecord[]): Map<string, number[]> {
  const seen = new Set<string>();
  const sizes = new Map<string, number[]>();
  for (const { s3 } of records) {
    if (seen.has(s3.object.sequencer)) continue;
    seen.add(s3.object.sequencer);
    sizes.set(s3.object.key, [...(sizes.get(s3.object.key) ?? []), s3.object.size ?? 0]);
  }
  return sizes;
}

async function expectEverything(target: Target, writers: Writers): Promise<void> {
  await eventually(
    'the target has everything that was answered',
    async () => {
      const told = sizesByKey(await target.read());
      return [...writers.answered].every(([key, sizes]) => sizes.every((size) => told.get(key)?.includes(size)));
    },
    90_000,
  );
  for (const [key, sizes] of sizesByKey(await target.read())) {
    expect(sizes, `the events of ${key}`).toEqual(sizes.toSorted((a, b) => a - b));
  }
}

describe.each([
  ['redis', redisTarget],
  ['mariadb', mariadbTarget],
  ['postgres', postgresTarget],
  ['webhook', webhookTarget],
] as const)('%s', (kind, make) => {
  it.skipIf(kind !== 'webhook' && !hasServer(kind))(
    'misses nothing after it was killed and away for a while under load, and slowed nobody',
    async () => {
      const target = await make();
      await startWatched(target);
      const writers = new Writers(gateway as Gateway, EVENTS_A_SECOND);
      await pause(500);
      await server?.kill();
      await pause(OUTAGE_MS);
      const whileAway = writers.count;
      await server?.restart();
      await pause(500);
      await writers.end();
      expect(whileAway).toBeGreaterThan(20);
      expect(writers.slowest.ms).toBeLessThan(10_000);
      await expectEverything(target, writers);
    },
    180_000,
  );
});

describe.skipIf(!hasServer('redis'))('a gateway that is killed', () => {
  it('leaves on disk what its target has not got, and delivers it when it is back, whenever it was killed', async () => {
    const target = await redisTarget();
    const { metaUrl } = await startWatched(target);
    const all: Writers[] = [];
    for (const [i, afterMs] of [20, 200, 500].entries()) {
      // the target is away in one of the rounds
      if (i === 1) await server?.kill();
      const running = gateway as Gateway;
      const writers = new Writers(running, 10_000);
      await eventually('a request is answered', () => writers.count > 0);
      await pause(afterMs);
      await running.dispose();
      await writers.end();
      all.push(writers);
      if (i === 1) await server?.restart();
      gateway = await startGateway({ metaUrl, flags: FLAGS });
      await eventually(
        'it has everything',
        async () => {
          const told = (await target.read()).map(({ s3 }) => `${s3.object.key} ${s3.object.size ?? 0}`);
          const wanted = all.flatMap(({ answered }) =>
            [...answered].flatMap(([key, sizes]) => sizes.map((size) => `${key} ${size}`)),
          );
          const left = new Map<string, number>();
          for (const each of told) left.set(each, (left.get(each) ?? 0) + 1);
          return wanted.every((each) => (left.get(each) ?? 0) > 0);
        },
        60_000,
      );
    }
    expect(all.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(0);
    const sequencers = (await target.read()).map(({ s3 }) => s3.object.sequencer);
    expect([...new Set(sequencers)]).toEqual([...new Set(sequencers)].sort());
  }, 180_000);

  it('sets a damaged file of its queue aside, says which, and delivers the rest', async () => {
    const target = await redisTarget();
    const { metaUrl, queue } = await startWatched(target);
    const { client, root } = gateway as Gateway;
    await server?.kill();
    for (let i = 0; i < 5; i++)
      await client.send({ method: 'PUT', bucket: BUCKET, key: `k${i}`, body: 'x', keys: root });
    await gateway?.dispose();
    const directory = join(queue, 'portcullis-redis-1');
    const [file = ''] = readdirSync(directory).filter((name) => name.endsWith('.events'));
    truncateSync(join(directory, file), 2_000);
    writeFileSync(join(directory, '0000000000000999.events'), 'no event\n');
    await server?.restart();
    gateway = await startGateway({ metaUrl, flags: FLAGS });
    await eventually('the good events are delivered', async () => (await target.read()).length >= 2);
    expect((await target.read()).map(({ s3 }) => s3.object.key).slice(0, 2)).toEqual(['k0', 'k1']);
    const log = gateway.process.log;
    expect(log).toContain(`${file}.damaged-`);
    expect(log).toContain('0000000000000999.events.damaged-');
    expect(readdirSync(directory).filter((name) => name.includes('.damaged-'))).toHaveLength(2);
  }, 120_000);
});
