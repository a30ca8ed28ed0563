// Questions that lie in the body, and facts that lie in the volume: documents in signed frames, and policies over the tags that an
// object has.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import { collect, type S3Answer, type S3Call, type S3Client, xmlElements, xmlValue } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';

const reader: Keys = { accessKey: 'reader', secretKey: 'reader-secret' };
const tagger: Keys = { accessKey: 'tagger', secretKey: 'tagger-secret' };
const deleter: Keys = { accessKey: 'deleter', secretKey: 'deleter-secret' };

let folder: string;
let gateway: Gateway;
let client: S3Client;
logsOnFailure(() => gateway);

const put = (key: string, tags = ''): Promise<S3Answer> =>
  client.send({
    method: 'PUT',
    bucket: 'docs',
    key,
    body: `content of ${key}`,
    headers: tags === '' ? {} : { 'x-amz-tagging': tags },
    keys: gateway.root,
  });
const status = async (call: S3Call): Promise<number> => (await client.send({ bucket: 'docs', ...call })).status;

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  const green = { StringEquals: { 's3:ExistingObjectTag/colour': 'green' } };
  const red = { StringEquals: { 's3:ExistingObjectTag/colour': 'red' } };
  const statement = (Effect: string, Action: string[], Condition?: object) => ({
    Effect,
    Action,
    Resource: ['arn:aws:s3:::docs', 'arn:aws:s3:::docs/*'],
    ...(Condition === undefined ? {} : { Condition }),
  });
  const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
  await writeIdentities(volume, {
    users: [
      { ...reader, policies: ['read-green'] },
      { ...tagger, policies: ['tag-not-red'] },
      { ...deleter, policies: ['delete'] },
    ],
    policies: {
      'read-green': policy(
        statement('Allow', ['s3:GetObject', 's3:GetObjectTagging'], green),
        statement('Allow', ['s3:PutObject', 's3:ListBucket']),
      ),
      'tag-not-red': policy(
        statement('Allow', ['s3:PutObjectTagging', 's3:DeleteObjectTagging', 's3:GetObject', 's3:PutObject']),
        statement('Deny', ['s3:PutObjectTagging', 's3:DeleteObjectTagging', 's3:GetObject'], red),
      ),
      delete: policy(
        statement('Allow', ['s3:DeleteObject', 's3:ListBucket']),
        { Effect: 'Deny', Action: ['s3:DeleteObject'], Resource: ['arn:aws:s3:::docs/kept/*'] },
        // without a list of actions, any key may be a condition
        { Effect: 'Deny', NotAction: ['s3:ListBucket'], Resource: ['arn:aws:s3:::docs/tagged/*'], Condition: red },
      ),
    },
  });
  const flags = ['--multi-buckets', '--keep-etag', '--object-tag', '--workers', '1'];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  client = gateway.client;
  await client.send({ method: 'PUT', bucket: 'docs', keys: gateway.root });
  await put('green', 'colour=green');
  await put('red', 'colour=red&size=large');
  await put('plain');
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

describe('the tags of an object', () => {
  it.each([
    ['green', 200],
    ['red', 403],
    ['plain', 403],
    // an object that is not there has no tags, and who may list is not told more than that it may not be read
    ['missing', 403],
  ])('decide whether %s is read', async (key, expected) => {
    expect(await status({ key, keys: reader })).toBe(expected);
    expect(await status({ method: 'HEAD', key, keys: reader })).toBe(expected);
    expect(await status({ key, query: { tagging: '' }, keys: reader })).toBe(expected);
  });

  it.each([
    ['green', 200],
    ['red', 403],
    ['plain', 200],
    ['missing', 403],
  ])('deny where a statement says so: %s', async (key, expected) => {
    expect(await status({ key, keys: tagger })).toBe(expected);
  });

  it('are those of the source where a copy is made', async () => {
    const copy = (source: string): Promise<number> =>
      status({ method: 'PUT', key: 'copy', headers: { 'x-amz-copy-source': `/docs/${source}` }, keys: reader });
    expect(await copy('green')).toBe(200);
    expect(await copy('red')).toBe(403);
    expect(await copy('plain')).toBe(403);
  });

  it('are those that the object has now, whoever set them', async () => {
    await put('changing');
    expect(await status({ key: 'changing', keys: reader })).toBe(403);
    const tag = (colour: string): Promise<number> =>
      status({
        method: 'PUT',
        key: 'changing',
        query: { tagging: '' },
        body: `<Tagging><TagSet><Tag><Key>colour</Key><Value>${colour}</Value></Tag></TagSet></Tagging>`,
        keys: tagger,
      });
    expect(await tag('green')).toBe(200);
    expect(await status({ key: 'changing', keys: reader })).toBe(200);
    expect(await tag('red')).toBe(200);
    expect(await status({ key: 'changing', keys: reader })).toBe(403);
    // and now it may not be changed any more
    expect(await tag('green')).toBe(403);
    expect(await status({ method: 'DELETE', key: 'changing', query: { tagging: '' }, keys: tagger })).toBe(403);
  });
});

const documentOf = (...keys: string[]): Buffer =>
  Buffer.from(`<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`);

/** Sends a document in signed frames of `size` bytes; `spoil` may change what goes over the wire. */
async function sendFramed(
  call: S3Call & { readonly keys: Keys },
  document: Buffer,
  { size = 40, spoil = (encoded: Buffer[]): Buffer[] => encoded } = {},
): Promise<S3Answer> {
  const frames: Buffer[] = [];
  for (let start = 0; start < document.length; start += size) frames.push(document.subarray(start, start + size));
  const { target, headers, encoded } = client.prepareFrames(call, frames);
  return new Promise((resolve, reject) => {
    const outgoing = client.open(call.method ?? 'PUT', target, headers);
    outgoing.on('response', (response) => resolve(collect(response)));
    outgoing.on('error', reject);
    outgoing.end(Buffer.concat(spoil(encoded)));
  });
}

describe('a document in signed frames', () => {
  const deleteCall = (keys: Keys): S3Call & { readonly keys: Keys } => ({
    method: 'POST',
    bucket: 'docs',
    query: { delete: '' },
    keys,
  });

  it('deletes the objects that its sender may delete', async () => {
    await Promise.all(['gone/a', 'gone/b', 'kept/a'].map((key) => put(key)));
    const answer = await sendFramed(deleteCall(deleter), documentOf('gone/a', 'gone/b', 'kept/a'));
    expect(answer.status).toBe(200);
    const deleted = xmlElements(answer.body, 'Deleted').map((entry) => xmlValue(entry, 'Key'));
    expect(deleted).toEqual(['gone/a', 'gone/b']);
    expect(xmlElements(answer.body, 'Error').map((entry) => xmlValue(entry, 'Code'))).toEqual(['AccessDenied']);
    expect(await status({ method: 'HEAD', key: 'gone/a', keys: gateway.root })).toBe(404);
    expect(await status({ method: 'HEAD', key: 'kept/a', keys: gateway.root })).toBe(200);
  });

  it('deletes nothing when a frame is not the one that was signed', async () => {
    await put('framed/a');
    const spoil = (encoded: Buffer[]): Buffer[] =>
      encoded.map((frame) => Buffer.from(frame.toString('latin1').replace('framed/b', 'framed/a'), 'latin1'));
    const answer = await sendFramed(deleteCall(deleter), documentOf('framed/b'), { size: 1000, spoil });
    expect(answer).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    expect(await status({ method: 'HEAD', key: 'framed/a', keys: gateway.root })).toBe(200);
  });

  it('makes buckets and sets tags', async () => {
    const root = gateway.root;
    const location = Buffer.from(
      '<CreateBucketConfiguration><LocationConstraint>eu</LocationConstraint></CreateBucketConfiguration>',
    );
    expect(await sendFramed({ method: 'PUT', bucket: 'framed', keys: root }, location)).toMatchObject({ status: 200 });
    const tags = Buffer.from('<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>');
    await put('framed-tags');
    const call = { method: 'PUT', bucket: 'docs', key: 'framed-tags', query: { tagging: '' }, keys: root };
    expect(await sendFramed(call, tags)).toMatchObject({ status: 200 });
    const stored = await client.send({ bucket: 'docs', key: 'framed-tags', query: { tagging: '' }, keys: root });
    expect(xmlValue(stored.body, 'Value')).toBe('b');
  });
});

describe('deleting by the tags of objects', () => {
  it('leaves those that a policy keeps, one by one and in a document', async () => {
    await put('tagged/red', 'colour=red');
    await put('tagged/green', 'colour=green');
    expect(await status({ method: 'DELETE', key: 'tagged/red', keys: deleter })).toBe(403);
    const answer = await client.send({
      method: 'POST',
      bucket: 'docs',
      query: { delete: '' },
      body: documentOf('tagged/red', 'tagged/green'),
      keys: deleter,
    });
    expect(xmlElements(answer.body, 'Deleted').map((entry) => xmlValue(entry, 'Key'))).toEqual(['tagged/green']);
    expect(await status({ method: 'HEAD', key: 'tagged/red', keys: gateway.root })).toBe(200);
    expect(await status({ method: 'HEAD', key: 'tagged/green', keys: gateway.root })).toBe(404);
  });
});
