// AssumeRole through a running gateway: who may, for how long, with which rights, and AWS's XML for everything else.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { xmlValue } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { AdminClient, ASSUME_ROLE, allow, postSts, sessionKeys } from './admin-client.ts';

const foobar: Keys = { accessKey: 'foobar', secretKey: 'foo12345' };
let folder: string;
let gateway: Gateway;
let root: AdminClient;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags: ['--multi-buckets', '--workers', '1'] });
  root = new AdminClient(gateway.client, gateway.root);
  await root.addUser(foobar.accessKey, foobar.secretKey);
  await root.setPolicies('readwrite', { user: foobar.accessKey });
  await gateway.client.send({ method: 'PUT', bucket: 'photos', keys: gateway.root });
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

const assume = (parameters: Readonly<Record<string, string>> = {}, keys: Keys | undefined = foobar) =>
  postSts(gateway.client, keys, { ...ASSUME_ROLE, ...parameters });
const put = async (keys: Keys, key = 'k'): Promise<number> =>
  (await gateway.client.send({ method: 'PUT', bucket: 'photos', key, body: 'x', keys })).status;

describe('AssumeRole', () => {
  it('answers credentials of the user for an hour', async () => {
    const before = Date.now();
    const answer = await assume();
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toContain('xml');
    const text = answer.body.toString();
    expect(text).toContain('<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">');
    expect(xmlValue(text, 'RequestId')).toBe(answer.headers['x-amz-request-id']);
    const expires = Date.parse(xmlValue(text, 'Expiration') ?? '');
    expect(Math.abs(expires - before - 3_600_000)).toBeLessThan(60_000);
    const keys = sessionKeys(answer);
    expect(await put(keys)).toBe(200);
    // the token is part of the credentials
    expect(await put({ accessKey: keys.accessKey, secretKey: keys.secretKey })).toBe(403);
    expect(await put({ ...keys, sessionToken: `${keys.sessionToken}x` })).toBe(403);
  });

  it.each([
    ['900', 900],
    ['604800', 604_800],
    ['', 3600],
  ])('lasts "%s" seconds when asked to', async (text, seconds) => {
    const answer = await assume({ DurationSeconds: text });
    const expires = Date.parse(xmlValue(answer.body, 'Expiration') ?? '');
    expect(Math.abs(expires - Date.now() - seconds * 1000)).toBeLessThan(60_000);
  });

  it('gives what both the user and the inline policy allow', async () => {
    const Policy = JSON.stringify(
      allow(['s3:PutObject', 's3:DeleteBucket'], ['arn:aws:s3:::photos/in/*', 'arn:aws:s3:::photos']),
    );
    const keys = sessionKeys(await assume({ Policy }));
    expect(await put(keys, 'in/k')).toBe(200);
    expect(await put(keys, 'out/k')).toBe(403);
    await root.setPolicies('readonly', { user: foobar.accessKey });
    expect(await put(keys, 'in/k')).toBe(403);
    await root.setPolicies('readwrite', { user: foobar.accessKey });
  });

  it.each([
    ['too short a life', { DurationSeconds: '899' }, 'InvalidParameterValue'],
    ['too long a life', { DurationSeconds: '604801' }, 'InvalidParameterValue'],
    ['a life that is no number', { DurationSeconds: '1e3' }, 'InvalidParameterValue'],
    ['an empty policy', { Policy: '' }, 'InvalidParameterValue'],
    ['too long a policy', { Policy: ' '.repeat(2049) }, 'InvalidParameterValue'],
    ['a policy that is none', { Policy: '{"Version":"2012-10-17","Statement":[{}]}' }, 'MalformedPolicyDocument'],
    ['another version', { Version: '2012-01-01' }, 'MissingParameter'],
    ['another action', { Action: 'GetFederationToken' }, 'InvalidParameterValue'],
  ])('refuses %s', async (_, parameters, code) => {
    const answer = await assume(parameters);
    expect(answer).toMatchObject({ status: 400, code });
    expect(xmlValue(answer.body, 'Message')).not.toBe('');
    expect(answer.body.toString()).toContain('<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">');
  });

  it('is for users only: not for root, sessions, service accounts or nobody', async () => {
    const denied = { status: 403, code: 'AccessDenied' };
    expect(await assume({}, gateway.root)).toMatchObject(denied);
    expect(await postSts(gateway.client, undefined, ASSUME_ROLE)).toMatchObject(denied);
    expect(await assume({}, sessionKeys(await assume()))).toMatchObject(denied);
    await root.addServiceAccount({ targetUser: 'foobar', accessKey: 'svcfoobar', secretKey: 'foo12345' });
    expect(await assume({}, { accessKey: 'svcfoobar', secretKey: 'foo12345' })).toMatchObject(denied);
  });

  it('refuses what is signed wrongly, or for another service', async () => {
    expect(await assume({}, { ...foobar, secretKey: 'foo12346' })).toMatchObject({
      status: 403,
      code: 'SignatureDoesNotMatch',
    });
    expect(await assume({}, { ...foobar, accessKey: 'nobody-here' })).toMatchObject({
      status: 403,
      code: 'InvalidAccessKeyId',
    });
    const forS3 = await postSts(gateway.client, foobar, ASSUME_ROLE, { region: 'us-east-1', service: 's3' });
    expect(forS3.status).toBe(400);
  });

  it('can be denied by policy, by how long it is to last', async () => {
    await root.addUser('shortly', 'foo12345');
    await root.addPolicy('short-sessions', {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Action: ['sts:AssumeRole'],
          Condition: { NumericGreaterThan: { 'sts:DurationSeconds': '3600' } },
        },
      ],
    });
    await root.setPolicies('short-sessions', { user: 'shortly' });
    const keys = { accessKey: 'shortly', secretKey: 'foo12345' };
    expect((await assume({ DurationSeconds: '3600' }, keys)).status).toBe(200);
    expect(await assume({ DurationSeconds: '3601' }, keys)).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});
