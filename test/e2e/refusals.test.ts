// What a user with a policy for `docs/home/*` may do over real HTTP, and all the ways of asking for more: each is refused with
// S3's code for it, and leaves the volume (all metadata and all blocks) as it was.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { escapeXml, type S3Answer, type S3Call, xmlElements, xmlValue } from '../harness/s3-client.ts';
import { objectPath, presign, sha256 } from '../harness/sigv4.ts';
import { volumeState } from '../harness/volume.ts';
import {
  accessDenied,
  anna,
  client,
  gateway,
  MINUTE,
  nobody,
  noSignatureMatch,
  refused,
  useHomePolicy,
  volume,
} from './home-policy.ts';

useHomePolicy();

/** AWS's words for what nothing allows to anna. */
function told(action: string, resource: string): unknown {
  return expect.stringMatching(
    new RegExp(
      String.raw`^User: arn:aws:iam::\d{12}:user/anna is not authorized to perform: ${action} on resource: ` +
        `"arn:aws:s3:::${resource}" because no identity-based policy allows the ${action} action$`,
    ),
  );
}

describe('a policy for docs/home/*', () => {
  it('allows reading, writing, copying and deleting below home/', async () => {
    const key = 'home/new/one.txt';
    const put = await client.send({ method: 'PUT', bucket: 'docs', key, body: 'hello', keys: anna });
    expect(put.status).toBe(200);
    const got = await client.send({ bucket: 'docs', key, keys: anna });
    expect([got.status, got.body.toString()]).toEqual([200, 'hello']);
    const copied = await client.send({
      method: 'PUT',
      bucket: 'docs',
      key: 'home/new/two.txt',
      headers: { 'x-amz-copy-source': '/docs/home/new/one.txt' },
      keys: anna,
    });
    expect(copied.status).toBe(200);
    for (const name of ['one', 'two']) {
      const removed = await client.send({ method: 'DELETE', bucket: 'docs', key: `home/new/${name}.txt`, keys: anna });
      expect(removed.status).toBe(204);
    }
    expect((await client.send({ bucket: 'docs', key, keys: gateway.root })).code).toBe('NoSuchKey');
  });

  it('allows a presigned GET and PUT', async () => {
    const { host } = client;
    const path = objectPath('docs', 'home/presigned.txt');
    const put = presign({ method: 'PUT', path, host }, anna, new Date(), 300);
    expect((await client.raw('PUT', put, { host, 'content-length': '5' }, Buffer.from('hello'))).status).toBe(200);
    const get = await client.raw('GET', presign({ method: 'GET', path, host }, anna, new Date(), 300), { host });
    expect([get.status, get.body.toString()]).toEqual([200, 'hello']);
    expect((await client.send({ method: 'DELETE', path, keys: anna })).status).toBe(204);
  });

  it('allows an upload in signed frames', async () => {
    const body = randomBytes(3 * 64 * 1024 + 7);
    const frames = [0, 1, 2, 3].map((i) => body.subarray(i * 65_536, (i + 1) * 65_536));
    const { target, headers, encoded } = client.prepareFrames(
      { bucket: 'docs', key: 'home/frames.bin', keys: anna },
      frames,
    );
    expect((await client.raw('PUT', target, headers, Buffer.concat(encoded))).status).toBe(200);
    const got = await client.send({ bucket: 'docs', key: 'home/frames.bin', keys: anna });
    expect(got.body.equals(body)).toBe(true);
    expect((await client.send({ method: 'DELETE', bucket: 'docs', key: 'home/frames.bin', keys: anna })).status).toBe(
      204,
    );
  });
});

describe('who may not', () => {
  const home = { bucket: 'docs', key: 'home/mine.txt' };
  const rows: [string, S3Call, { status: number; code: string | undefined }][] = [
    ['implicitly denied: GET outside', { bucket: 'docs', key: 'secret.txt', keys: anna }, accessDenied],
    ['implicitly denied: another bucket', { bucket: 'other', key: 'secret.txt', keys: anna }, accessDenied],
    [
      'implicitly denied: PUT outside',
      { method: 'PUT', bucket: 'docs', key: 'homes/x', body: 'x', keys: anna },
      accessDenied,
    ],
    [
      'implicitly denied: DELETE outside',
      { method: 'DELETE', bucket: 'docs', key: 'secret.txt', keys: anna },
      accessDenied,
    ],
    ['implicitly denied: list the bucket', { bucket: 'docs', query: { 'list-type': '2' }, keys: anna }, accessDenied],
    ['implicitly denied: make a bucket', { method: 'PUT', bucket: 'annas', keys: anna }, accessDenied],
    ['implicitly denied: remove a bucket', { method: 'DELETE', bucket: 'docs', keys: anna }, accessDenied],
    [
      'implicitly denied: start a multipart upload outside',
      { method: 'POST', bucket: 'docs', key: 'big.bin', query: { uploads: '' }, keys: anna },
      accessDenied,
    ],
    ['a user without any policy', { ...home, keys: nobody }, accessDenied],
    ['explicitly denied: GET', { bucket: 'docs', key: 'home/locked/safe.txt', keys: anna }, accessDenied],
    [
      'explicitly denied: PUT',
      { method: 'PUT', bucket: 'docs', key: 'home/locked/x', body: 'x', keys: anna },
      accessDenied,
    ],
    [
      'explicitly denied: DELETE',
      { method: 'DELETE', bucket: 'docs', key: 'home/locked/safe.txt', keys: anna },
      accessDenied,
    ],
    ['anonymous: GET', home, accessDenied],
    ['anonymous: PUT', { ...home, method: 'PUT', body: 'mine now' }, accessDenied],
    ['anonymous: ListBuckets', {}, accessDenied],
    ['a wrong secret', { ...home, keys: { ...anna, secretKey: 'not-her-secret' } }, noSignatureMatch],
    [
      'a wrong secret: PUT',
      { ...home, method: 'PUT', body: 'x', keys: { ...anna, secretKey: 'not-her-secret' } },
      noSignatureMatch,
    ],
    [
      'an unknown access key',
      { ...home, keys: { accessKey: 'whoisthis', secretKey: 'whatever-secret' } },
      { status: 403, code: 'InvalidAccessKeyId' },
    ],
    [
      'a clock 20 minutes behind',
      { ...home, keys: anna, at: new Date(Date.now() - 20 * MINUTE) },
      { status: 403, code: 'RequestTimeTooSkewed' },
    ],
    [
      'a clock 20 minutes ahead',
      { ...home, keys: anna, at: new Date(Date.now() + 20 * MINUTE) },
      { status: 403, code: 'RequestTimeTooSkewed' },
    ],
  ];
  it.each(rows)('%s', async (_name, call, expected) => {
    expect(await refused(() => client.send(call))).toEqual(expected);
  });

  it('HEAD of a denied object says 403 and nothing else', async () => {
    const answer = await client.send({ method: 'HEAD', bucket: 'docs', key: 'secret.txt', keys: anna });
    expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([403, 0, undefined]);
  });

  it('a denied GET does not tell whether the object exists', async () => {
    expect(await client.send({ bucket: 'docs', key: 'no-such-thing', keys: anna })).toMatchObject(accessDenied);
  });

  it('a GET of a missing object by one who may read but not list says what was refused', async () => {
    const answer = await client.send({ bucket: 'docs', key: 'home/missing.txt', keys: anna });
    expect(answer).toMatchObject(accessDenied);
    expect(xmlValue(answer.body, 'Message')).toEqual(told('s3:ListBucket', 'docs'));
  });

  it('ListBuckets by one who may see no bucket says what was refused', async () => {
    const answer = await client.send({ keys: nobody });
    expect(answer).toMatchObject(accessDenied);
    expect(xmlValue(answer.body, 'Message')).toMatch(
      /^User: arn:aws:iam::\d{12}:user\/nobody is not authorized to perform: s3:ListAllMyBuckets on resource: /,
    );
  });

  it('ListBuckets without credentials says nothing', async () => {
    const answer = await client.send({});
    expect(answer).toMatchObject(accessDenied);
    expect(answer.body).not.toContain('s3:');
  });
});

describe('names that come in by another door', () => {
  const copy = (source: string, key = 'home/copied.txt'): Promise<S3Answer> =>
    client.send({ method: 'PUT', bucket: 'docs', key, headers: { 'x-amz-copy-source': source }, keys: anna });

  it.each([
    ['outside the policy', '/docs/secret.txt'],
    ['in another bucket', 'other/secret.txt'],
    ['explicitly denied', '/docs/home/locked/safe.txt'],
    ['encoded', '/docs/%73ecret.txt'],
  ])('a copy source %s', async (_name, source) => {
    expect(await refused(() => copy(source))).toEqual(accessDenied);
  });

  it.each([
    '/docs/home/../secret.txt',
    '/docs/home/%2e%2e/secret.txt',
    'docs/home/sub/../../secret.txt',
    '/docs/home/..%2fsecret.txt',
  ])('a copy source that climbs: %s', async (source) => {
    const { status, code } = await refused(() => copy(source));
    expect([status, code]).toEqual([400, 'XMinioInvalidObjectName']);
  });

  it.each(['/.minio.sys/config/iam/users/anna/identity.json', '/docs/../.minio.sys/config/config.json', '/.sys/x'])(
    "a copy source in the volume's own folders: %s",
    async (source) => {
      const { status } = await refused(() => copy(source));
      expect([400, 403]).toContain(status);
    },
  );

  it('a copy target outside the policy', async () => {
    expect(await refused(() => copy('/docs/home/mine.txt', 'outside.txt'))).toEqual(accessDenied);
  });

  it.each([
    '/docs/home/../secret.txt',
    '/docs/home/%2e%2e/secret.txt',
    '/docs/home/%2E%2E%2Fsecret.txt',
    '/docs/home//../../other/secret.txt',
  ])('a path that climbs: %s', async (path) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? 'x' : undefined;
      const { status } = await refused(() =>
        client.send({ method, path, keys: anna, ...(body === undefined ? {} : { body }) }),
      );
      expect([400, 403]).toContain(status);
    }
  });

  const deleteKeys = (keys: readonly string[]): Promise<S3Answer> => {
    const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('');
    const body = `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects}</Delete>`;
    return client.send({ method: 'POST', bucket: 'docs', query: { delete: '' }, body, keys: anna });
  };
  const errors = (answer: S3Answer): (string | undefined)[][] =>
    xmlElements(answer.body, 'Error').map((error) => [xmlValue(error, 'Key'), xmlValue(error, 'Code')]);

  it('DeleteObjects keys outside the policy, and with ".." in them', async () => {
    const before = volumeState(volume);
    const answer = await deleteKeys([
      'secret.txt',
      'home/locked/safe.txt',
      'home/../secret.txt',
      'home/sub/../../secret.txt',
      '../other/secret.txt',
      '../.minio.sys/config/iam/format.json',
    ]);
    expect(answer.status).toBe(200);
    expect(errors(answer)).toEqual([
      ['secret.txt', 'AccessDenied'],
      ['home/locked/safe.txt', 'AccessDenied'],
      ['home/../secret.txt', 'XMinioInvalidObjectName'],
      ['home/sub/../../secret.txt', 'XMinioInvalidObjectName'],
      ['../other/secret.txt', 'XMinioInvalidObjectName'],
      ['../.minio.sys/config/iam/format.json', 'XMinioInvalidObjectName'],
    ]);
    expect(volumeState(volume)).toEqual(before);
  });

  it('DeleteObjects removes what is allowed beside what is not', async () => {
    const body = 'to be removed';
    expect((await client.send({ method: 'PUT', bucket: 'docs', key: 'home/gone.txt', body, keys: anna })).status).toBe(
      200,
    );
    const answer = await deleteKeys(['home/gone.txt', 'secret.txt']);
    expect(xmlElements(answer.body, 'Deleted').map((deleted) => xmlValue(deleted, 'Key'))).toEqual(['home/gone.txt']);
    expect(errors(answer)).toEqual([['secret.txt', 'AccessDenied']]);
    expect(xmlValue(answer.body, 'Message')).toEqual(told('s3:DeleteObject', 'docs/secret.txt'));
    expect((await client.send({ bucket: 'docs', key: 'home/gone.txt', keys: gateway.root })).code).toBe('NoSuchKey');
    expect((await client.send({ bucket: 'docs', key: 'secret.txt', keys: gateway.root })).status).toBe(200);
  });

  it('DeleteObjects whose document is not the signed one', async () => {
    const body = '<Delete><Object><Key>home/mine.txt</Key></Object></Delete>';
    const payloadHash = sha256('<Delete><Object><Key>home/none.txt</Key></Object></Delete>');
    const call: S3Call = { method: 'POST', bucket: 'docs', query: { delete: '' }, body, payloadHash, keys: anna };
    expect((await refused(() => client.send(call))).status).toBe(400);
  });
});
