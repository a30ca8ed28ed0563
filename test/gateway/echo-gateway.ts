// A gateway whose operations only say what they were given: for tests of the way to an operation and back.
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { Writable } from 'node:stream';
import { type AuthzClient, createAuthzClient } from '../../src/gateway/authz-client/index.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/gateway/index.ts';
import { S3Error } from '../../src/gateway/s3/errors.ts';
import { parseObjectKey } from '../../src/gateway/s3/object-name.ts';
import { defineOperation, type Operation, type Question, type S3Request } from '../../src/gateway/s3/operation.ts';
import { readXml, xmlChildren, xmlDocument, xmlText } from '../../src/gateway/s3/xml.ts';
import { type Attributes, type Volume, VolumeError } from '../../src/juicefs/volume.ts';
import { FakeSidecar, type FakeSidecarOptions } from './fake-sidecar.ts';

export const KEYS = { accessKey: 'AKIDALICE', secretKey: 'alice-secret-key' };

/** What the echo operations saw and stored. */
export class EchoState {
  readonly stored = new Map<string, Buffer>();
  readonly handled: string[] = [];
  readonly aborted: string[] = [];
  readonly log: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  accessLog = '';
  /** Called when a GetObject of the key 'slow' has begun; it goes on when the promise resolves. */
  onSlow: () => Promise<void> = async () => undefined;
}

const nothingThere = async (): Promise<never> => {
  throw new VolumeError('ENOENT', 'nothing is there');
};
const ROOT: Attributes = {
  inode: 1n,
  type: 'directory',
  mode: 0o777,
  uid: 0,
  gid: 0,
  atimeNs: 0n,
  mtimeNs: 0n,
  ctimeNs: 0n,
  nlink: 2,
  size: 4096,
  parent: 1n,
};
const nameOf = (request: S3Request): string => `${request.bucket}/${request.key}`;
const ask = (action: string, request: S3Request): Question => ({
  action,
  ...(request.bucket === undefined ? {} : { bucket: request.bucket }),
  ...(request.key === undefined ? {} : { key: request.key }),
});

function echoOperations(state: EchoState): Operation<unknown>[] {
  const listBuckets = defineOperation<S3Request>({
    name: 'ListBuckets',
    match: { method: 'GET', target: 'service' },
    body: 'none',
    parse: (request) => request,
    questions: (request) => [ask('s3:ListAllMyBuckets', request)],
    handle: async ({ decideEach, principal }) => {
      const questions = ['aaa', 'bbb', 'ccc'].map((bucket) => ({ action: 's3:ListBucket', bucket: bucket as never }));
      const allowed = await decideEach(questions);
      return { status: 200, body: JSON.stringify({ allowed, principal }) };
    },
  });
  const getObject = defineOperation<S3Request>({
    name: 'GetObject',
    match: { method: 'GET', target: 'object' },
    body: 'none',
    parse: (request) => request,
    questions: (request) => [ask('s3:GetObject', request)],
    handle: async ({ input }, { signal }) => {
      state.handled.push(`GetObject ${nameOf(input)}`);
      if (input.key === 'fault') throw new VolumeError('EIO', 'secret detail of the volume');
      if (input.key === 'not-modified') throw new S3Error('NotModified', undefined, { headers: { etag: '"e"' } });
      if (input.key === 'header') return { status: 200, headers: { 'x-amz-meta-a': input.query.get('v') ?? '' } };
      const data = state.stored.get(nameOf(input));
      if (data === undefined) throw new S3Error('NoSuchKey');
      const size = input.key === 'lies' ? data.length + 1 : data.length;
      async function* pieces(): AsyncGenerator<Uint8Array> {
        if (input.key === 'unreadable') throw new VolumeError('EIO', 'secret detail of the volume');
        try {
          for (let at = 0; at < (data as Buffer).length; at += 65536) {
            if (input.key === 'slow' && at > 0) await state.onSlow();
            signal.throwIfAborted();
            yield (data as Buffer).subarray(at, at + 65536);
          }
        } finally {
          if (signal.aborted) state.aborted.push(nameOf(input));
        }
      }
      return { status: 200, headers: { etag: '"e"' }, body: pieces(), contentLength: size };
    },
  });
  const headObject = defineOperation<S3Request>({
    ...getObject,
    name: 'HeadObject',
    match: { method: 'HEAD', target: 'object' },
    handle: async ({ input }) => {
      const data = state.stored.get(nameOf(input));
      if (data === undefined) throw new S3Error('NoSuchKey');
      return { status: 200, contentLength: data.length };
    },
  });
  const putObject = defineOperation<S3Request>({
    name: 'PutObject',
    match: { method: 'PUT', target: 'object' },
    body: 'payload',
    parse: (request) => request,
    questions: (request) => [ask('s3:PutObject', request)],
    handle: async ({ input, payload }, { signal }) => {
      state.handled.push(`PutObject ${nameOf(input)}`);
      if (payload === undefined) throw new Error('no payload');
      if (input.key === 'refused') throw new S3Error('QuotaExceeded');
      if (input.key === 'unverified') return { status: 200 };
      const pieces: Uint8Array[] = [];
      try {
        for await (const piece of payload.stream) pieces.push(Buffer.from(piece));
        const { md5Hex } = await payload.verified();
        state.stored.set(nameOf(input), Buffer.concat(pieces));
        const headers = { etag: `"${md5Hex}"`, 'x-seen-encoding': input.headers.get('content-encoding') ?? 'none' };
        return { status: 200, headers };
      } finally {
        if (signal.aborted) state.aborted.push(nameOf(input));
      }
    },
  });
  const deleteObjects = defineOperation<{ keys: readonly string[]; request: S3Request }>({
    name: 'DeleteObjects',
    match: { method: 'POST', target: 'bucket', query: ['delete'] },
    body: 'document',
    documentLimit: 4096,
    ask: 'each',
    parse: (request) => {
      const root = readXml(request.document, 'Delete');
      return { request, keys: xmlChildren(root, 'Object').map((object) => xmlText(object, 'Key') ?? '') };
    },
    questions: ({ keys, request }) => {
      const questions = keys.map((key) => ({ ...ask('s3:DeleteObject', request), key: parseObjectKey(key) }));
      return questions as unknown as readonly [Question, ...Question[]];
    },
    handle: async ({ allowed, input }) => {
      state.handled.push('DeleteObjects');
      return { status: 200, body: xmlDocument('Result', input.keys.filter((_, i) => allowed[i]).join(',')) };
    },
  });
  return [listBuckets, getObject, headObject, putObject, deleteObjects] as Operation<unknown>[];
}

export interface EchoGateway {
  readonly sidecar: FakeSidecar;
  readonly authz: AuthzClient;
  readonly gateway: Gateway;
  readonly state: EchoState;
  readonly address: AddressInfo;
  stop(): Promise<void>;
}

export async function startEchoGateway(
  options: { sidecar?: FakeSidecarOptions; gateway?: Partial<GatewayOptions>; authzTimeoutMs?: number } = {},
): Promise<EchoGateway> {
  const sidecar = await new FakeSidecar({
    secrets: { [KEYS.accessKey]: KEYS.secretKey },
    ...options.sidecar,
  }).start();
  const authz = createAuthzClient({ address: sidecar.address, timeoutMs: options.authzTimeoutMs ?? 1_000 });
  const state = new EchoState();
  const log =
    (level: string) =>
    (fields: object, message: string): void => {
      state.log.push({ level, fields: { ...fields }, message });
    };
  const gateway = createGateway({
    volume: { name: 'echo', stat: async () => ROOT, statWithXattrs: nothingThere } as Partial<Volume> as Volume,
    authz,
    operations: echoOperations(state),
    features: {
      multiBuckets: true,
      singleBucket: 'echo',
      keepEtag: true,
      objectTag: false,
      objectMeta: true,
      headDir: false,
      hideDirObject: false,
      readOnly: false,
    },
    logger: { error: log('error'), warn: log('warn'), info: log('info') },
    accessLog: new Writable({
      write: (chunk, _encoding, done) => {
        state.accessLog += String(chunk);
        done();
      },
    }),
    ...options.gateway,
  });
  const address = await gateway.listen('127.0.0.1', 0);
  return {
    sidecar,
    authz,
    gateway,
    state,
    address,
    stop: async () => {
      await gateway.close(100);
      authz.close();
      sidecar.dispose();
    },
  };
}

/** Sends bytes over a connection of its own and gives back all that came until it ended. */
export async function sendRaw(port: number, ...pieces: (string | Uint8Array)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (data) => {
    text += data.toString('latin1');
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  for (const piece of pieces) socket.write(piece);
  await once(socket, 'close');
  return text;
}
