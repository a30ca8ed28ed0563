import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Frame_Kind } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { ByteSource } from './byte-reader.ts';
import { S3Error } from './errors.ts';
import { type FrameChannel, FrameVerifier, MAX_FRAMES_IN_FLIGHT, type SignedFrame } from './frame-verifier.ts';
import { CheckedPayload, planPayload, readDocument } from './payload.ts';
import { readTransferForm } from './transfer-form.ts';

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const md5 = (data: string): string => createHash('md5').update(data).digest('base64');

/** The body in pieces of the given size, so that lines and frames straddle them. */
function source(body: Uint8Array | string, pieceSize = 7): ByteSource {
  let left = Buffer.from(body);
  return {
    async next() {
      if (left.length === 0) return undefined;
      const piece = left.subarray(0, pieceSize);
      left = left.subarray(pieceSize);
      return piece;
    },
  };
}

/** Verifies chained signatures as AWS describes them, with the key that a sidecar would hold. */
class ChainChannel implements FrameChannel {
  readonly #key: Buffer;
  readonly #prefix: string;
  #previous: string;
  last = false;
  released = false;
  constructor(key: Buffer, time: string, scope: string, seed: string) {
    this.#key = key;
    this.#prefix = `${time}\n${scope}`;
    this.#previous = seed;
  }
  async verify(frames: readonly SignedFrame[], last: boolean): Promise<boolean> {
    this.last = last;
    return frames.every(({ kind, sha256: hash, signature }) => {
      const data = kind === Frame_Kind.KIND_DATA;
      const text = data
        ? `AWS4-HMAC-SHA256-PAYLOAD\n${this.#prefix}\n${this.#previous}\n${sha256('')}\n${Buffer.from(hash).toString('hex')}`
        : `AWS4-HMAC-SHA256-TRAILER\n${this.#prefix}\n${this.#previous}\n${Buffer.from(hash).toString('hex')}`;
      this.#previous = createHmac('sha256', this.#key).update(text).digest('hex');
      return this.#previous === signature;
    });
  }
  release(): void {
    this.released = true;
  }
}

// AWS: "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks", the worked example.
const AWS_KEY = ['20130524', 'us-east-1', 's3', 'aws4_request'].reduce<Buffer>(
  (key, part) => createHmac('sha256', key).update(part).digest(),
  Buffer.from('AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'),
);
const AWS_SCOPE = '20130524/us-east-1/s3/aws4_request';
const AWS_TIME = '20130524T000000Z';
const AWS_SEED = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
const AWS_SIGNATURES = [
  'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
  '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
  'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
];
const awsChannel = (): ChainChannel => new ChainChannel(AWS_KEY, AWS_TIME, AWS_SCOPE, AWS_SEED);
const awsBody = (): Buffer =>
  Buffer.concat(
    [65536, 1024, 0].map((size, i) =>
      Buffer.from(`${size.toString(16)};chunk-signature=${AWS_SIGNATURES[i]}\r\n${'a'.repeat(size)}\r\n`),
    ),
  );

interface Case {
  readonly body: Uint8Array | string;
  readonly sha?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly channel?: FrameChannel;
  readonly pieceSize?: number;
}

async function receive({ body, sha, headers = {}, channel, pieceSize }: Case) {
  const frames = channel === undefined ? undefined : new FrameVerifier(channel);
  try {
    const plan = planPayload(new Map(Object.entries(headers)), readTransferForm(sha), true);
    const payload = new CheckedPayload(source(body, pieceSize), plan, frames);
    const pieces: Uint8Array[] = [];
    for await (const piece of payload.stream) pieces.push(Buffer.from(piece));
    const digests = await payload.verified();
    return { text: Buffer.concat(pieces).toString(), digests, stands: payload.stands };
  } catch (error) {
    if (error instanceof S3Error) return { code: error.code };
    throw error;
  } finally {
    frames?.release();
  }
}

describe('a plain body', () => {
  const length = { 'content-length': '5' };

  it('is handed out, with its digests', async () => {
    const got = await receive({
      body: 'hello',
      sha: sha256('hello'),
      headers: { ...length, 'content-md5': md5('hello') },
    });
    expect(got).toMatchObject({
      text: 'hello',
      stands: true,
      digests: { size: 5, md5Hex: '5d41402abc4b2a76b9719d911017c592', checksum: undefined },
    });
  });

  it('answers the checksum that stood', async () => {
    const headers = { ...length, 'x-amz-checksum-crc32': 'NhCmhg==', 'x-amz-sdk-checksum-algorithm': 'CRC32' };
    const got = await receive({ body: 'hello', sha: 'UNSIGNED-PAYLOAD', headers });
    expect(got.digests?.checksum).toEqual({ algorithm: 'crc32', value: 'NhCmhg==' });
  });

  it.each<[string, Case, string]>([
    ['another hash', { body: 'hellO', sha: sha256('hello'), headers: length }, 'XAmzContentSHA256Mismatch'],
    ['another MD5', { body: 'hellO', headers: { ...length, 'content-md5': md5('hello') } }, 'BadDigest'],
    ['an MD5 that is none', { body: 'hello', headers: { ...length, 'content-md5': 'abc' } }, 'InvalidDigest'],
    ['another checksum', { body: 'hellO', headers: { ...length, 'x-amz-checksum-crc32': 'NhCmhg==' } }, 'BadDigest'],
    ['too few bytes', { body: 'hell', headers: length }, 'IncompleteBody'],
    ['too many bytes', { body: 'hello!', headers: length }, 'IncompleteBody'],
    ['no length', { body: 'hello', headers: { 'transfer-encoding': 'chunked' } }, 'MissingContentLength'],
    ['a length that is none', { body: 'hello', headers: { 'content-length': '5x' } }, 'InvalidArgument'],
    ['a length beyond all objects', { body: '', headers: { 'content-length': '99999999999999' } }, 'EntityTooLarge'],
    ['a form that is none', { body: 'hello', sha: 'NONSENSE', headers: length }, 'InvalidArgument'],
    ['a hash in capitals', { body: 'hello', sha: sha256('hello').toUpperCase(), headers: length }, 'InvalidArgument'],
    [
      'frames of Signature 4A',
      { body: '', sha: 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', headers: length },
      'NotImplemented',
    ],
  ])('with %s is refused', async (_, what, code) => {
    expect(await receive(what)).toEqual({ code });
  });

  it('cannot be verified before it has ended', async () => {
    const plan = planPayload(new Map([['content-length', '5']]), readTransferForm(undefined), true);
    const payload = new CheckedPayload(source('hello'), plan, undefined);
    await expect(payload.verified()).rejects.toThrow('before the payload had ended');
    expect(payload.stands).toBe(false);
  });
});

describe('a body in signed frames', () => {
  const sha = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
  const headers = { 'x-amz-decoded-content-length': '66560' };

  it.each([1, 13, 4096, 1 << 20])('stands as in the example of AWS, in pieces of %i bytes', async (pieceSize) => {
    const channel = awsChannel();
    const got = await receive({ body: awsBody(), sha, headers, channel, pieceSize });
    expect(got).toMatchObject({ stands: true, digests: { size: 66560 } });
    expect(got.text).toBe('a'.repeat(66560));
    expect(channel).toMatchObject({ last: true, released: false });
  });

  const tampered = (change: (text: string) => string): Buffer => Buffer.from(change(awsBody().toString()));
  it.each<[string, Buffer, string]>([
    ['a changed byte in the first frame', tampered((t) => t.replace('aaaa', 'aaba')), 'SignatureDoesNotMatch'],
    ['a changed byte in the second', tampered((t) => t.replace(/a\r\n0;/, 'b\r\n0;')), 'SignatureDoesNotMatch'],
    ['a changed last signature', tampered((t) => t.replace('b6c6', 'b6c7')), 'SignatureDoesNotMatch'],
    [
      'a frame without a signature',
      tampered((t) => t.replace(/;chunk-signature=0055\w+/, '')),
      'SignatureDoesNotMatch',
    ],
    ['a frame left out', tampered((t) => t.replace(/400;chunk[^\n]*\n[^\n]*\n/, '')), 'IncompleteBody'],
    ['the last frame left out', tampered((t) => t.replace(/0;chunk-signature=b6[\s\S]*$/, '')), 'IncompleteBody'],
    ['frames changed about', tampered((t) => swapFrames(t)), 'SignatureDoesNotMatch'],
    ['an end in the middle', awsBody().subarray(0, 40000), 'IncompleteBody'],
    ['more after the end', Buffer.concat([awsBody(), Buffer.from('x')]), 'IncompleteBody'],
    ['a size that is none', tampered((t) => t.replace('10000;', '1000g;')), 'IncompleteBody'],
    ['a negative size', tampered((t) => t.replace('10000;', '-1;')), 'IncompleteBody'],
    ['a size that is too small', tampered((t) => t.replace('10000;', 'ffff;')), 'IncompleteBody'],
    ['an endless line', Buffer.from('1'.repeat(5000)), 'IncompleteBody'],
    ['nothing', Buffer.alloc(0), 'IncompleteBody'],
  ])('is refused with %s', async (_, body, code) => {
    expect(await receive({ body, sha, headers, channel: awsChannel(), pieceSize: 4096 })).toEqual({ code });
  });

  it('is refused when it holds more or less than declared', async () => {
    for (const declared of ['66559', '66561']) {
      const got = await receive({
        body: awsBody(),
        sha,
        headers: { 'x-amz-decoded-content-length': declared },
        channel: awsChannel(),
      });
      expect(got).toEqual({ code: 'IncompleteBody' });
    }
    expect(await receive({ body: awsBody(), sha, headers: {}, channel: awsChannel() })).toEqual({
      code: 'MissingContentLength',
    });
  });

  it('cannot be read without a way to verify it', async () => {
    await expect(receive({ body: awsBody(), sha, headers })).rejects.toThrow('signed frames');
  });

  it('gives the handle back when the body breaks off', async () => {
    const channel = awsChannel();
    await receive({ body: awsBody().subarray(0, 100), sha, headers, channel });
    expect(channel.released).toBe(true);
  });

  it('is refused when the sidecar gives no answer', async () => {
    const channel: FrameChannel = {
      verify: async () => {
        throw new S3Error('ServiceUnavailable');
      },
      release: () => undefined,
    };
    expect(await receive({ body: awsBody(), sha, headers, channel })).toEqual({ code: 'ServiceUnavailable' });
  });

  it('does not wait for each frame, but for the verdicts of no more than a bounded number', async () => {
    const waiting: (() => void)[] = [];
    let asked = 0;
    const channel: FrameChannel = {
      verify: () => {
        asked++;
        return new Promise((resolve) => waiting.push(() => resolve(true)));
      },
      release: () => undefined,
    };
    const frames = new FrameVerifier(channel);
    const frame: SignedFrame = { kind: Frame_Kind.KIND_DATA, sha256: Buffer.alloc(32), signature: '' };
    for (let i = 0; i < MAX_FRAMES_IN_FLIGHT; i++) await frames.push(frame, false);
    expect(asked).toBe(MAX_FRAMES_IN_FLIGHT);
    let through = false;
    const next = frames.push(frame, true).then(() => {
      through = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(through).toBe(false);
    waiting[0]?.();
    await next;
    let done = false;
    const verdict = frames.done().then(() => {
      done = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    for (const answer of waiting) answer();
    await verdict;
  });
});

function swapFrames(text: string): string {
  const [first = '', second = '', rest = ''] = text.split(/(?<=a\r\n)/);
  return second + first + rest;
}

describe('a body with a trailer', () => {
  const sha = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  const headers = {
    'x-amz-decoded-content-length': '11',
    'x-amz-trailer': 'x-amz-checksum-crc32',
    'x-amz-sdk-checksum-algorithm': 'CRC32',
  };
  const trailer = 'x-amz-checksum-crc32:DUoRhQ==';
  const frames = '5\r\nhello\r\n6\r\n world\r\n0\r\n';

  it.each([
    ['as SDKs send it', `${frames}${trailer}\r\n\r\n`],
    ['with blanks and capitals', `${frames}X-Amz-Checksum-CRC32: DUoRhQ== \r\n\r\n`],
    ['with bare line feeds in the trailer', `${frames}${trailer}\n\r\n`],
    ['in one frame', `b\r\nhello world\r\n0\r\n${trailer}\r\n\r\n`],
  ])('stands %s', async (_, body) => {
    expect(await receive({ body, sha, headers })).toMatchObject({
      text: 'hello world',
      digests: { size: 11, checksum: { algorithm: 'crc32', value: 'DUoRhQ==' } },
    });
  });

  it.each([
    ['crc32c', 'yZRlqg=='],
    ['crc64nvme', 'jSnVw/bqjr4='],
    ['sha1', 'Kq5sNclPz7QV2+lfQIuc6R7oRu0='],
    ['sha256', 'uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek='],
  ])('stands with %s', async (algorithm, value) => {
    const name = `x-amz-checksum-${algorithm}`;
    const got = await receive({
      body: `${frames}${name}:${value}\r\n\r\n`,
      sha,
      headers: { 'x-amz-decoded-content-length': '11', 'x-amz-trailer': name },
    });
    expect(got).toMatchObject({ digests: { checksum: { algorithm, value } } });
  });

  it.each([
    ['a changed byte', `5\r\nhellO\r\n6\r\n world\r\n0\r\n${trailer}\r\n\r\n`, 'BadDigest'],
    ['another checksum', `${frames}x-amz-checksum-crc32:DUoRhA==\r\n\r\n`, 'BadDigest'],
    ['a checksum that is none', `${frames}x-amz-checksum-crc32:zzz\r\n\r\n`, 'InvalidRequest'],
    ['no trailer', `${frames}\r\n`, 'MalformedTrailerError'],
    ['another trailer', `${frames}x-amz-checksum-sha1:x\r\n\r\n`, 'MalformedTrailerError'],
    ['two of a name', `${frames}${trailer}\r\n${trailer}\r\n\r\n`, 'MalformedTrailerError'],
    ['a trailer without a colon', `${frames}nonsense\r\n\r\n`, 'MalformedTrailerError'],
    ['a trailer that breaks off', `${frames}${trailer}`, 'IncompleteBody'],
    ['a trailer without its end', `${frames}${trailer}\r\n`, 'MalformedTrailerError'],
    ['more after the trailer', `${frames}${trailer}\r\n\r\nmore`, 'IncompleteBody'],
    ['a frame that ends elsewhere', `5\r\nhelloXX6\r\n world\r\n0\r\n${trailer}\r\n\r\n`, 'IncompleteBody'],
  ])('is refused with %s', async (_, body, code) => {
    expect(await receive({ body, sha, headers })).toEqual({ code });
  });
});

describe('a body in signed frames with a signed trailer', () => {
  const sha = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
  const headers = { 'x-amz-decoded-content-length': '11', 'x-amz-trailer': 'x-amz-checksum-crc32' };
  const sign = (text: string): string => createHmac('sha256', AWS_KEY).update(text).digest('hex');
  const prefix = `${AWS_TIME}\n${AWS_SCOPE}`;
  const first = sign(`AWS4-HMAC-SHA256-PAYLOAD\n${prefix}\n${AWS_SEED}\n${sha256('')}\n${sha256('hello world')}`);
  const second = sign(`AWS4-HMAC-SHA256-PAYLOAD\n${prefix}\n${first}\n${sha256('')}\n${sha256('')}`);
  const trailer = 'x-amz-checksum-crc32:DUoRhQ==';
  const third = sign(`AWS4-HMAC-SHA256-TRAILER\n${prefix}\n${second}\n${sha256(`${trailer}\n`)}`);
  const frames = `b;chunk-signature=${first}\r\nhello world\r\n0;chunk-signature=${second}\r\n`;

  it.each([
    ['as SDKs send it', `${frames}${trailer}\r\nx-amz-trailer-signature:${third}\r\n\r\n`],
    ['as the documentation shows it', `${frames}${trailer}\n\r\nx-amz-trailer-signature:${third}\r\n\r\n`],
    ['without the last empty line', `${frames}${trailer}\r\nx-amz-trailer-signature:${third}\r\n`],
  ])('stands %s', async (_, body) => {
    const channel = awsChannel();
    expect(await receive({ body, sha, headers, channel })).toMatchObject({ text: 'hello world', stands: true });
    expect(channel.last).toBe(true);
  });

  it.each([
    [
      'another trailer signature',
      `${frames}${trailer}\r\nx-amz-trailer-signature:${second}\r\n\r\n`,
      'SignatureDoesNotMatch',
    ],
    ['no trailer signature', `${frames}${trailer}\r\n\r\n`, 'MalformedTrailerError'],
    [
      'a field after the signature',
      `${frames}x-amz-trailer-signature:${third}\r\n${trailer}\r\n\r\n`,
      'MalformedTrailerError',
    ],
    ['a field more', `${frames}${trailer}\r\nx:y\r\nx-amz-trailer-signature:${third}\r\n\r\n`, 'SignatureDoesNotMatch'],
  ])('is refused with %s', async (_, body, code) => {
    expect(await receive({ body, sha, headers, channel: awsChannel() })).toEqual({ code });
  });
});

describe('readDocument', () => {
  const plan = (length: number, extra: Record<string, string> = {}) =>
    planPayload(
      new Map(Object.entries({ 'content-length': String(length), ...extra })),
      readTransferForm(undefined),
      true,
    );

  it('reads whole, verified documents up to its limit', async () => {
    expect((await readDocument(source('hello'), plan(5), 5)).toString()).toBe('hello');
    await expect(readDocument(source('hello!'), plan(6), 5)).rejects.toMatchObject({ code: 'EntityTooLarge' });
    const wrong = plan(5, { 'content-md5': md5('other') });
    await expect(readDocument(source('hello'), wrong, 5)).rejects.toMatchObject({ code: 'BadDigest' });
  });
});
