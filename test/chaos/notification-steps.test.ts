// A gateway whose primary process is killed at one step after another between a request's coming and its event's delivery: on the queue's
// files (also within a write), at telling a worker that an event is taken, at talking to the target. What was answered is delivered by the
// gateways that follow, and the events of each object are in order. All steps are tried by
//   PORTCULLIS_EVERY_STEP=1 npx vitest run test/chaos/notification-steps
// and some of them otherwise; the queue's own steps are all tried in src/gateway/events/queue-crashes.test.ts.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { type EventRecord, notify } from '../harness/notifications.ts';
import { hasServer, startRedis, type TestServer } from '../harness/servers.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const EVERY_STEP = process.env.PORTCULLIS_EVERY_STEP === '1';
/** Steps that are tried otherwise, of all: one in so many. */
const ONE_IN = 12;
const PRELOADED = resolve(import.meta.dirname, '../harness/end-at-step.mjs');
const BUCKET = 'watched';
const FLAGS = ['--multi-buckets', '--workers', '2', '--authz-timeout', '30s'];

let gateway: Gateway | undefined;
let server: TestServer | undefined;
let folder = '';
logsOnFailure(() => gateway);
afterEach(async () => {
  await gateway?.dispose();
  await server?.stop();
  removeTempFolder(folder);
});

describe.skipIf(!hasServer('redis'))('a gateway that is killed', () => {
  it(
    'at any step loses no event of a request that it answered',
    async () => {
      folder = makeTempFolder();
      const redis = await startRedis();
      server = redis;
      const { metaUrl } = await formatTestVolume(folder);
      const queue = join(folder, 'queue');
      mkdirSync(queue);
      const start = async (endAt: string): Promise<Gateway> => {
        gateway = await startGateway({
          metaUrl,
          flags: FLAGS,
          env: {
            NODE_OPTIONS: `--import ${PRELOADED}`,
            END_FOLDER: queue,
            END_AT_STEP: endAt,
            END_PORT: String(redis.port),
            MINIO_NOTIFY_REDIS_ENABLE_1: 'on',
            MINIO_NOTIFY_REDIS_ADDRESS_1: `127.0.0.1:${redis.port}`,
            MINIO_NOTIFY_REDIS_KEY_1: 'events',
            MINIO_NOTIFY_REDIS_FORMAT_1: 'access',
            MINIO_NOTIFY_REDIS_QUEUE_DIR_1: queue,
          },
        });
        return gateway;
      };
      const first = await start('');
      await first.client.send({ method: 'PUT', bucket: BUCKET, keys: first.root });
      await notify(first, BUCKET, { arn: 'arn:minio:sqs::1:redis' });
      await first.stop();

      /** Key and size of each request that was answered. */
      const answered = new Set<string>();
      let size = 0;
      /** Uploads, until one is not answered; true when all were. */
      const upload = async (running: Gateway): Promise<boolean> => {
        writeFileSync(join(queue, 'begin'), '');
        for (const key of ['a', 'b', 'a']) {
          const body = Buffer.alloc(++size);
          const call = { method: 'PUT', bucket: BUCKET, key, body, keys: running.root };
          const answer = await running.client.send(call).catch(() => undefined);
          if (answer === undefined) return false;
          if (answer.status === 200) answered.add(`${key} ${size}`);
        }
        return true;
      };
      const told = async (): Promise<EventRecord[]> => {
        const client = new Redis({ port: redis.port });
        const lines = await client.lrange('events', 0, -1);
        client.disconnect();
        return lines.flatMap((line) => (JSON.parse(line) as [{ Event: EventRecord[] }])[0].Event);
      };

      // which steps there are
      const counted = await start('');
      expect(await upload(counted)).toBe(true);
      await eventually('all are delivered', async () => (await told()).length >= answered.size);
      await counted.stop();
      const steps = readFileSync(join(queue, 'steps'), 'utf8').trim().split('\n');
      expect(steps).toEqual(
        expect.arrayContaining(['datasync', 'events are taken', 'to the target', 'write delivered']),
      );

      const points = steps.flatMap((name, i) => (name.startsWith('write') ? [`${i}`, `${i} torn`] : [`${i}`]));
      const tried = EVERY_STEP ? points : points.filter((_, i) => i % ONE_IN === 4);
      let killed = 0;
      for (const point of tried) {
        rmSync(join(queue, 'begin'));
        rmSync(join(queue, 'steps'));
        const running = await start(point);
        await upload(running);
        // some steps come after the answers
        const reached = await eventually(
          `step ${point} is reached`,
          () => running.process.exit !== undefined,
          EVERY_STEP ? 5_000 : 20_000,
        ).catch(() => false);
        if (reached) killed++;
        await running.dispose();
        if (EVERY_STEP) process.stderr.write(`${point}: ${reached ? 'killed' : 'not reached'}\n`);
      }
      expect(killed).toBeGreaterThan(tried.length / 2);

      await start('');
      const missing = async (): Promise<string[]> => {
        const has = new Set((await told()).map(({ s3 }) => `${s3.object.key} ${s3.object.size}`));
        return [...answered].filter((each) => !has.has(each));
      };
      await eventually('all that was answered is delivered', async () => (await missing()).length === 0);
      const seen = new Set<string>();
      const once = (await told()).filter(({ s3 }) => !seen.has(s3.object.sequencer) && seen.add(s3.object.sequencer));
      for (const key of ['a', 'b']) {
        const sizes = once.filter(({ s3 }) => s3.object.key === key).map(({ s3 }) => s3.object.size ?? 0);
        expect(sizes, `the events of ${key}`).toEqual(sizes.toSorted((x, y) => x - y));
      }
      expect(existsSync(join(queue, 'portcullis-redis-1'))).toBe(true);
    },
    EVERY_STEP ? 1_200_000 : 180_000,
  );
});
