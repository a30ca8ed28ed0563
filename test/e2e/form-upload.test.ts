// Browser form uploads (PostObject): signed in both ways or not at all, their policies upheld, their keys through the one door.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import type { S3Answer, S3Client } from '../harness/s3-client.ts';
import { xmlValue } from '../harness/s3-client.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';

const BUCKET = 'forms';
let folder: string;
let gateway: Gateway;
let client: S3Client;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  const flags = ['--multi-buckets', '--keep-etag', '--object-tag', '--object-meta', '--workers', '1'];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  client = gateway.client;
  await client.send({ method: 'PUT', bucket: BUCKET, keys: gateway.root });
  await client.send({ method: 'PUT', bucket: 'other', keys: gateway.root });
});

afterAll(async () => {
  await gateway.dispose();
  removeTempFolder(folder);
});

type Condition = readonly (string | number)[] | Readonly<Record<string, string>>;

function policyOf(conditions: readonly Condition[], expiresInMs = 60_000): string {
  const expiration = new Date(Date.now() + expiresInMs).toISOString();
  return Buffer.from(JSON.stringify({ expiration, conditions })).toString('base64');
}

function signedV2(policy: string): Record<string, string> {
  const signature = createHmac('sha1', gateway.root.secretKey).update(policy).digest('base64');
  return { AWSAccessKeyId: gateway.root.accessKey, policy, signature };
}

function signedV4(conditions: readonly Condition[]): Record<string, string> {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = [date.slice(0, 8), 'us-east-1', 's3', 'aws4_request'];
  const fields = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${gateway.root.accessKey}/${scope.join('/')}`,
    'x-amz-date': date,
  };
  const policy = policyOf([...conditions, ...Object.entries(fields).map(([name, value]) => ({ [name]: value }))]);
  let key: Buffer = Buffer.from(`AWS4${gateway.root.secretKey}`);
  for (const part of scope) key = createHmac('sha256', key).update(part).digest();
  return { ...fields, policy, 'x-amz-signature': createHmac('sha256', key).update(policy).digest('hex') };
}

const BOUNDARY = 'the-line-between';

/** `named`: every field comes with a file name, as some clients have it. */
function formBody(
  fields: Readonly<Record<string, string>>,
  file: string,
  fileName = 'photo.txt',
  named = false,
): Buffer {
  const parts = Object.entries(fields).map(
    ([name, value]) =>
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${named ? `; filename="${name}"` : ''}\r\n\r\n${value}\r\n`,
  );
  return Buffer.from(
    `${parts.join('')}--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\n` +
      `Content-Type: text/plain\r\n\r\n${file}\r\n--${BOUNDARY}--\r\n`,
  );
}

function post(body: Buffer, bucket = BUCKET): Promise<S3Answer> {
  const headers = { host: client.host, 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  return client.raw('POST', `/${bucket}`, { ...headers, 'content-length': String(body.length) }, body);
}

const read = (key: string): Promise<S3Answer> => client.send({ bucket: BUCKET, key, keys: gateway.root });
const anyKey: readonly Condition[] = [{ bucket: BUCKET }, ['starts-with', '$key', '']];

describe('a form upload', () => {
  it('puts the file, signed in the old way and in the new one', async () => {
    const old = await post(formBody({ key: 'old', ...signedV2(policyOf(anyKey)) }, 'by V2'));
    const current = await post(formBody({ key: 'new', ...signedV4(anyKey) }, 'by V4'));
    expect([old.status, current.status]).toEqual([204, 204]);
    expect((await read('old')).body.toString()).toBe('by V2');
    expect((await read('new')).body.toString()).toBe('by V4');
  });

  it('takes fields that come with a file name, and large files in pieces', async () => {
    const file = 'x'.repeat(3_000_000);
    const answer = await post(formBody({ key: 'large', ...signedV2(policyOf(anyKey)) }, file, 'f', true));
    expect(answer.status).toBe(204);
    expect((await read('large')).body.length).toBe(file.length);
  });

  it('names the object after the file, without the folders of the client', async () => {
    const fields = {
      key: `in/\${filename}`,
      ...signedV2(policyOf([{ bucket: BUCKET }, ['starts-with', '$key', 'in/']])),
    };
    expect((await post(formBody(fields, 'named', 'C:\\\\pictures\\\\cat.txt'))).status).toBe(204);
    expect((await read('in/cat.txt')).body.toString()).toBe('named');
  });

  it('answers as the form wants it', async () => {
    const conditions = [
      ...anyKey,
      ['starts-with', '$success_action_status', ''],
      { success_action_redirect: 'http://a.example/?x=1' },
    ];
    const fields = signedV2(policyOf(conditions as readonly Condition[]));
    const answer = await post(formBody({ key: 'r', ...fields, success_action_redirect: 'http://a.example/?x=1' }, 'r'));
    expect(answer.status).toBe(303);
    const url = new URL(answer.headers.location ?? '');
    expect(url.searchParams.get('x')).toBe('1');
    expect(url.searchParams.get('key')).toBe('r');
    const described = await post(
      formBody(
        {
          key: 's',
          ...signedV2(policyOf([...anyKey, ['starts-with', '$success_action_status', '']])),
          success_action_status: '201',
        },
        's',
      ),
    );
    expect([described.status, xmlValue(described.body, 'Key')]).toEqual([201, 's']);
  });

  it('keeps metadata, tags and content type', async () => {
    const conditions: Condition[] = [
      ...anyKey,
      ['starts-with', '$Content-Type', 'text/'],
      { 'x-amz-meta-colour': 'red' },
      ['starts-with', '$tagging', ''],
    ];
    const tagging = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
    const fields = { key: 'm', 'Content-Type': 'text/css', 'x-amz-meta-colour': 'red', tagging };
    expect((await post(formBody({ ...fields, ...signedV2(policyOf(conditions)) }, 'm'))).status).toBe(204);
    const { headers } = await client.send({ method: 'HEAD', bucket: BUCKET, key: 'm', keys: gateway.root });
    expect(headers['content-type']).toBe('text/css');
    expect(headers['x-amz-meta-colour']).toBe('red');
    expect(headers['x-amz-tagging-count']).toBe('1');
  });

  it.each([
    [
      'another bucket than the policy names',
      { fields: { key: 'k' }, conditions: [{ bucket: 'other' }, ['starts-with', '$key', '']] },
      403,
    ],
    [
      'another key than the policy allows',
      { fields: { key: 'k' }, conditions: [{ bucket: BUCKET }, ['starts-with', '$key', 'user/']] },
      403,
    ],
    [
      'a field that the policy does not mention',
      { fields: { key: 'k', 'x-amz-meta-a': 'b' }, conditions: anyKey },
      403,
    ],
    ['too large a file', { fields: { key: 'k' }, conditions: [...anyKey, ['content-length-range', 0, 2]] }, 400],
    ['too small a file', { fields: { key: 'k' }, conditions: [...anyKey, ['content-length-range', 10, 20]] }, 400],
    ['a key that climbs', { fields: { key: '../other/k' }, conditions: anyKey }, 400],
    ['a key in the work area of the volume', { fields: { key: '.sys/k' }, conditions: anyKey }, 403],
    ['no key', { fields: {}, conditions: anyKey }, 400],
  ] as const)('refuses %s, and stores nothing', async (_, { fields, conditions }, status) => {
    const answer = await post(
      formBody({ ...fields, ...signedV2(policyOf(conditions as readonly Condition[])) }, 'bytes'),
    );
    expect(answer.status).toBe(status);
    expect((await read('k')).status).toBe(404);
  });

  it('refuses a policy that has expired, a wrong signature and no signature', async () => {
    const expired = signedV2(policyOf(anyKey, -1_000));
    expect((await post(formBody({ key: 'k', ...expired }, 'b'))).status).toBe(403);
    const wrong = { ...signedV2(policyOf(anyKey)), signature: Buffer.alloc(20).toString('base64') };
    expect((await post(formBody({ key: 'k', ...wrong }, 'b'))).code).toBe('SignatureDoesNotMatch');
    expect((await post(formBody({ key: 'k' }, 'b'))).code).toBe('AccessDenied');
  });

  it('refuses forms that are none, or end early, or hold too much in front of the file', async () => {
    const whole = formBody({ key: 'k', ...signedV2(policyOf(anyKey)) }, 'bytes');
    expect((await post(whole.subarray(0, whole.length - 8))).code).toBe('MalformedPOSTRequest');
    expect((await post(Buffer.from('nothing of the kind'))).status).toBe(400);
    const bulky = formBody({ key: 'k', 'x-ignore-a': 'a'.repeat(30_000), ...signedV2(policyOf(anyKey)) }, 'bytes');
    expect((await post(bulky)).code).toBe('MaxPostPreDataLengthExceededError');
    expect((await read('k')).status).toBe(404);
  });
});
