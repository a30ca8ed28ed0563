// Bucket policies through a running gateway: set, shown, obeyed at once by everyone they speak of, and gone with their bucket.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseBucketMetadata } from '../../src/authz/store/record-parsers.ts';
import { openVolume } from '../../src/juicefs/index.ts';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { xmlValue } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume } from '../harness/volume.ts';
import { AdminClient } from './admin-client.ts';

const alice: Keys = { accessKey: 'alice', secretKey: 'alice-secret-12' };
let folder: string;
let volume: TestVolume;
let gateway: Gateway;
let bucket: string;
let buckets = 0;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  volume = await formatTestVolume(folder);
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags: ['--multi-buckets', '--workers', '1'] });
  await new AdminClient(gateway.client, gateway.root).addUser(alice.accessKey, alice.secretKey);
});
beforeEach(async () => {
  bucket = `bucket-${++buckets}`;
  await gateway.client.send({ method: 'PUT', bucket, keys: gateway.root });
  await gateway.client.send({ method: 'PUT', bucket, key: 'k', body: 'x', keys: gateway.root });
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

const policy = (keys?: Keys) => gateway.client.send({ bucket, query: { policy: '' }, keys });
const put = (body: unknown, keys: Keys | undefined = gateway.root) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return gateway.client.send({ method: 'PUT', bucket, query: { policy: '' }, body: text, keys });
};
const remove = (keys: Keys | undefined = gateway.root) =>
  gateway.client.send({ method: 'DELETE', bucket, query: { policy: '' }, keys });
const status = () => gateway.client.send({ bucket, query: { policyStatus: '' }, keys: gateway.root });
const get = async (keys?: Keys) => (await gateway.client.send({ bucket, key: 'k', keys })).status;

function document(principal: unknown, effect: 'Allow' | 'Deny' = 'Allow', more: object = {}) {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: effect,
        Principal: principal,
        Action: ['s3:GetObject'],
        Resource: [`arn:aws:s3:::${bucket}/*`],
        ...more,
      },
    ],
  };
}

describe('the policy of a bucket', () => {
  it('is stored and shown as it was sent, and removed', async () => {
    expect(await policy(gateway.root)).toMatchObject({ status: 404, code: 'NoSuchBucketPolicy' });
    expect((await put(document('*'))).status).toBe(204);
    const shown = await policy(gateway.root);
    expect(shown.headers['content-type']).toBe('application/json');
    expect(JSON.parse(shown.body.toString())).toEqual(document('*'));
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(204);
    expect(await policy(gateway.root)).toMatchObject({ status: 404, code: 'NoSuchBucketPolicy' });
  });

  it('lets in whom it names, at once, and out again', async () => {
    expect([await get(), await get(alice)]).toEqual([403, 403]);
    await put(document({ AWS: ['arn:aws:iam:::user/alice'] }));
    expect([await get(), await get(alice)]).toEqual([403, 200]);
    await put(document({ AWS: ['*'] }));
    expect([await get(), await get(alice)]).toEqual([200, 200]);
    await put(document({ AWS: ['arn:aws:iam:::user/alice'] }, 'Deny'));
    expect([await get(), await get(alice), await get(gateway.root)]).toEqual([403, 403, 200]);
    await remove();
    expect([await get(), await get(alice)]).toEqual([403, 403]);
  });

  it('does not pass to a bucket that is made later under the same name', async () => {
    await put(document('*'));
    expect(await get()).toBe(200);
    await gateway.client.send({ method: 'DELETE', bucket, key: 'k', keys: gateway.root });
    expect((await gateway.client.send({ method: 'DELETE', bucket, keys: gateway.root })).status).toBe(204);
    await gateway.client.send({ method: 'PUT', bucket, keys: gateway.root });
    await gateway.client.send({ method: 'PUT', bucket, key: 'k', body: 'new', keys: gateway.root });
    expect(await get()).toBe(403);
    expect(await policy(gateway.root)).toMatchObject({ status: 404, code: 'NoSuchBucketPolicy' });
  });

  it('is read and changed by those only who may', async () => {
    const byAlice = [await put(document('*'), alice), await policy(alice), await remove(alice)];
    expect(byAlice.map(({ status: code }) => code)).toEqual([403, 403, 403]);
    const unsigned = await gateway.client.send({
      method: 'PUT',
      bucket,
      query: { policy: '' },
      body: JSON.stringify(document('*')),
    });
    expect(unsigned.status).toBe(403);
    expect(await get()).toBe(403);
  });

  it.each([
    ['no JSON', 'nonsense', 'MalformedPolicy'],
    ['nothing', '', 'MalformedPolicy'],
    ['no version', { Statement: [] }, 'MalformedPolicy'],
    ['no principal', { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:*'] }] }, 'MalformedPolicy'],
    [
      'another bucket',
      {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: '*', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::other/*'] }],
      },
      'MalformedPolicy',
    ],
    ['more than 20 KiB', 'x'.repeat(20_481), 'EntityTooLarge'],
  ])('is refused with %s, and the old one stays', async (_, body, code) => {
    await put(document('*'));
    expect(await put(body)).toMatchObject({ status: 400, code });
    expect(JSON.parse((await policy(gateway.root)).body.toString())).toEqual(document('*'));
    expect(await get()).toBe(200);
  });

  it('of no bucket is not there', async () => {
    bucket = 'no-such-bucket';
    expect(await put(document('*'))).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    expect(await policy(gateway.root)).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    expect(await remove()).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });
});

describe('the status of a policy', () => {
  it('says whether everyone is let in', async () => {
    expect(xmlValue((await status()).body, 'IsPublic')).toBe('false');
    const isPublic = async (body: object) => {
      expect((await put(body)).status).toBe(204);
      return xmlValue((await status()).body, 'IsPublic');
    };
    expect(await isPublic(document('*'))).toBe('true');
    expect(await isPublic(document({ AWS: ['arn:aws:iam:::user/alice'] }))).toBe('false');
    expect(await isPublic(document('*', 'Deny'))).toBe('false');
    const near = { Condition: { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8'] } } };
    expect(await isPublic(document('*', 'Allow', near))).toBe('false');
    const anywhere = { Condition: { IpAddress: { 'aws:SourceIp': ['0.0.0.0/0'] } } };
    expect(await isPublic(document('*', 'Allow', anywhere))).toBe('true');
  });
});

describe('the configuration of a new bucket', () => {
  /** What the Go gateway reads at its start, out of the volume. */
  const stored = async () => {
    const open = await openVolume(volume.metaUrl, { readOnly: true });
    try {
      const reader = await open.open(['.minio.sys', 'buckets', bucket, '.metadata.bin']);
      try {
        return parseBucketMetadata(await reader.readAll());
      } finally {
        await reader.close();
      }
    } finally {
      await open.close();
    }
  };

  it('is begun in the volume, is kept with the policy, and goes with the bucket', async () => {
    const begun = await stored();
    expect(begun).toEqual({ createdMs: expect.any(Number), lockEnabled: false, documents: new Map() });
    expect(Math.abs(Date.now() - ('createdMs' in begun ? begun.createdMs : 0))).toBeLessThan(60_000);
    await put(document('*'));
    expect(await stored()).toEqual({ ...begun, documents: new Map([['policy', JSON.stringify(document('*'))]]) });
    await gateway.client.send({ method: 'DELETE', bucket, key: 'k', keys: gateway.root });
    await gateway.client.send({ method: 'DELETE', bucket, keys: gateway.root });
    await expect(stored()).rejects.toThrow('ENOENT');
    await gateway.client.send({ method: 'PUT', bucket, keys: gateway.root });
    expect(await policy(gateway.root)).toMatchObject({ status: 404, code: 'NoSuchBucketPolicy' });
    expect(await stored()).toMatchObject({ documents: new Map() });
  });
});
