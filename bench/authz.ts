// Decisions a second over the sidecar's unix socket: unary, on the stream, and on the stream in batches of 16, beside a bare gRPC
// echo of the same messages. What asking costs this process is told beside it: client and server share the machine.
import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Metadata } from '@grpc/grpc-js';
import {
  AuthorizationClient,
  type AuthorizeRequest,
  type AuthorizeResponse,
  type AuthorizeStreamResponse,
  type Credentials,
  Outcome,
  type RequestContext,
} from '../proto/gen/portcullis/authz/v1/authorization.ts';
import { openDecisionCall, openSidecarChannel } from '../src/client/sidecar-channel.ts';
import { createAuthzClient } from '../src/gateway/authz-client/index.ts';
import { type Child, program, startChild } from './child.ts';
import { type Measured, measure, row } from './measure.ts';

const MILLISECONDS = 4_000;
const ROOT_KEY = 'bench-root';
const SECRET = 'bench-secret-key';

/** What a question presents: a signature to verify, or a name that a trusted caller vouches for. */
type Presented = 'named' | 'signed';

const WAYS = [
  ['unary, 1 at once', 1, 1, unary],
  ['unary, 64 at once', 64, 1, unary],
  ['stream, 1 at once', 1, 1, stream],
  ['stream, 64 at once', 64, 1, stream],
  ['stream, batches of 16', 64, 16, stream],
  ["the gateway's client, 64", 64, 1, gatewayClient],
] as const;

/**
 * Runs the suite; prints a row a way of asking.
 * @param args `--json`: one JSON array and nothing else; `named` or `signed`: only those
 */
export async function run(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  const only = args.filter((arg) => arg === 'named' || arg === 'signed') as Presented[];
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  const socket = (name: string): string => `unix:${join(folder, `${name}.sock`)}`;
  const script = (name: string, ...rest: string[]): Promise<Child> =>
    startChild([program(name), ...rest], (line) => line.includes('ready'));
  const sidecar = await script('authz-sidecar', socket('authz'), ROOT_KEY, SECRET);
  const echo = await script('bare-echo', socket('echo'));
  const rows: object[] = [];
  try {
    for (const presented of only.length > 0 ? only : (['named', 'signed'] as const)) {
      const what = presented === 'named' ? 'of principals that the caller names' : 'with a SigV4 signature each';
      if (!json) process.stdout.write(`decisions ${what}, beside a bare gRPC echo\n`);
      for (const [name, concurrency, batch, make] of WAYS) {
        const both: Measured[] = [];
        for (const [address, pid] of [
          [socket('authz'), sidecar.pid],
          [socket('echo'), echo.pid],
        ] as const) {
          const { ask, close } = make(address, batch, presented);
          const measured = await measure(ask, { concurrency, milliseconds: MILLISECONDS, pids: [pid] });
          close();
          both.push({
            ...measured,
            opsPerSecond: measured.opsPerSecond * batch,
            cpuMicrosPerOp: measured.cpuMicrosPerOp / batch,
            askerMicrosPerOp: measured.askerMicrosPerOp / batch,
          });
        }
        const [ours, reference] = both as [Measured, Measured];
        rows.push({ presented, way: name, concurrency, batch, ours, reference });
        if (!json) {
          const asking = `asking ${ours.askerMicrosPerOp.toFixed(1)} µs`;
          process.stdout.write(`${row(name, ours, reference)}  ${asking}\n`);
        }
      }
    }
  } finally {
    await sidecar.end();
    await echo.end();
    rmSync(folder, { recursive: true, force: true });
  }
  if (json) process.stdout.write(`${JSON.stringify(rows)}\n`);
}

interface Asker {
  ask(): Promise<void>;
  close(): void;
}

function unary(address: string, _batch: number, presented: Presented): Asker {
  const client = new AuthorizationClient(address, credentials.createInsecure());
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        client.authorize(question(presented), (error, answer) => {
          if (error === null && isAllow(answer)) resolve();
          else reject(error ?? new Error(answer.decision?.reason));
        });
      }),
    close: () => client.close(),
  };
}

function stream(address: string, batch: number, presented: Presented): Asker {
  const client = openSidecarChannel({ address, timeoutMs: 2_000 });
  const call = openDecisionCall(client, new Metadata());
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
          ask: { $case: 'authorize' as const, value: question(presented) },
        }));
        call.write({ items });
      }),
    close: () => {
      call.cancel();
      client.close();
    },
  };
}

/** The client that the gateway asks with: it coalesces what is asked at once. */
function gatewayClient(address: string, _batch: number, presented: Presented): Asker {
  const client = createAuthzClient({ address });
  return {
    async ask() {
      const { decision } = await client.authorize(question(presented));
      if (decision.outcome !== Outcome.OUTCOME_ALLOW) throw new Error(decision.reason);
    },
    close: () => client.close(),
  };
}

function isAllow(answer: AuthorizeResponse): boolean {
  return answer.decision?.outcome === Outcome.OUTCOME_ALLOW;
}

let counter = 0;

/** A GetObject as a gateway would ask it, each for another key. */
function question(presented: Presented): AuthorizeRequest {
  const key = `folder/object-${counter++ % 10_000}`;
  const requestId = String(counter);
  return {
    credentials: presented === 'named' ? NAMED : signedBy(ROOT_KEY, key),
    accesses: [{ action: 's3:GetObject', resource: `arn:aws:s3:::bucket/${key}`, context: {}, resourceAccount: '' }],
    context: { ...CONTEXT, requestId },
    openFrames: false,
  };
}

const NAMED: Credentials = { presented: { $case: 'named', value: { accessKey: 'alice' } } };
const CONTEXT: RequestContext = {
  requestId: '',
  sourceAddress: '127.0.0.1',
  secureTransport: false,
  userAgent: 'bench',
  referer: '',
  timeMs: 0n,
  keys: {},
};

function signedBy(accessKey: string, key: string): Credentials {
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const hash = createHash('sha256').digest('hex');
  const signed = 'host;x-amz-content-sha256;x-amz-date';
  const canonical = `GET\n/bucket/${key}\n\nhost:localhost:9000\nx-amz-content-sha256:${hash}\nx-amz-date:${time}\n\n${signed}\n${hash}`;
  const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
  const signature = createHmac('sha256', signingKey(time.slice(0, 8)))
    .update(text)
    .digest('hex');
  return {
    presented: {
      $case: 'sigv4Header',
      value: {
        authorization: `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
        canonicalRequest: Buffer.from(canonical),
        unsignedHeaders: [],
      },
    },
  };
}

const keys = new Map<string, Buffer>();

function signingKey(date: string): Buffer {
  const cached = keys.get(date);
  if (cached !== undefined) return cached;
  const key = [date, 'us-east-1', 's3', 'aws4_request'].reduce<string | Buffer>(
    (secret, text) => createHmac('sha256', secret).update(text).digest(),
    `AWS4${SECRET}`,
  ) as Buffer;
  keys.set(date, key);
  return key;
}
