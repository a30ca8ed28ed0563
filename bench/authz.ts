// Decisions a second over the sidecar's unix socket: unary, on the stream, and on the stream in batches of 16, beside a bare gRPC
// echo of the same messages.
import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import {
  AuthorizationClient,
  AuthorizeRequest,
  type AuthorizeResponse,
  AuthorizeStreamRequest,
  type AuthorizeStreamResponse,
  Outcome,
} from '../proto/gen/portcullis/authz/v1/authorization.ts';
import { CLI, ROOT, startChild } from './child.ts';
import { type Measured, measure, row } from './measure.ts';

const MILLISECONDS = 4_000;
const ROOT_KEY = 'bench-root';
const ROOT_SECRET = 'bench-root-secret';

/** Runs the suite; prints a row a way of asking. */
export async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  const socket = (name: string): string => `unix:${join(folder, `${name}.sock`)}`;
  const sidecar = await startChild(
    [CLI, 'authz', '--supervised', '--listen', socket('authz'), '--store', 'none:'],
    (line) => line.includes('ready'),
    { MINIO_ROOT_USER: ROOT_KEY, MINIO_ROOT_PASSWORD: ROOT_SECRET },
  );
  const echo = await startChild(['--import', 'tsx', join(ROOT, 'bench', 'bare-echo.ts'), socket('echo')], (line) =>
    line.includes('ready'),
  );
  try {
    process.stdout.write('decisions with a SigV4 signature each, beside a bare gRPC echo\n');
    const ours = new AuthorizationClient(socket('authz'), credentials.createInsecure());
    const reference = new AuthorizationClient(socket('echo'), credentials.createInsecure());
    for (const [name, concurrency, batch, make] of [
      ['unary, 1 at once', 1, 1, unary],
      ['unary, 64 at once', 64, 1, unary],
      ['stream, 1 at once', 1, 1, stream],
      ['stream, 64 at once', 64, 1, stream],
      ['stream, batches of 16', 64, 16, stream],
    ] as const) {
      const both: Measured[] = [];
      for (const [client, pid] of [
        [ours, sidecar.pid],
        [reference, echo.pid],
      ] as const) {
        const { ask, close } = make(client, batch);
        const measured = await measure(ask, { concurrency, milliseconds: MILLISECONDS, pids: [pid] });
        close();
        both.push({
          ...measured,
          opsPerSecond: measured.opsPerSecond * batch,
          cpuMicrosPerOp: measured.cpuMicrosPerOp / batch,
        });
      }
      process.stdout.write(`${row(name, both[0] as Measured, both[1] as Measured)}\n`);
    }
    ours.close();
    reference.close();
  } finally {
    await sidecar.end();
    await echo.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Asker {
  ask(): Promise<void>;
  close(): void;
}

function unary(client: AuthorizationClient): Asker {
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        client.authorize(question(), (error, answer) => {
          if (error === null && isAllow(answer)) resolve();
          else reject(error ?? new Error(answer.decision?.reason));
        });
      }),
    close: () => undefined,
  };
}

function stream(client: AuthorizationClient, batch: number): Asker {
  const call = client.authorizeStream();
  const waiting = new Map<bigint, { left: number; resolve: () => void; reject: (error: Error) => void }>();
  let next = 0n;
  call.on('error', () => undefined);
  call.on('data', (message: AuthorizeStreamResponse) => {
    for (const item of message.items) {
      const group = item.id / 16n;
      const entry = waiting.get(group);
      if (entry === undefined) continue;
      if (item.answer?.$case !== 'authorize' || !isAllow(item.answer.value)) {
        entry.reject(new Error('not allowed'));
      } else if (--entry.left === 0) {
        waiting.delete(group);
        entry.resolve();
      }
    }
  });
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        const group = next++;
        waiting.set(group, { left: batch, resolve, reject });
        const items = Array.from({ length: batch }, (_, i) => ({
          id: group * 16n + BigInt(i),
          ask: { $case: 'authorize' as const, value: question() },
        }));
        call.write(AuthorizeStreamRequest.fromPartial({ items }));
      }),
    close: () => call.cancel(),
  };
}

function isAllow(answer: AuthorizeResponse): boolean {
  return answer.decision?.outcome === Outcome.OUTCOME_ALLOW;
}

let counter = 0;

/** A GetObject as a gateway would ask it, signed, each for another key. */
function question(): AuthorizeRequest {
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const key = `folder/object-${counter++ % 10_000}`;
  const hash = createHash('sha256').digest('hex');
  const signed = 'host;x-amz-content-sha256;x-amz-date';
  const canonical = `GET\n/bucket/${key}\n\nhost:localhost:9000\nx-amz-content-sha256:${hash}\nx-amz-date:${time}\n\n${signed}\n${hash}`;
  const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const signature = createHmac('sha256', signingKey(time.slice(0, 8)))
    .update(text)
    .digest('hex');
  return AuthorizeRequest.fromPartial({
    credentials: {
      presented: {
        $case: 'sigv4Header',
        value: {
          authorization: `AWS4-HMAC-SHA256 Credential=${ROOT_KEY}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
          canonicalRequest: Buffer.from(canonical),
        },
      },
    },
    accesses: [{ action: 's3:GetObject', resource: `arn:aws:s3:::bucket/${key}` }],
    context: { requestId: String(counter), sourceAddress: '127.0.0.1', userAgent: 'bench' },
  });
}

const keys = new Map<string, Buffer>();

function signingKey(date: string): Buffer {
  const cached = keys.get(date);
  if (cached !== undefined) return cached;
  const key = [date, 'us-east-1', 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, text) => createHmac('sha256', secret).update(text).digest(),
    `AWS4${ROOT_SECRET}`,
  ) as Buffer;
  keys.set(date, key);
  return key;
}
