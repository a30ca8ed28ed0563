// Access control lists through a running gateway: what they grant to whom, and that a Deny and a policy's silence keep their places.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { type S3Answer, type S3Call, type S3Client, xmlValue, xmlValues } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume, volumeState } from '../harness/volume.ts';

const owner: Keys = { accessKey: 'olga', secretKey: 'olga-secret' };
const guest: Keys = { accessKey: 'gustav', secretKey: 'gustav-secret' };
const barred: Keys = { accessKey: 'bert', secretKey: 'bert-secret' };
let folder: string;
let volume: TestVolume;
let gateway: Gateway;
let client: S3Client;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  volume = await formatTestVolume(folder);
  const everything = { Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] };
  await writeIdentities(volume, {
    users: [
      { ...owner, policies: ['everything'] },
      { ...guest, policies: [] },
      { ...barred, policies: ['nothing'] },
    ],
    policies: {
      everything: { Version: '2012-10-17', Statement: [everything] },
      nothing: { Version: '2012-10-17', Statement: [{ ...everything, Effect: 'Deny' }] },
    },
  });
  gateway = await startGateway({
    metaUrl: volume.metaUrl,
    flags: ['--multi-buckets', '--keep-etag', '--object-tag', '--workers', '1'],
  });
  client = gateway.client;
});

afterAll(async () => {
  await gateway.dispose();
  removeTempFolder(folder);
});

const send = (call: S3Call): Promise<S3Answer> => client.send({ keys: owner, ...call });
const status = async (call: S3Call): Promise<number> => (await send(call)).status;
const acl = (name: string): Record<string, string> => ({ 'x-amz-acl': name });
let count = 0;

/** A bucket of olga's with an object. */
async function makeBucket(
  headers: Record<string, string> = {},
  objectHeaders: Record<string, string> = {},
): Promise<string> {
  const bucket = `lists-${++count}`;
  expect(await status({ method: 'PUT', bucket, headers })).toBe(200);
  expect(await status({ method: 'PUT', bucket, key: 'k', body: 'k', headers: objectHeaders })).toBe(200);
  return bucket;
}

const asStranger = { keys: undefined };
const asGuest = { keys: guest };

describe('the list of a bucket', () => {
  it('grants to everyone to list, and nothing else', async () => {
    const bucket = await makeBucket(acl('public-read'));
    expect(await status({ ...asStranger, bucket })).toBe(200);
    expect(await status({ ...asStranger, bucket, key: 'k' })).toBe(403);
    expect(await status({ ...asStranger, bucket, key: 'none' })).toBe(404);
    expect(await status({ ...asStranger, method: 'PUT', bucket, key: 'new', body: 'x' })).toBe(403);
    expect(await status({ ...asStranger, bucket, query: { acl: '' } })).toBe(403);
  });

  it('grants to everyone to put, and neither to remove nor to read', async () => {
    const bucket = await makeBucket(acl('public-read-write'));
    expect(await status({ ...asStranger, method: 'PUT', bucket, key: 'new', body: 'x' })).toBe(200);
    expect(await status({ ...asStranger, method: 'DELETE', bucket, key: 'k' })).toBe(403);
    expect(await status({ ...asStranger, bucket, key: 'new' })).toBe(403);
    expect(
      await status({ ...asStranger, method: 'PUT', bucket, key: 'k', query: { acl: '' }, headers: acl('public-read') }),
    ).toBe(403);
  });

  it('grants to those with a key what the anonymous do not get', async () => {
    const bucket = await makeBucket(acl('authenticated-read'));
    expect(await status({ ...asStranger, bucket })).toBe(403);
    expect(await status({ ...asGuest, bucket })).toBe(200);
  });

  it('grants to one user, who must be there', async () => {
    const bucket = await makeBucket();
    expect(await status({ ...asGuest, bucket })).toBe(403);
    const grant = (id: string): Promise<S3Answer> =>
      send({ method: 'PUT', bucket, query: { acl: '' }, headers: { 'x-amz-grant-read': `id="${id}"` } });
    expect((await grant('nobody')).code).toBe('InvalidArgument');
    expect((await grant('gustav')).status).toBe(200);
    expect(await status({ ...asGuest, bucket })).toBe(200);
    expect(await status({ ...asStranger, bucket })).toBe(403);
    expect(await status({ method: 'PUT', bucket, query: { acl: '' }, headers: acl('private') })).toBe(200);
    expect(await status({ ...asGuest, bucket })).toBe(403);
  });

  it('grants nothing that a policy denies', async () => {
    const bucket = await makeBucket(acl('public-read'));
    expect(await status({ keys: barred, bucket })).toBe(403);
  });

  it('shows whose the bucket is', async () => {
    const bucket = await makeBucket(acl('public-read'));
    const { body } = await send({ bucket, query: { acl: '' } });
    expect(xmlValues(body, 'ID')).toEqual(['olga', 'olga']);
    expect(xmlValue(body, 'URI')).toBe('http://acs.amazonaws.com/groups/global/AllUsers');
  });

  it('goes with its bucket', async () => {
    const bucket = await makeBucket(acl('public-read'));
    await send({ method: 'DELETE', bucket, key: 'k' });
    expect(await status({ method: 'DELETE', bucket })).toBe(204);
    expect(await status({ method: 'PUT', bucket, keys: gateway.root })).toBe(200);
    expect(await status({ ...asStranger, bucket })).toBe(403);
  });
});

describe('the list of an object', () => {
  it('grants to everyone to read it, and no other', async () => {
    const bucket = await makeBucket({}, acl('public-read'));
    await send({ method: 'PUT', bucket, key: 'private', body: 'x' });
    expect((await send({ ...asStranger, bucket, key: 'k' })).body.toString()).toBe('k');
    expect(await status({ ...asStranger, method: 'HEAD', bucket, key: 'k' })).toBe(200);
    expect(await status({ ...asStranger, bucket, key: 'private' })).toBe(403);
    expect(await status({ ...asStranger, bucket, key: 'none' })).toBe(403);
  });

  it('ends when the object is put again, and when it is made private', async () => {
    const bucket = await makeBucket({}, acl('public-read'));
    await send({ method: 'PUT', bucket, key: 'k', body: 'again' });
    expect(await status({ ...asStranger, bucket, key: 'k' })).toBe(403);
    expect(await status({ method: 'PUT', bucket, key: 'k', query: { acl: '' }, headers: acl('public-read') })).toBe(
      200,
    );
    expect(await status({ ...asStranger, bucket, key: 'k' })).toBe(200);
    expect(await status({ method: 'PUT', bucket, key: 'k', query: { acl: '' }, headers: acl('private') })).toBe(200);
    expect(await status({ ...asStranger, bucket, key: 'k' })).toBe(403);
  });

  it('is not copied with the object', async () => {
    const bucket = await makeBucket({}, acl('public-read'));
    await send({ method: 'PUT', bucket, key: 'copy', headers: { 'x-amz-copy-source': `${bucket}/k` } });
    expect(await status({ ...asStranger, bucket, key: 'copy' })).toBe(403);
  });

  it('counts for nothing where the owner of the bucket wants no lists', async () => {
    const bucket = await makeBucket({ 'x-amz-object-ownership': 'BucketOwnerEnforced' });
    const put = await send({ method: 'PUT', bucket, key: 'p', body: 'p', headers: acl('public-read') });
    expect(put.code).toBe('AccessControlListNotSupported');
  });
});

it('refuses those who expect the bucket to be of somebody else', async () => {
  const bucket = await makeBucket();
  const expecting = (who: string): Promise<number> =>
    status({ bucket, headers: { 'x-amz-expected-bucket-owner': who } });
  expect([await expecting('olga'), await expecting('000000000000'), await expecting('gustav')]).toEqual([
    200, 200, 403,
  ]);
});

it('a refused upload with a list leaves nothing, not even word of the list', async () => {
  const bucket = await makeBucket();
  expect(await status({ method: 'PUT', bucket, key: 'dir/k', body: 'x' })).toBe(200);
  const before = volumeState(volume);
  const shared = acl('public-read');
  const refused: S3Call[] = [
    { key: 'dir', body: 'x' },
    { key: 'k/below', body: 'x' },
    { key: 'new', body: 'x', headers: { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' } },
    { key: 'k', body: 'x', headers: { 'if-none-match': '*' } },
    { key: 'dir', headers: { 'x-amz-copy-source': `${bucket}/k` } },
    { key: 'new', headers: { 'x-amz-copy-source': `${bucket}/none` } },
  ];
  for (const call of refused) {
    const answer = await send({ method: 'PUT', bucket, ...call, headers: { ...shared, ...call.headers } });
    expect({ call, status: answer.status }).toEqual({
      call,
      status: expect.toSatisfy((code) => code >= 400 && code < 500),
    });
  }
  expect(volumeState(volume)).toEqual(before);
});
