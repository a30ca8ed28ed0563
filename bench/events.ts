// PUT of 4 KiB into a bucket that notifies a Redis server through a queue on disk, beside the same PUT into one that notifies nobody:
// the same gateway (one worker), in turns, so that both meet the same machine. Needs redis-server; `webhook` as argument does without.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI, startChild } from './child.ts';
import { measure } from './measure.ts';
import { send, type Target } from './signed-request.ts';

const CONCURRENCY = 16;
const ROUNDS = 5;
const MILLISECONDS = 2_000;
const OBJECTS = 200;
const CREDENTIALS = { accessKey: 'bench-root', secretKey: 'bench-root-secret' };
const RULE =
  '<NotificationConfiguration><QueueConfiguration><Event>s3:ObjectCreated:*</Event>' +
  '<Queue>arn:minio:sqs::bench:TYPE</Queue></QueueConfiguration></NotificationConfiguration>';
const WEBHOOK =
  "require('node:http').createServer((q,s)=>{q.resume().on('end',()=>s.end())}).listen(0,'127.0.0.1',function(){console.log(this.address().port)})";

/** Runs the suite; prints ops/s with and without notifications, and their ratio. */
export async function run(args: readonly string[]): Promise<void> {
  const kind = args[0] === 'webhook' ? 'webhook' : 'redis';
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  const meta = `sqlite3://${join(folder, 'meta.db')}`;
  execFileSync(process.execPath, [CLI, 'format', '--storage', 'file', '--bucket', `${folder}/objects/`, meta, 'bench']);
  const port = await freePort();
  const redisPort = await freePort();
  const receiver =
    kind === 'webhook'
      ? await startChild(['-e', WEBHOOK], () => true)
      : await startChild(['-e', redisServer(redisPort)], (line) => line.includes('Ready to accept'));
  const gateway = await startChild(
    [CLI, 'gateway', '--multi-buckets', '--workers', '1', '--quiet', meta, `127.0.0.1:${port}`],
    (line) => line.startsWith('SQS ARNs'),
    {
      MINIO_ROOT_USER: CREDENTIALS.accessKey,
      MINIO_ROOT_PASSWORD: CREDENTIALS.secretKey,
      [`MINIO_NOTIFY_${kind.toUpperCase()}_ENABLE_bench`]: 'on',
      [`MINIO_NOTIFY_${kind.toUpperCase()}_QUEUE_DIR_bench`]: join(folder, 'queue'),
      MINIO_NOTIFY_WEBHOOK_ENDPOINT_bench: `http://127.0.0.1:${receiver.firstLine}`,
      MINIO_NOTIFY_REDIS_ADDRESS_bench: `127.0.0.1:${redisPort}`,
      MINIO_NOTIFY_REDIS_KEY_bench: 'events',
    },
  );
  try {
    const target: Target = { host: '127.0.0.1', port, ...CREDENTIALS };
    for (const bucket of ['told', 'untold']) await send(target, 'PUT', `/${bucket}`);
    await send(target, 'PUT', '/told?notification=', Buffer.from(RULE.replace('TYPE', kind)));
    const body = randomBytes(4 << 10);
    const rates: Record<'told' | 'untold', number[]> = { told: [], untold: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const bucket of ['untold', 'told'] as const) {
        let next = 0;
        const put = async (): Promise<void> => {
          await send(target, 'PUT', `/${bucket}/${next++ % OBJECTS}`, body);
        };
        const { opsPerSecond } = await measure(put, { concurrency: CONCURRENCY, milliseconds: MILLISECONDS, pids: [] });
        rates[bucket].push(opsPerSecond);
      }
    }
    const [told, untold] = [median(rates.told), median(rates.untold)];
    process.stdout.write(
      `PUT 4 KiB, ${CONCURRENCY} at once, median of ${ROUNDS} rounds: ${told.toFixed(0)}/s with a queue on disk, ` +
        `${untold.toFixed(0)}/s without notifications, ratio ${(told / untold).toFixed(2)}\n`,
    );
  } finally {
    await gateway.end();
    await receiver.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A program that runs a Redis server as long as it runs itself. */
function redisServer(port: number): string {
  const args = JSON.stringify(['--port', `${port}`, '--bind', '127.0.0.1', '--save', '']);
  return `const c=require('node:child_process').spawn('redis-server',${args},{stdio:['ignore','inherit','inherit']});process.on('SIGTERM',()=>{c.kill();process.exit()})`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
