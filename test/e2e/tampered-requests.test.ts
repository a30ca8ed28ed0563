// Requests that are not as they were signed: changed ones, presigned URLs beyond what they are for, bodies that are others. Each is refused
// with S3's code for it, and leaves the volume as it was.
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { S3Answer, S3Call } from '../harness/s3-client.ts';
import { objectPath, presign, sha256 } from '../harness/sigv4.ts';
import {
  accessDenied,
  anna,
  client,
  gateway,
  MIB,
  MINUTE,
  noSignatureMatch,
  refused,
  useHomePolicy,
} from './home-policy.ts';

useHomePolicy();

describe('requests that were changed after they were signed', () => {
  const path = objectPath('docs', 'home/mine.txt');

  it.each([
    ['another key', { target: objectPath('docs', 'home/sub/too.txt') }],
    ['another query', { target: `${path}?versionId=null` }],
    ['another method', { method: 'DELETE' }],
  ])('%s', async (_name, change) => {
    const { method, target, headers } = client.prepare({ path, keys: anna });
    const altered = { method, target, ...change };
    expect(await refused(() => client.raw(altered.method, altered.target, headers))).toEqual(noSignatureMatch);
  });

  it('a signed header', async () => {
    const { target, headers } = client.prepare({ path, headers: { range: 'bytes=0-1' }, keys: anna });
    expect(await refused(() => client.raw('GET', target, { ...headers, range: 'bytes=0-9' }))).toEqual(
      noSignatureMatch,
    );
  });

  it('an x-amz-* header that was not signed', async () => {
    const { target, headers } = client.prepare({ method: 'PUT', path, body: 'x', keys: anna });
    const added = { ...headers, 'x-amz-meta-added': 'later' };
    const { status } = await refused(() => client.raw('PUT', target, added, Buffer.from('x')));
    expect(status).toBe(403);
  });

  it('an x-amz-copy-source that was not signed', async () => {
    const { target, headers } = client.prepare({ method: 'PUT', path, keys: anna });
    const added = { ...headers, 'x-amz-copy-source': '/docs/home/sub/too.txt' };
    expect((await refused(() => client.raw('PUT', target, added))).status).toBe(403);
  });
});

describe('presigned URLs', () => {
  const path = objectPath('docs', 'home/mine.txt');
  const get = (target: string): Promise<S3Answer> => client.raw('GET', target, { host: client.host });
  const url = (ageMs: number, expires: number): string =>
    presign({ method: 'GET', path, host: client.host }, anna, new Date(Date.now() - ageMs), expires);

  it('stand while they last', async () => {
    expect((await get(url(5 * MINUTE, 600))).status).toBe(200);
  });

  it('expire', async () => {
    expect(await refused(() => get(url(5 * MINUTE, 60)))).toEqual(accessDenied);
  });

  it('cannot be given a longer life', async () => {
    const longer = url(5 * MINUTE, 60).replace('X-Amz-Expires=60', 'X-Amz-Expires=6000');
    expect(await refused(() => get(longer))).toEqual(noSignatureMatch);
  });

  it('cannot be given a second expiry', async () => {
    for (const target of [
      `${url(5 * MINUTE, 60)}&X-Amz-Expires=6000`,
      url(5 * MINUTE, 60).replace('?', '?X-Amz-Expires=6000&'),
    ]) {
      const { status } = await refused(() => get(target));
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(404);
    }
  });

  it('are no longer than a week', async () => {
    expect(await refused(() => get(url(0, 8 * 24 * 3600)))).toEqual({
      status: 400,
      code: 'AuthorizationQueryParametersError',
    });
  });

  it('are for one method and one key', async () => {
    const target = url(0, 600);
    expect(await refused(() => client.raw('DELETE', target, { host: client.host }))).toEqual(noSignatureMatch);
    expect(await refused(() => get(target.replace('mine.txt', 'sub/too.txt')))).toEqual(noSignatureMatch);
  });

  it('do not widen what their signer may do', async () => {
    const target = presign(
      { method: 'GET', path: objectPath('docs', 'secret.txt'), host: client.host },
      anna,
      new Date(),
      600,
    );
    expect(await refused(() => get(target))).toEqual(accessDenied);
  });
});

describe('bodies that are not what was signed', () => {
  it.each([
    ['small', 10],
    ['larger than a block', 5 * MIB],
  ])('%s: x-amz-content-sha256 of another body', async (_name, size) => {
    const body = randomBytes(size);
    const payloadHash = sha256(body);
    body[size - 1] = (body[size - 1] ?? 0) ^ 1;
    const call: S3Call = { method: 'PUT', bucket: 'docs', key: 'home/tampered.bin', body, payloadHash, keys: anna };
    expect(await refused(() => client.send(call))).toEqual({ status: 400, code: 'XAmzContentSHA256Mismatch' });
    expect((await client.send({ bucket: 'docs', key: 'home/tampered.bin', keys: gateway.root })).code).toBe(
      'NoSuchKey',
    );
  });

  it('an object that is there stays what it was', async () => {
    const call: S3Call = {
      method: 'PUT',
      bucket: 'docs',
      key: 'home/mine.txt',
      body: 'tampered',
      payloadHash: sha256('genuine!'),
      keys: anna,
    };
    expect((await refused(() => client.send(call))).code).toBe('XAmzContentSHA256Mismatch');
    const got = await client.send({ bucket: 'docs', key: 'home/mine.txt', keys: anna });
    expect(got.body.toString()).toBe('content of home/mine.txt');
  });

  it('Content-MD5 of another body', async () => {
    const headers = { 'content-md5': Buffer.alloc(16, 7).toString('base64') };
    const call: S3Call = { method: 'PUT', bucket: 'docs', key: 'home/md5.bin', body: 'x', headers, keys: anna };
    expect(await refused(() => client.send(call))).toEqual({ status: 400, code: 'BadDigest' });
  });

  it('a checksum of another body', async () => {
    const headers = { 'x-amz-checksum-crc32': 'AAAAAA==' };
    const call: S3Call = { method: 'PUT', bucket: 'docs', key: 'home/crc.bin', body: 'x', headers, keys: anna };
    expect((await refused(() => client.send(call))).status).toBe(400);
  });

  const FRAME = 64 * 1024;
  const frames = (): Buffer[] => Array.from({ length: 80 }, () => randomBytes(FRAME));
  const tampered: [string, (encoded: Buffer[]) => Buffer[]][] = [
    ['a changed byte in the first frame', (encoded) => flip(encoded, 0, 1000)],
    ['a changed byte in the last full frame', (encoded) => flip(encoded, 79, 1000)],
    ['a changed frame signature', (encoded) => flip(encoded, 40, '10000;chunk-signature='.length)],
    ["two frames in each other's place", (encoded) => swap(encoded, 3, 4)],
    [
      'a frame sent twice instead of the next',
      (encoded) => encoded.map((frame, i) => (i === 6 ? (encoded[5] ?? frame) : frame)),
    ],
  ];
  it.each(tampered)('signed frames: %s', async (_name, tamper) => {
    const { target, headers, encoded } = client.prepareFrames(
      { bucket: 'docs', key: 'home/frames.bin', keys: anna },
      frames(),
    );
    const body = Buffer.concat(tamper(encoded));
    expect(await refused(() => client.raw('PUT', target, headers, body))).toEqual(noSignatureMatch);
    expect((await client.send({ bucket: 'docs', key: 'home/frames.bin', keys: gateway.root })).code).toBe('NoSuchKey');
  });

  it('signed frames without the last one', async () => {
    const { target, headers, encoded } = client.prepareFrames(
      { bucket: 'docs', key: 'home/frames.bin', keys: anna },
      frames(),
    );
    const body = Buffer.concat(encoded.slice(0, -1));
    const short = { ...headers, 'content-length': String(body.length) };
    const { status } = await refused(() => client.raw('PUT', target, short, body));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  });
});

/** The same frames with one byte of one of them changed. */
function flip(encoded: readonly Buffer[], index: number, at: number): Buffer[] {
  return encoded.map((frame, i) => {
    if (i !== index) return frame;
    const changed = Buffer.from(frame);
    // A digit, so that a changed signature still reads as one.
    changed[at] = changed[at] === 0x30 ? 0x31 : 0x30;
    return changed;
  });
}

/** The same frames, two of them in each other's place. */
function swap(encoded: readonly Buffer[], one: number, other: number): Buffer[] {
  const swapped = [...encoded];
  [swapped[one], swapped[other]] = [swapped[other] ?? Buffer.of(), swapped[one] ?? Buffer.of()];
  return swapped;
}
