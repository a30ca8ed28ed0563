// The sidecar over a real unix socket, by the generated client and by an independent reader of the .proto.

import { spawn } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { credentials, loadPackageDefinition, Metadata, status } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  AuthorizationClient,
  AuthorizeRequest,
  type AuthorizeResponse,
  type AuthorizeStreamRequest_Item,
  type AuthorizeStreamResponse,
  type AuthorizeStreamResponse_Item,
  Frame_Kind,
  Outcome,
  Principal_Type,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { BucketConfigurationClient } from '../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { DRAIN_MS } from '../../src/authz/grpc/server.ts';
import { type RunningAuthz, type ServeAuthzOptions, serveAuthz } from '../../src/cli/authz.ts';
import { anonymousCredentials, headerCredentials, signHeader, timeText } from './signing-client.ts';

const ROOT = { accessKey: 'rootuser', secretKey: 'root-secret-1' };
const PROTO = resolve(import.meta.dirname, '../../proto');
const GET = {
  action: 's3:GetObject',
  resource: 'arn:aws:s3:::photos/a.jpg',
  context: {} as Record<string, { values: string[] }>,
  resourceAccount: '',
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-test-'));
});
const stopping: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(options: Partial<ServeAuthzOptions> = {}): Promise<RunningAuthz> {
  const running = await serveAuthz({
    listen: `unix:${join(directory, 'authz.sock')}`,
    store: 'none:',
    root: ROOT,
    logger: pino({ level: 'silent' }),
    ...options,
  });
  stopping.push(() => running.stop());
  return running;
}

function clientOf(running: RunningAuthz): AuthorizationClient {
  const client = new AuthorizationClient(running.address, credentials.createInsecure());
  stopping.push(() => client.close());
  return client;
}

function authorize(client: AuthorizationClient, request: Partial<AuthorizeRequest>): Promise<AuthorizeResponse> {
  return new Promise((resolve_, reject) => {
    client.authorize(AuthorizeRequest.fromPartial(request), (error, response) =>
      error === null ? resolve_(response) : reject(error),
    );
  });
}

/** Sends one message over a stream and answers the items of everything that comes back, until `count` have. */
class StreamOf {
  readonly messages: AuthorizeStreamResponse[] = [];
  readonly #call: ReturnType<AuthorizationClient['authorizeStream']>;
  #waiting: { count: number; resolve: (items: AuthorizeStreamResponse_Item[]) => void } | undefined;
  #items: AuthorizeStreamResponse_Item[] = [];

  constructor(client: AuthorizationClient) {
    this.#call = client.authorizeStream();
    this.#call.on('error', () => undefined);
    this.#call.on('data', (message: AuthorizeStreamResponse) => {
      this.messages.push(message);
      this.#items.push(...message.items);
      if (this.#waiting !== undefined && this.#items.length >= this.#waiting.count) {
        this.#waiting.resolve(this.#items);
        this.#waiting = undefined;
        this.#items = [];
      }
    });
    stopping.push(() => this.#call.cancel());
  }

  ask(items: AuthorizeStreamRequest_Item[]): Promise<AuthorizeStreamResponse_Item[]> {
    return new Promise((resolve_) => {
      this.#waiting = { count: items.length, resolve: resolve_ };
      this.#call.write({ items });
    });
  }
}

const authorizeItem = (id: bigint, request: Partial<AuthorizeRequest>): AuthorizeStreamRequest_Item => ({
  id,
  ask: { $case: 'authorize', value: AuthorizeRequest.fromPartial(request) },
});

describe('Authorize', () => {
  it('allows the root user, and says who it is', async () => {
    const client = clientOf(await start());
    const response = await authorize(client, { credentials: headerCredentials(ROOT), accesses: [GET] });
    expect(response.decision).toMatchObject({ outcome: Outcome.OUTCOME_ALLOW, reason: 'Root' });
    expect(response.principal).toMatchObject({ type: Principal_Type.TYPE_ROOT, accessKey: 'rootuser' });
  });

  it('refuses a wrong secret, an unknown key and the anonymous, each with its reason', async () => {
    const client = clientOf(await start());
    const reasonOf = async (presented: AuthorizeRequest['credentials']): Promise<unknown> =>
      (await authorize(client, { credentials: presented, accesses: [GET] })).decision;
    expect(await reasonOf(headerCredentials({ ...ROOT, secretKey: 'another-secret' }))).toMatchObject({
      outcome: Outcome.OUTCOME_UNAUTHENTICATED,
      reason: 'SignatureDoesNotMatch',
    });
    expect(await reasonOf(headerCredentials({ accessKey: 'nobody', secretKey: 'another-secret' }))).toMatchObject({
      outcome: Outcome.OUTCOME_UNAUTHENTICATED,
      reason: 'InvalidAccessKeyId',
    });
    expect(await reasonOf(anonymousCredentials)).toMatchObject({ outcome: Outcome.OUTCOME_IMPLICIT_DENY });
  });

  it('refuses questions that say too little or what only it may say', async () => {
    const client = clientOf(await start());
    const signed = headerCredentials(ROOT);
    const context = { requestId: '1', sourceAddress: '', secureTransport: false, userAgent: '', referer: '' };
    for (const request of [
      { accesses: [GET] },
      { credentials: signed, accesses: [] },
      { credentials: signed, accesses: [{ ...GET, resource: 'photos/a.jpg' }] },
      { credentials: signed, accesses: [{ ...GET, action: '' }] },
      { credentials: signed, accesses: Array.from({ length: 1_001 }, () => GET) },
      { credentials: signed, accesses: [GET], openFrames: true },
      {
        credentials: signed,
        accesses: [GET],
        context: { ...context, timeMs: 0n, keys: { 'aws:username': { values: ['bob'] } } },
      },
    ]) {
      await expect(authorize(client, request)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    }
    for (const request of [
      { credentials: signed, accesses: [GET], context: { ...context, timeMs: 1n, keys: {} } },
      {
        credentials: { presented: { $case: 'named' as const, value: { accessKey: 'rootuser' } } },
        accesses: [GET],
      },
    ]) {
      await expect(authorize(client, request)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    }
  });

  it('bounds what a question may hold', async () => {
    const client = clientOf(await start());
    const signed = headerCredentials(ROOT);
    const withContext = (context: (typeof GET)['context']): Promise<unknown> =>
      authorize(client, { credentials: signed, accesses: [{ ...GET, context }] });
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`s3:key-${i}`, { values: ['x'] }]));
    await expect(withContext(many)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(
      withContext({ 's3:prefix': { values: Array.from({ length: 1_001 }, () => 'x') } }),
    ).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    await expect(withContext({ 's3:prefix': { values: ['x'.repeat(16_385)] } })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    const huge = { action: 's3:GetObject', resource: 'x'.repeat(5 * 1024 * 1024), context: {}, resourceAccount: '' };
    await expect(authorize(client, { credentials: signed, accesses: [huge] })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
    expect((await authorize(client, { credentials: signed, accesses: [GET] })).decision?.outcome).toBe(
      Outcome.OUTCOME_ALLOW,
    );
  });

  it('lets a trusted caller name the principal', async () => {
    const client = clientOf(await start({ trustCallers: true }));
    const named = { presented: { $case: 'named' as const, value: { accessKey: 'rootuser' } } };
    const response = await authorize(client, { credentials: named, accesses: [GET] });
    expect(response.decision?.outcome).toBe(Outcome.OUTCOME_ALLOW);
  });
});

describe('AuthorizeBatch', () => {
  it('answers each access in order, or refuses the credentials once', async () => {
    const client = clientOf(await start());
    const batch = (presented: AuthorizeRequest['credentials']): Promise<unknown> =>
      new Promise((resolve_, reject) => {
        const request = {
          credentials: presented,
          accesses: [GET, { ...GET, action: 's3:PutObject' }],
          context: undefined,
          openFrames: false,
        };
        client.authorizeBatch(request, (error, response) => (error === null ? resolve_(response) : reject(error)));
      });
    expect(await batch(headerCredentials(ROOT))).toMatchObject({
      refusal: undefined,
      decisions: [{ outcome: Outcome.OUTCOME_ALLOW }, { outcome: Outcome.OUTCOME_ALLOW }],
    });
    expect(await batch(headerCredentials({ ...ROOT, secretKey: 'x' }))).toMatchObject({
      refusal: { outcome: Outcome.OUTCOME_UNAUTHENTICATED, reason: 'SignatureDoesNotMatch' },
      decisions: [],
    });
  });
});

describe('AuthorizeStream', () => {
  it('answers what came together in one message, each item on its own', async () => {
    const stream = new StreamOf(clientOf(await start()));
    const items = await stream.ask([
      authorizeItem(1n, { credentials: headerCredentials(ROOT), accesses: [GET] }),
      authorizeItem(2n, { credentials: anonymousCredentials, accesses: [] }),
      { id: 18446744073709551615n, ask: undefined },
      {
        id: 4n,
        ask: {
          $case: 'batch',
          value: { credentials: anonymousCredentials, accesses: [GET, GET], context: undefined, openFrames: false },
        },
      },
    ]);
    expect(stream.messages).toHaveLength(1);
    const byId = new Map(items.map((item) => [item.id, item.answer]));
    expect(byId.get(1n)).toMatchObject({ $case: 'authorize', value: { decision: { outcome: Outcome.OUTCOME_ALLOW } } });
    expect(byId.get(2n)).toMatchObject({ $case: 'fault', value: { code: status.INVALID_ARGUMENT } });
    expect(byId.get(18446744073709551615n)).toMatchObject({ $case: 'fault' });
    expect(byId.get(4n)).toMatchObject({ $case: 'batch', value: { decisions: [{}, {}] } });
  });

  it('is ended by a server that stops, once what was asked is answered', async () => {
    const running = await start();
    const call = clientOf(running).authorizeStream();
    const items: AuthorizeStreamResponse_Item[] = [];
    const ended = new Promise<void>((resolve_, reject) => {
      call.on('data', (message: AuthorizeStreamResponse) => items.push(...message.items));
      call.on('end', resolve_);
      call.on('error', reject);
    });
    call.write({ items: [authorizeItem(1n, { credentials: headerCredentials(ROOT), accesses: [GET] })] });
    await expect.poll(() => items.length).toBe(1);
    const before = performance.now();
    await Promise.all([running.stop(), ended]);
    expect(performance.now() - before).toBeLessThan(DRAIN_MS / 2);
  });

  it('verifies the frames of a signed body, and forgets a chain that broke', async () => {
    const client = clientOf(await start());
    const stream = new StreamOf(client);
    const time = timeText();
    const request = { method: 'PUT', path: '/photos/a.jpg', payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', time };
    const { authorization, canonical } = signHeader(ROOT, request);
    const opened = async (): Promise<string> => {
      const [item] = await stream.ask([
        authorizeItem(1n, {
          credentials: {
            presented: {
              $case: 'sigv4Header',
              value: { authorization, canonicalRequest: Buffer.from(canonical), unsignedHeaders: [] },
            },
          },
          accesses: [{ ...GET, action: 's3:PutObject' }],
          openFrames: true,
        }),
      ]);
      return item?.answer?.$case === 'authorize' ? item.answer.value.frameHandle : '';
    };
    const seed = authorization.slice(-64);
    const frames = signedFrames(ROOT.secretKey, time, seed, ['first', 'second', '']);
    const verify = async (on: StreamOf, handle: string, list: typeof frames, close = false): Promise<unknown> =>
      (await on.ask([{ id: 2n, ask: { $case: 'frames', value: { handle, frames: list, close } } }]))[0]?.answer?.value;

    const handle = await opened();
    expect(handle).toMatch(/^[0-9a-f]{32}$/);
    expect(await verify(new StreamOf(client), handle, frames)).toEqual({ valid: false, reason: 'UnknownHandle' });
    expect(await verify(stream, handle, frames.slice(0, 2))).toEqual({ valid: true, reason: '' });
    expect(await verify(stream, handle, frames.slice(2), true)).toEqual({ valid: true, reason: '' });
    expect(await verify(stream, handle, [])).toEqual({ valid: false, reason: 'UnknownHandle' });

    const other = await opened();
    expect(await verify(stream, other, frames.slice(1))).toEqual({ valid: false, reason: 'SignatureDoesNotMatch' });
    expect(await verify(stream, other, frames)).toEqual({ valid: false, reason: 'UnknownHandle' });
  });
});

function signedFrames(
  secretKey: string,
  time: string,
  seed: string,
  bodies: readonly string[],
): { kind: Frame_Kind; sha256: Buffer; signature: string }[] {
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const date = time.slice(0, 8);
  const key = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, date), 'us-east-1'), 's3'), 'aws4_request');
  const empty = createHash('sha256').digest('hex');
  let previous = seed;
  return bodies.map((body) => {
    const sha256 = createHash('sha256').update(body).digest();
    const scope = `${date}/us-east-1/s3/aws4_request`;
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${time}\n${scope}\n${previous}\n${empty}\n${sha256.toString('hex')}`;
    previous = hmac(key, text).toString('hex');
    return { kind: Frame_Kind.KIND_DATA, sha256, signature: previous };
  });
}

describe('the contract', () => {
  it('reads the same to proto-loader as to the generated client', async () => {
    const running = await start();
    const definition = loadSync('portcullis/authz/v1/authorization.proto', {
      includeDirs: [PROTO],
      keepCase: true,
      longs: String,
      enums: String,
      oneofs: true,
    });
    const root = loadPackageDefinition(definition) as unknown as {
      portcullis: { authz: { v1: { Authorization: new (address: string, creds: unknown) => LooseClient } } };
    };
    const client = new root.portcullis.authz.v1.Authorization(running.address, credentials.createInsecure());
    stopping.push(() => client.close());
    const { authorization, canonical } = signHeader(ROOT);
    const response = await new Promise((resolve_, reject) => {
      const request = {
        credentials: { sigv4_header: { authorization, canonical_request: Buffer.from(canonical) } },
        accesses: [{ action: 's3:GetObject', resource: 'arn:aws:s3:::photos/a.jpg' }],
      };
      client.Authorize(request, (error: unknown, value: unknown) => (error === null ? resolve_(value) : reject(error)));
    });
    expect(response).toMatchObject({
      decision: { outcome: 'OUTCOME_ALLOW', reason: 'Root' },
      principal: { type: 'TYPE_ROOT', access_key: 'rootuser' },
    });
  });

  it('serves health and reflection', async () => {
    const running = await start();
    const health = loadPackageDefinition(loadSync(healthProto, { enums: String })) as unknown as {
      grpc: { health: { v1: { Health: new (address: string, creds: unknown) => LooseClient } } };
    };
    const client = new health.grpc.health.v1.Health(running.address, credentials.createInsecure());
    stopping.push(() => client.close());
    const answer = await new Promise((resolve_, reject) => {
      client.check({ service: 'portcullis.authz.v1.Authorization' }, (error: unknown, value: unknown) =>
        error === null ? resolve_(value) : reject(error),
      );
    });
    expect(answer).toEqual({ status: 'SERVING' });
    expect(await reflectedServices(running.address)).toEqual(
      expect.arrayContaining(['portcullis.authz.v1.Authorization', 'portcullis.authz.v1.BucketConfiguration']),
    );
  });

  it('answers an empty configuration for a bucket that has none', async () => {
    const client = new BucketConfigurationClient((await start()).address, credentials.createInsecure());
    stopping.push(() => client.close());
    const answer = await new Promise((resolve_, reject) => {
      client.getBucketConfiguration({ bucket: 'photos' }, (error, value) =>
        error === null ? resolve_(value) : reject(error),
      );
    });
    expect(answer).toMatchObject({ state: { bucket: 'photos', createdMs: 0n, documents: {} } });
  });
});

type Callback = (error: unknown, value: unknown) => void;
interface LooseClient {
  Authorize(request: unknown, callback: Callback): void;
  check(request: unknown, callback: Callback): void;
  close(): void;
}

async function reflectedServices(address: string): Promise<string[]> {
  const file = resolve(
    import.meta.dirname,
    '../../node_modules/@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto',
  );
  const loaded = loadPackageDefinition(loadSync(file)) as unknown as {
    grpc: {
      reflection: {
        v1: {
          ServerReflection: new (
            address: string,
            creds: unknown,
          ) => {
            ServerReflectionInfo(): NodeJS.ReadWriteStream & { write(message: unknown): boolean };
            close(): void;
          };
        };
      };
    };
  };
  const client = new loaded.grpc.reflection.v1.ServerReflection(address, credentials.createInsecure());
  stopping.push(() => client.close());
  return new Promise((resolve_, reject) => {
    const call = client.ServerReflectionInfo();
    call.on('error', reject);
    call.on('data', (answer: unknown) => {
      const { listServicesResponse } = answer as { listServicesResponse: { service: { name: string }[] } };
      resolve_(listServicesResponse.service.map(({ name }) => name));
      call.end();
    });
    call.write({ listServices: '*' });
  });
}

describe('where it listens', () => {
  it('keeps its socket to itself, takes over a stale one, and leaves a live one alone', async () => {
    const path = join(directory, 'authz.sock');
    const running = await start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await expect(start()).rejects.toThrow(/another process listens/);
    await running.stop();

    writeFileSync(path, 'not a socket');
    await expect(start()).rejects.toThrow(/not a socket/);
    rmSync(path);

    await leaveStaleSocket(path);
    expect(existsSync(path)).toBe(true);
    const client = clientOf(await start());
    const response = await authorize(client, { credentials: headerCredentials(ROOT), accesses: [GET] });
    expect(response.decision?.outcome).toBe(Outcome.OUTCOME_ALLOW);
  });

  it('refuses a directory that others can write to', async () => {
    const open = join(directory, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    await expect(start({ listen: `unix:${join(open, 'authz.sock')}` })).rejects.toThrow(/others can write/);
    await expect(start({ listen: `unix:${join(directory, 'no/authz.sock')}` })).rejects.toThrow(/no directory/);
  });

  it('listens beyond the loopback only with a token, and then wants it', async () => {
    await expect(start({ listen: '0.0.0.0:0' })).rejects.toThrow(/--token-file/);
    const token = 'a-token-of-some-length';
    const running = await start({ listen: '127.0.0.1:0', token });
    const client = clientOf(running);
    const request = AuthorizeRequest.fromPartial({ credentials: headerCredentials(ROOT), accesses: [GET] });
    const ask = (metadata: Metadata): Promise<AuthorizeResponse> =>
      new Promise((resolve_, reject) => {
        client.authorize(request, metadata, (error, value) => (error === null ? resolve_(value) : reject(error)));
      });
    await expect(ask(new Metadata())).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    const wrong = new Metadata();
    wrong.set('authorization', `Bearer ${token}x`);
    await expect(ask(wrong)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    const right = new Metadata();
    right.set('authorization', `Bearer ${token}`);
    expect((await ask(right)).decision?.outcome).toBe(Outcome.OUTCOME_ALLOW);
  });

  it('answers health over HTTP, and says that the rest is not there', async () => {
    const running = await start({ httpListen: '127.0.0.1:0' });
    const base = `http://${running.httpAddress}`;
    expect((await fetch(`${base}/minio/health/live`)).status).toBe(200);
    expect((await fetch(`${base}/minio/health/ready`)).status).toBe(200);
    const other = await fetch(`${base}/minio/admin/v3/no-such-call`);
    expect(other.status).toBe(426);
    expect(await other.json()).toMatchObject({ Code: 'XMinioAdminVersionMismatch' });
  });
});

/** A socket whose listener was killed: bound, and nobody there. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
