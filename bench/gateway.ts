// PUT, GET and HEAD of 4 KiB and 1 MiB objects through the gateway (one worker, its sidecar, SQLite and local files), beside a bare
// fastify that answers the same bytes. CPU counts all processes of the gateway.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI, ROOT, startChild } from './child.ts';
import { type Measured, measure, row } from './measure.ts';
import { send, type Target } from './signed-request.ts';

const CONCURRENCY = 16;
const MILLISECONDS = 4_000;
const OBJECTS = 200;
const CREDENTIALS = { accessKey: 'bench-root', secretKey: 'bench-root-secret' };

/** Runs the suite; prints a row an operation and size. */
export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  const meta = `sqlite3://${join(folder, 'meta.db')}`;
  execFileSync(process.execPath, [CLI, 'format', '--storage', 'file', '--bucket', `${folder}/objects/`, meta, 'bench']);
  const port = await freePort();
  const gateway = await startChild(
    [CLI, 'gateway', '--multi-buckets', '--keep-etag', '--workers', '1', '--quiet', meta, `127.0.0.1:${port}`],
    (line) => line.startsWith('Endpoint'),
    { MINIO_ROOT_USER: CREDENTIALS.accessKey, MINIO_ROOT_PASSWORD: CREDENTIALS.secretKey },
  );
  const bare = await startChild(['--import', 'tsx', join(ROOT, 'bench', 'bare-fastify.ts')], (line) =>
    line.includes('port'),
  );
  try {
    const ours: Target = { host: '127.0.0.1', port, ...CREDENTIALS };
    const reference: Target = { ...ours, port: (JSON.parse(bare.firstLine) as { port: number }).port };
    const ourPids = [gateway.pid, ...descendants(gateway.pid)];
    await send(ours, 'PUT', '/bench-bucket');
    process.stdout.write(`gateway beside a bare fastify, ${CONCURRENCY} at once\n`);
    for (const size of [4 << 10, 1 << 20]) {
      const body = randomBytes(size);
      let next = 0;
      const path = (): string => `/bench-bucket/${size}/${next++ % OBJECTS}`;
      for (const method of ['PUT', 'GET', 'HEAD']) {
        const both: Measured[] = [];
        for (const [target, pids] of [
          [ours, ourPids],
          [reference, [bare.pid]],
        ] as const) {
          if (method === 'GET')
            for (let i = 0; i < OBJECTS; i++) await send(target, 'PUT', `/bench-bucket/${size}/${i}`, body);
          const operation = async (): Promise<void> => {
            await send(target, method, path(), method === 'PUT' ? body : undefined);
          };
          both.push(await measure(operation, { concurrency: CONCURRENCY, milliseconds: MILLISECONDS, pids }));
        }
        process.stdout.write(`${row(`${method} ${size >> 10} KiB`, both[0] as Measured, both[1] as Measured)}\n`);
      }
    }
  } finally {
    await gateway.end();
    await bare.end();
    rmSync(folder, { recursive: true, force: true });
  }
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
