import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Access,
  type AuthorizeRequest,
  type AuthorizeStreamResponse_Item,
  Frame_Kind,
  Outcome,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { decision, FakeSidecar } from '../../../test/gateway/fake-sidecar.ts';
import { MAX_ASK_BYTES, MAX_ASKS_IN_FLIGHT, MAX_ASKS_PER_MESSAGE } from '../../client/decision-stream.ts';
import { sidecarTarget } from '../../client/sidecar-address.ts';
import { type AuthzClient, createAuthzClient } from './authz-client.ts';

type Answer = NonNullable<AuthorizeStreamResponse_Item['answer']>;

const access = (resource: string): Access => ({ action: 's3:GetObject', resource, context: {}, resourceAccount: '' });
const request = (...resources: string[]): AuthorizeRequest => ({
  credentials: { presented: { $case: 'anonymous', value: {} } },
  accesses: resources.map(access),
  context: undefined,
  openFrames: false,
});
const refused = expect.objectContaining({ code: 'ServiceUnavailable', status: 503 });
const authorizeAnswer = (outcome: number): Answer => ({
  $case: 'authorize',
  value: { decision: decision(outcome), principal: undefined, frameHandle: '', policyRevision: '' },
});

let sidecar: FakeSidecar;
let client: AuthzClient;

beforeEach(async () => {
  sidecar = await new FakeSidecar().start();
  client = createAuthzClient({ address: sidecar.address, timeoutMs: 1_000 });
});
afterEach(() => {
  client.close();
  sidecar.dispose();
});

describe('the client of the sidecar', () => {
  it('brings the answer to what was asked', async () => {
    sidecar.options = { decide: ({ resource }) => (resource === 'a' ? 1 : 3) };
    const [first, second] = await Promise.all([client.authorize(request('a')), client.authorize(request('b'))]);
    expect(first?.decision.outcome).toBe(Outcome.OUTCOME_ALLOW);
    expect(second?.decision.outcome).toBe(Outcome.OUTCOME_IMPLICIT_DENY);
    const batch = await client.authorizeBatch(request('a', 'b', 'a'));
    expect(batch.decisions.map(({ outcome }) => outcome)).toEqual([1, 3, 1]);
  });

  it('puts what is asked together into one message, and no more than the limit', async () => {
    await client.authorize(request('first'));
    sidecar.messages.length = 0;
    await Promise.all(Array.from({ length: 20 }, (_, i) => client.authorize(request(String(i)))));
    expect(sidecar.messages).toEqual([20]);
    sidecar.messages.length = 0;
    await Promise.all(Array.from({ length: MAX_ASKS_PER_MESSAGE + 1 }, (_, i) => client.authorize(request(String(i)))));
    expect(sidecar.messages).toEqual([MAX_ASKS_PER_MESSAGE, 1]);
  });

  it('pairs answers that come in another order', async () => {
    const held: { id: bigint; answer: Answer }[] = [];
    sidecar.options = {
      intercept: ({ id, ask }, stream) => {
        const resource = ask?.$case === 'authorize' ? ask.value.accesses[0]?.resource : '';
        held.push({ id, answer: authorizeAnswer(resource === 'a' ? 1 : 2) });
        if (held.length === 2) stream.write({ items: held.reverse() });
        return 'silence';
      },
    };
    const [a, b] = await Promise.all([client.authorize(request('a')), client.authorize(request('b'))]);
    expect([a?.decision.outcome, b?.decision.outcome]).toEqual([1, 2]);
  });

  it('hands an outcome on that it does not know, for the reader to refuse', async () => {
    sidecar.options = { intercept: () => authorizeAnswer(99) };
    expect((await client.authorize(request('a'))).decision.outcome).toBe(99);
  });

  it.each<[string, Answer | 'silence']>([
    ['nothing', 'silence'],
    ['a fault', { $case: 'fault', value: { code: 13, message: 'broken' } }],
    ['an answer to something else', { $case: 'frames', value: { valid: true, reason: '' } }],
    [
      'no decision',
      { $case: 'authorize', value: { decision: undefined, principal: undefined, frameHandle: '', policyRevision: '' } },
    ],
  ])('refuses when the sidecar answers %s', async (_, answer) => {
    sidecar.options = { intercept: () => answer };
    await expect(client.authorize(request('a'))).rejects.toEqual(refused);
  });

  it.each([0, 1, 3])('refuses when the sidecar decides %i of two accesses', async (count) => {
    sidecar.options = {
      intercept: () => ({
        $case: 'batch',
        value: {
          refusal: undefined,
          decisions: Array.from({ length: count }, () => decision(Outcome.OUTCOME_ALLOW)),
          principal: undefined,
          policyRevision: '',
          frameHandle: '',
        },
      }),
    };
    await expect(client.authorizeBatch(request('a', 'b'))).rejects.toEqual(refused);
  });

  it('refuses when there is no sidecar, within the deadline', async () => {
    sidecar.stop();
    const start = performance.now();
    await expect(client.authorize(request('a'))).rejects.toEqual(refused);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(await client.isReachable(100)).toBe(false);
  });

  it('refuses what is on its way when the sidecar dies, and serves again when it is back', async () => {
    expect((await client.authorize(request('a'))).decision.outcome).toBe(1);
    let arrived: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    sidecar.options = {
      intercept: () => {
        arrived();
        return 'silence';
      },
    };
    const pending = expect(client.authorize(request('a'))).rejects.toEqual(refused);
    await waiting;
    sidecar.stop();
    await pending;
    await expect(client.authorize(request('a'))).rejects.toEqual(refused);
    sidecar.options = {};
    await sidecar.start();
    await expect
      .poll(
        () =>
          client.authorize(request('a')).then(
            ({ decision: { outcome } }) => outcome,
            () => 0,
          ),
        { timeout: 10_000 },
      )
      .toBe(1);
    expect(await client.isReachable(1_000)).toBe(true);
  });

  it('refuses at once what is too large for the stream, and leaves the stream whole', async () => {
    const huge = request('x'.repeat(MAX_ASK_BYTES));
    await expect(client.authorize(huge)).rejects.toEqual(refused);
    expect((await client.authorize(request('a'))).decision.outcome).toBe(1);
  });

  it('holds no more questions than the limit', async () => {
    sidecar.options = { intercept: () => 'silence' };
    const asked = Array.from({ length: MAX_ASKS_IN_FLIGHT + 1 }, () =>
      client.authorize(request('a')).then(
        () => 'allowed',
        (error) => (error as Error).cause,
      ),
    );
    expect(String(await asked.at(-1))).toContain('too many questions');
    expect(new Set((await Promise.all(asked)).map((result) => String(result).includes('allowed')))).toEqual(
      new Set([false]),
    );
  });

  it('refuses everything once it is closed', async () => {
    const pending = client.authorize(request('a'));
    client.close();
    await expect(pending).rejects.toEqual(refused);
    await expect(client.authorize(request('a'))).rejects.toEqual(refused);
  });
});

describe('frame handles', () => {
  const frame = { kind: Frame_Kind.KIND_DATA, sha256: Buffer.alloc(32), signature: '0'.repeat(64) };
  const open = async () => {
    const { frames } = await client.authorize({ ...request('a'), openFrames: true });
    if (frames === undefined) throw new Error('no handle was given');
    return frames;
  };
  const opening = (valid: boolean, reason: string): void => {
    sidecar.options = {
      intercept: ({ ask }) => {
        if (ask?.$case === 'frames') return { $case: 'frames', value: { valid, reason } };
        const answer = authorizeAnswer(1);
        return answer.$case === 'authorize' ? { ...answer, value: { ...answer.value, frameHandle: 'h' } } : answer;
      },
    };
  };

  it('say whether frames stand', async () => {
    opening(true, '');
    expect(await (await open()).verify([frame], false)).toBe(true);
    opening(false, 'SignatureDoesNotMatch');
    expect(await (await open()).verify([frame], false)).toBe(false);
  });

  it('refuse when the sidecar no longer knows them', async () => {
    opening(false, 'UnknownHandle');
    await expect((await open()).verify([frame], false)).rejects.toEqual(refused);
  });

  it('die with their stream', async () => {
    opening(true, '');
    const frames = await open();
    sidecar.stop();
    await expect(client.authorize(request('a'))).rejects.toEqual(refused);
    await sidecar.start();
    await expect
      .poll(
        () =>
          client.authorize(request('a')).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await expect(frames.verify([frame], false)).rejects.toEqual(refused);
  });
});

describe('sidecarTarget', () => {
  it.each([
    ['unix:/run/authz.sock', 'unix:/run/authz.sock'],
    ['unix:///run/authz.sock', 'unix:/run/authz.sock'],
    ['localhost:9100', 'dns:///localhost:9100'],
    ['[::1]:9100', 'dns:///[::1]:9100'],
  ])('%s', (address, target) => {
    expect(sidecarTarget(address)).toBe(target);
  });

  it.each(['', 'localhost', 'unix:authz.sock', 'http://localhost:9100', 'a b:1'])('refuses %j', (address) => {
    expect(() => sidecarTarget(address)).toThrow(TypeError);
  });
});
