// What an S3 operation costs the gateway (one worker, its sidecar, and the metadata engine where that is a process), in CPU time, beside
// a bare fastify that answers the same bytes and stores nothing.
// npm run bench -- gateway [--redis] [--only WORD] [--warm-up SECONDS] [--other HOST:PORT=PID[,PID]]: on SQLite, or on a Redis of its
// own; only the operations whose names begin so; after so long without measuring, instead of less than one second; another S3 server
// with the same root credentials, as a third side.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis } from '../test/harness/servers.ts';
import { CLI, program, startChild } from './child.ts';
import { cpuSeconds, type Measured, measure, row } from './measure.ts';
import { send, type Target } from './signed-request.ts';

const CONCURRENCY = 16;
const MILLISECONDS = 4_000;
const OBJECTS = 200;
const LARGE_OBJECTS = 4;
const DELETE_BATCHES = 100;
/** Batches before those that are measured: the code is compiled by then. */
const DELETE_WARM_UP = 30;
const DELETE_KEYS = 100;
const CREDENTIALS = { accessKey: 'bench-root', secretKey: 'bench-root-secret' };
const BUCKET = '/bench-bucket';

/** A server under load, and the processes whose CPU time counts. */
interface Side {
  readonly target: Target;
  readonly pids: readonly number[];
}

/** Runs the suite; prints a row an operation and size. */
export async function run(args: readonly string[]): Promise<void> {
  const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '') : '';
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  const warmUp = args.includes('--warm-up') ? Number(args[args.indexOf('--warm-up') + 1]) * 1000 : undefined;
  const other = args.includes('--other') ? otherSide(args[args.indexOf('--other') + 1] ?? '') : undefined;
  const onRedis = args.includes('--redis');
  const redis = onRedis ? await startRedis() : undefined;
  const meta = redis === undefined ? `sqlite3://${join(folder, 'meta.db')}` : `redis://127.0.0.1:${redis.port}/0`;
  execFileSync(process.execPath, [CLI, 'format', '--storage', 'file', '--bucket', `${folder}/objects/`, meta, 'bench']);
  const port = await freePort();
  const gateway = await startChild(
    [CLI, 'gateway', '--multi-buckets', '--keep-etag', '--workers', '1', '--quiet', meta, `127.0.0.1:${port}`],
    (line) => line.startsWith('Endpoint'),
    { MINIO_ROOT_USER: CREDENTIALS.accessKey, MINIO_ROOT_PASSWORD: CREDENTIALS.secretKey },
  );
  const bare = await startChild([program('bare-fastify')], (line) => line.includes('port'));
  try {
    const ours: Target = { host: '127.0.0.1', port, ...CREDENTIALS };
    const reference: Target = { ...ours, port: (JSON.parse(bare.firstLine) as { port: number }).port };
    const engine = redis === undefined ? [] : [redis.process.pid];
    await send(ours, 'PUT', BUCKET);
    process.stdout.write(
      `gateway on ${redis === undefined ? 'SQLite' : 'Redis'} beside a bare fastify, ${CONCURRENCY} at once; cpu: the gateway, its sidecar${redis === undefined ? '' : ' and Redis'}\n`,
    );
    const sides: Sides = [
      { target: ours, pids: [gateway.pid, ...descendants(gateway.pid), ...engine] },
      { target: reference, pids: [bare.pid] },
      ...(other === undefined ? [] : [other]),
    ];
    if (other !== undefined) await makeBucket(other.target);
    for (const size of [4 << 10, 1 << 20, 16 << 20]) await transfers(size, sides, only, warmUp);
    if ('LIST'.startsWith(only)) await listing(sides);
    if ('DELETE'.startsWith(only)) await deleting(sides);
    const most = Math.max(...descendants(gateway.pid).map(mostResident));
    process.stdout.write(`most memory that a process of the gateway held: ${most} MiB\n`);
  } finally {
    await gateway.end();
    await bare.end();
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Another server may have the bucket from a run before. */
async function makeBucket(target: Target): Promise<void> {
  try {
    await send(target, 'PUT', BUCKET);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('BucketAlreadyOwnedByYou')) throw error;
  }
}

type Sides = readonly [ours: Side, reference: Side, ...others: readonly Side[]];

/** HOST:PORT=PID[,PID]: where a server is, and its processes. */
function otherSide(text: string): Side {
  const match = /^(.+):(\d+)=(\d+(?:,\d+)*)$/.exec(text);
  if (match === null) throw new Error(`--other is HOST:PORT=PID[,PID], not ${JSON.stringify(text)}`);
  const [, host = '', port, pids = ''] = match;
  return { target: { host, port: Number(port), ...CREDENTIALS }, pids: pids.split(',').map(Number) };
}

/** PUT, GET and HEAD of objects of one size. */
async function transfers(size: number, sides: Sides, only: string, warmUp: number | undefined): Promise<void> {
  const body = randomBytes(size);
  const objects = size > 4 << 20 ? LARGE_OBJECTS : OBJECTS;
  const name = size < 1 << 20 ? `${size >> 10} KiB` : `${size >> 20} MiB`;
  for (const method of ['PUT', 'GET', 'HEAD'].filter((each) => each.startsWith(only))) {
    let next = 0;
    await compare(`${method} ${name}`, sides, {
      async prepare(target) {
        if (method === 'PUT') return;
        for (let i = 0; i < objects; i++) await send(target, 'PUT', `${BUCKET}/${size}/${i}`, body);
      },
      async operation(target) {
        await send(target, method, `${BUCKET}/${size}/${next++ % objects}`, method === 'PUT' ? body : undefined);
      },
      warmUp,
    });
  }
}

/** Listings of 200 keys; the reference sends as many bytes. */
async function listing(sides: Sides): Promise<void> {
  const path = `${BUCKET}?list-type=2&prefix=list%2F`;
  let answer: Buffer = Buffer.alloc(0);
  await compare('LIST 200 keys', sides, {
    async prepare(target) {
      if (target === sides[1].target) {
        await send(target, 'PUT', path, answer);
        return;
      }
      for (let i = 0; i < OBJECTS; i++) await send(target, 'PUT', `${BUCKET}/list/${i}`, Buffer.alloc(0));
      answer = await send(target, 'GET', path);
    },
    async operation(target) {
      await send(target, 'GET', path);
    },
  });
}

/** DeleteObjects of 100 keys; the reference says that they are gone. */
async function deleting(sides: Sides): Promise<void> {
  const all: number[] = [];
  for (const side of sides) all.push(await deletion(side, side === sides[1]));
  const [ours = 0, reference = 0, ...others] = all;
  const ratio = reference === 0 ? Number.NaN : ours / reference;
  process.stdout.write(
    `${`DELETE ${DELETE_KEYS} keys`.padEnd(24)} cpu ${ours.toFixed(0)} µs   reference cpu ${reference.toFixed(0)} µs   cpu ratio ${ratio.toFixed(2)}   ${perCpuSecond(ours)}${others.map(beside).join('')}\n`,
  );
}

/** CPU microseconds of a deletion of 100 keys. What is gone cannot be removed twice, so there are as many keys as are removed. */
async function deletion({ target, pids }: Side, isReference: boolean): Promise<number> {
  const key = (batch: number, i: number): string => `del/${batch}-${i}`;
  const batches = DELETE_WARM_UP + DELETE_BATCHES;
  for (let batch = 0; batch < batches && !isReference; batch++) {
    const puts = Array.from({ length: DELETE_KEYS }, (_, i) =>
      send(target, 'PUT', `${BUCKET}/${key(batch, i)}`, Buffer.alloc(0)),
    );
    await Promise.all(puts);
  }
  let next = 0;
  const remove = async (end: number): Promise<void> => {
    while (next < end) {
      const batch = next++;
      const objects = Array.from({ length: DELETE_KEYS }, (_, i) => `<Object><Key>${key(batch, i)}</Key></Object>`);
      const document = `<Delete><Quiet>true</Quiet>${objects.join('')}</Delete>`;
      await send(target, 'POST', `${BUCKET}?delete=`, Buffer.from(document));
    }
  };
  const upTo = (end: number): Promise<unknown> => Promise.all(Array.from({ length: CONCURRENCY }, () => remove(end)));
  await upTo(DELETE_WARM_UP);
  const before = cpuSeconds(pids);
  await upTo(batches);
  return ((cpuSeconds(pids) - before) / DELETE_BATCHES) * 1e6;
}

async function compare(
  name: string,
  sides: Sides,
  load: {
    prepare(target: Target): Promise<void>;
    operation(target: Target): Promise<void>;
    warmUp?: number | undefined;
  },
): Promise<void> {
  const both: Measured[] = [];
  for (const { target, pids } of sides) {
    await load.prepare(target);
    const operation = (): Promise<void> => load.operation(target);
    both.push(
      await measure(operation, { concurrency: CONCURRENCY, milliseconds: MILLISECONDS, warmUp: load.warmUp, pids }),
    );
  }
  const [ours, reference, ...others] = both as [Measured, Measured, ...Measured[]];
  const besides = others.map(({ cpuMicrosPerOp }) => beside(cpuMicrosPerOp)).join('');
  process.stdout.write(`${row(name, ours, reference)}   ${perCpuSecond(ours.cpuMicrosPerOp)}${besides}\n`);
}

/** Operations a second of CPU time. */
function perCpuSecond(micros: number): string {
  return `${(1e6 / micros).toFixed(0)} a CPU second`;
}

/** The column of another server. */
function beside(micros: number): string {
  return `   other ${perCpuSecond(micros)}`;
}

/** The most memory that a process has held, MiB. Linux. */
function mostResident(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib ?? 0) / 1024);
}

/** All processes below one. Linux. */
function descendants(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .flatMap((name) => [Number(name), ...descendants(Number(name))]);
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch (error) {
    // A process may end between the listing and the read.
    if (error instanceof Error) return -1;
    throw error;
  }
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
