// What dispatch keeps to itself; the way through it is tried over real HTTP in test/gateway.
import { describe, expect, it } from 'vitest';
import { Outcome, Principal_Type } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { Volume } from '../../juicefs/volume.ts';
import type { AuthzClient } from '../authz-client/index.ts';
import type { ByteSource } from './byte-reader.ts';
import { Dispatcher, type IncomingRequest, MAX_DOCUMENT_BYTES_IN_FLIGHT } from './dispatch.ts';
import type { GatewayFeatures, Operation } from './operation.ts';

const LIMIT = 20 * 1024 * 1024;

const noBuckets = async (): Promise<never> => {
  throw new Error('no configuration is asked for here');
};

const allowing: AuthzClient = {
  buckets: {
    read: noBuckets,
    putDocument: noBuckets,
    deleteDocument: noBuckets,
    create: noBuckets,
    forget: noBuckets,
    reportEventTargets: noBuckets,
    // biome-ignore lint/correctness/useYield: nobody listens
    async *watch() {
      await noBuckets();
    },
  },
  authorize: async () => ({
    decision: { outcome: Outcome.OUTCOME_ALLOW, reason: '', message: '', determining: undefined, neededFacts: [] },
    principal: { type: Principal_Type.TYPE_ROOT, accessKey: 'root', parent: '', arn: '', account: '' },
    frames: undefined,
  }),
  authorizeBatch: async () => ({ refusal: undefined, decisions: [], principal: undefined, frames: undefined }),
  isReachable: async () => true,
  close: () => undefined,
};

const documentOperation: Operation<unknown> = {
  name: 'CreateBucket',
  match: { method: 'PUT', target: 'bucket' },
  body: 'document',
  documentLimit: LIMIT,
  parse: () => undefined,
  questions: () => [{ action: 's3:CreateBucket' }],
  handle: async () => ({ status: 200 }),
};

const dispatcher = new Dispatcher({
  operations: [documentOperation],
  volume: { name: 'none' } as Volume,
  authz: allowing,
  features: { multiBuckets: true } as GatewayFeatures,
  domains: [],
  trustedProxies: [],
});

/** A request whose document comes from the source. */
function documentFrom(body: ByteSource, length: number): IncomingRequest {
  return {
    requestId: 'ID',
    method: 'PUT',
    url: '/bucket',
    rawHeaders: ['host', 'h', 'content-length', String(length)],
    peer: { address: '127.0.0.1', encrypted: false },
    body,
    signal: new AbortController().signal,
  };
}

/** A document that arrives but for its last byte, which comes when `finish` is called. */
function unfinished(length: number): { body: ByteSource; finish: () => void; arrived: Promise<void> } {
  let finish: () => void = () => undefined;
  let arrive: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const pieces = [Buffer.alloc(length - 1), Buffer.alloc(1), undefined];
  return {
    finish,
    arrived,
    body: {
      next: async () => {
        if (pieces.length === 2) {
          arrive();
          await finished;
        }
        return pieces.shift();
      },
    },
  };
}

describe('documents that are read before the question', () => {
  it('take no more memory together than the limit, and give it back', async () => {
    const fitting = Math.floor(MAX_DOCUMENT_BYTES_IN_FLIGHT / LIMIT);
    const waiting = Array.from({ length: fitting }, () => unfinished(LIMIT));
    const answers = waiting.map(({ body }) => dispatcher.dispatch(documentFrom(body, LIMIT), {}));
    await Promise.all(waiting.map(({ arrived }) => arrived));
    const more = unfinished(LIMIT);
    await expect(dispatcher.dispatch(documentFrom(more.body, LIMIT), {})).rejects.toMatchObject({ code: 'SlowDown' });
    for (const { finish } of waiting) finish();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(waiting.map(() => 200));
    const next = unfinished(LIMIT);
    next.finish();
    expect((await dispatcher.dispatch(documentFrom(next.body, LIMIT), {})).status).toBe(200);
  });

  it('are refused unread when they are declared too large', async () => {
    const body: ByteSource = {
      next: async () => {
        throw new Error('it was read');
      },
    };
    const refused = dispatcher.dispatch(documentFrom(body, LIMIT + 1), {});
    await expect(refused).rejects.toMatchObject({ code: 'EntityTooLarge' });
  });
});
