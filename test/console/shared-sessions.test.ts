// Sessions of the console where several gateways, each with its sidecar, serve one volume behind a balancer: whichever is asked knows who is
// signed in, and who is no more.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, logsOnFailure, ROOT_KEYS, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { OpenIdIssuer } from '../harness/openid-issuer.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const ANN = { accessKey: 'ann', secretKey: 'ann-secret-key' };

let folder: string;
let volume: TestVolume;
let issuer: OpenIdIssuer;
let one: Gateway;
let other: Gateway;
logsOnFailure(() => other);

beforeAll(async () => {
  folder = makeTempFolder();
  issuer = await OpenIdIssuer.start();
  volume = await formatTestVolume(folder);
  await writeIdentities(volume, { users: [{ ...ANN, policies: ['readwrite'] }] });
  one = await start();
  other = await start();
});

afterAll(async () => {
  await one?.dispose();
  await other?.dispose();
  issuer?.stop();
  removeTempFolder(folder);
});

function start(): Promise<Gateway> {
  return startGateway({
    metaUrl: volume.metaUrl,
    flags: ['--multi-buckets', '--workers', '1'],
    env: {
      MINIO_IDENTITY_OPENID_CONFIG_URL: issuer.configUrl,
      MINIO_IDENTITY_OPENID_CLIENT_ID: 'portcullis',
    },
  });
}

/** A browser behind the balancer: what it keeps goes to whichever gateway is asked. */
class Visitor {
  readonly #cookies = new Map<string, string>();

  async ask(gateway: Gateway, path: string, method = 'GET', body?: unknown): Promise<Response> {
    const answer = await fetch(`${gateway.url}/minio/console/${path}`, {
      method,
      headers: {
        cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'x-portcullis-console': '1',
        origin: gateway.url,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }

  /** Another browser with the same cookies: of whoever got hold of them. */
  copy(): Visitor {
    const copied = new Visitor();
    for (const [name, value] of this.#cookies) copied.#cookies.set(name, value);
    return copied;
  }
}

async function signedIn(gateway: Gateway, keys = ANN): Promise<Visitor> {
  const visitor = new Visitor();
  expect((await visitor.ask(gateway, 'api/session', 'POST', keys)).status).toBe(200);
  return visitor;
}

test('who signed in at one is signed in at the other, and after both were started anew', async () => {
  const ann = await signedIn(one);
  for (const path of ['api/session', 's3/']) expect((await ann.ask(other, path)).status, path).toBe(200);
  await one.stop();
  await other.stop();
  one = await start();
  other = await start();
  for (const gateway of [one, other]) {
    const answer = await ann.ask(gateway, 'api/session');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ user: 'ann' });
  }
});

test('who signs out at one is signed out everywhere, with every copy of what the browser kept', async () => {
  const ann = await signedIn(one);
  const thief = ann.copy();
  const root = await signedIn(other, ROOT_KEYS);
  expect((await thief.ask(other, 's3/')).status).toBe(200);
  expect((await ann.ask(one, 'api/session', 'DELETE')).status).toBe(204);
  expect((await thief.ask(one, 'api/session')).status).toBe(401);
  // the other reads the store again within a few seconds
  await eventually('the other knows it', async () => (await thief.ask(other, 'api/session')).status === 401);
  expect((await thief.ask(other, 's3/')).status).toBe(400);
  expect((await root.ask(one, 'api/session')).status).toBe(200);
});

test('who is disabled at one has no session at the other either', async () => {
  const ann = await signedIn(other);
  const root = await signedIn(one, ROOT_KEYS);
  const setStatus = (status: string) =>
    root.ask(one, `admin/set-user-status?accessKey=ann&status=${status}`, 'PUT').then((answer) => answer.status);
  expect(await setStatus('disabled')).toBe(200);
  await eventually('the other knows it', async () => (await ann.ask(other, 'api/session')).status === 401);
  expect(await setStatus('enabled')).toBe(200);
});

test('a sign-in at an issuer that began at one ends at the other', async () => {
  const bob = new Visitor();
  const { url } = (await (await bob.ask(one, 'api/sign-in/openid', 'POST', { provider: '' })).json()) as {
    url: string;
  };
  issuer.browserAnswer = { claims: { sub: 'b-1', policy: 'readonly' } };
  const back = await fetch(url, { redirect: 'manual' });
  const answer = Object.fromEntries(new URL(back.headers.get('location') ?? '').searchParams);
  const finished = await bob.ask(other, 'api/session/openid', 'POST', answer);
  expect(await finished.json()).toMatchObject({ name: 'openid:b-1' });
  for (const gateway of [one, other]) {
    expect((await bob.ask(gateway, 'api/session')).status).toBe(200);
  }
  const thief = bob.copy();
  expect((await bob.ask(one, 'api/session', 'DELETE')).status).toBe(204);
  await eventually('both know it', async () => (await thief.ask(other, 'api/session')).status === 401);
});
