// Whom a bucket policy names, over real requests: everyone, access keys, users and sessions by their ARN; and the public access block,
// which holds whatever a policy says.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { xmlValue } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { AdminClient, ASSUME_ROLE, postSts, sessionKeys } from './admin-client.ts';

const ACCOUNT = '123456789012';
const alice: Keys = { accessKey: 'alice', secretKey: 'alice-secret-12' };
const bob: Keys = { accessKey: 'bob', secretKey: 'bob-secret-123' };
const service: Keys = { accessKey: 'svcalice', secretKey: 'svcalice-secret' };
let folder: string;
let gateway: Gateway;
let session: Keys;
let otherSession: Keys;
let bucket: string;
let buckets = 0;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  const flags = ['--multi-buckets', '--workers', '1', '--account-id', ACCOUNT];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  const root = new AdminClient(gateway.client, gateway.root);
  await root.addUser(alice.accessKey, alice.secretKey);
  await root.addUser(bob.accessKey, bob.secretKey);
  await root.addServiceAccount({ targetUser: 'alice', ...service });
  const assume = async (RoleSessionName: string): Promise<Keys> =>
    sessionKeys(await postSts(gateway.client, alice, { ...ASSUME_ROLE, RoleSessionName }));
  session = await assume('nightly');
  otherSession = await assume('daily');
});
beforeEach(async () => {
  bucket = `named-${++buckets}`;
  await gateway.client.send({ method: 'PUT', bucket, keys: gateway.root });
  await gateway.client.send({ method: 'PUT', bucket, key: 'k', body: 'x', keys: gateway.root });
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

const setPolicy = (principal: unknown, more: object = {}) =>
  gateway.client.send({
    method: 'PUT',
    bucket,
    query: { policy: '' },
    body: JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: principal,
          Action: ['s3:GetObject'],
          Resource: [`arn:aws:s3:::${bucket}/*`],
          ...more,
        },
      ],
    }),
    keys: gateway.root,
  });
const reads = async (keys: Keys | undefined): Promise<boolean> =>
  (await gateway.client.send({ bucket, key: 'k', keys })).status === 200;

describe('principals of a bucket policy', () => {
  it.each([
    ['everyone', '*', ['nobody', 'alice', 'bob', 'service', 'session', 'other']],
    ['everyone under AWS', { AWS: '*' }, ['nobody', 'alice', 'bob', 'service', 'session', 'other']],
    ['an access key', { AWS: ['alice'] }, ['alice', 'service', 'session', 'other']],
    ['a pattern over access keys', { AWS: ['b*'] }, ['bob']],
    ['a user of no account', { AWS: ['arn:aws:iam:::user/alice'] }, ['alice', 'service', 'session', 'other']],
    ['a user of any account', { AWS: ['arn:aws:iam::*:user/bob'] }, ['bob']],
    ['a user of this account', { AWS: [`arn:aws:iam::${ACCOUNT}:user/bob`] }, ['bob']],
    ['this account', { AWS: `arn:aws:iam::${ACCOUNT}:root` }, ['alice', 'bob', 'service', 'session', 'other']],
    ['another account', { AWS: ['arn:aws:iam::210987654321:root'] }, []],
    ['a user of another account', { AWS: ['arn:aws:iam::210987654321:user/bob'] }, []],
    ['a session', { AWS: [`arn:aws:sts::${ACCOUNT}:assumed-role/alice/nightly`] }, ['session']],
    ['a session of any account', { AWS: ['arn:aws:sts::*:assumed-role/alice/daily'] }, ['other']],
    ['two of them', { AWS: ['bob', `arn:aws:sts::${ACCOUNT}:assumed-role/alice/nightly`] }, ['bob', 'session']],
    ["a session of another user's", { AWS: [`arn:aws:sts::${ACCOUNT}:assumed-role/bob/nightly`] }, []],
  ])('may be %s', async (_, principal, expected) => {
    expect((await setPolicy(principal)).status).toBe(204);
    const everybody = { nobody: undefined, alice, bob, service, session, other: otherSession };
    const who: string[] = [];
    for (const [name, keys] of Object.entries(everybody)) if (await reads(keys)) who.push(name);
    expect(who).toEqual(expected);
  });

  it('may be denied what their own policies allow, and asked about', async () => {
    const root = new AdminClient(gateway.client, gateway.root);
    await root.setPolicies('readonly', { user: 'bob' });
    expect(await reads(bob)).toBe(true);
    await setPolicy({ AWS: ['arn:aws:iam:::user/bob'] }, { Effect: 'Deny' });
    expect(await reads(bob)).toBe(false);
    await root.setPolicies('', { user: 'bob' });
  });
});

describe('the public access block', () => {
  const call = (method: string, body?: string) =>
    gateway.client.send({
      method,
      bucket,
      query: { publicAccessBlock: '' },
      ...(body === undefined ? {} : { body }),
      keys: gateway.root,
    });
  const block = (...settings: string[]) =>
    call(
      'PUT',
      `<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${settings.map((name) => `<${name}>true</${name}>`).join('')}</PublicAccessBlockConfiguration>`,
    );

  it('is stored, shown and removed', async () => {
    expect(await call('GET')).toMatchObject({ status: 404, code: 'NoSuchPublicAccessBlockConfiguration' });
    expect((await block('BlockPublicPolicy', 'RestrictPublicBuckets')).status).toBe(200);
    const { body } = await call('GET');
    const shown = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'].map((name) =>
      xmlValue(body, name),
    );
    expect(shown).toEqual(['false', 'false', 'true', 'true']);
    expect((await call('DELETE')).status).toBe(204);
    expect((await call('GET')).status).toBe(404);
    expect(await call('PUT', '<PublicAccessBlockConfiguration><BlockPublicAcls>maybe')).toMatchObject({ status: 400 });
  });

  it('refuses policies that let everyone in, and no others', async () => {
    await block('BlockPublicPolicy');
    expect(await setPolicy('*')).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(await reads(undefined)).toBe(false);
    expect((await setPolicy({ AWS: ['bob'] })).status).toBe(204);
    await call('DELETE');
    expect((await setPolicy('*')).status).toBe(204);
  });

  it('keeps everyone out of a bucket whose policy lets them in, and leaves the users', async () => {
    await setPolicy('*');
    expect([await reads(undefined), await reads(bob)]).toEqual([true, true]);
    await block('RestrictPublicBuckets');
    expect([await reads(undefined), await reads(bob)]).toEqual([false, true]);
    await call('DELETE');
    expect(await reads(undefined)).toBe(true);
  });
});
