// The gateway over real HTTP, with a real gRPC sidecar whose answers the test chooses and operations that say what they got.
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizeStreamResponse_Item, Outcome } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { FrameSigner, presign, signHeaders } from '../harness/sigv4.ts';
import { type EchoGateway, KEYS, sendRaw, startEchoGateway } from './echo-gateway.ts';
import { decision } from './fake-sidecar.ts';
import { type Call, prepare, send, sendPrepared, sha256 } from './http-client.ts';

let echo: EchoGateway;
let port: number;
const call = (what: Call) => send(port, what);
const put = (key: string, body: string | Uint8Array, more: Partial<Call> = {}) =>
  call({ method: 'PUT', path: `/bucket/${key}`, body, ...more });

beforeAll(async () => {
  echo = await startEchoGateway({
    gateway: { domains: ['s3.test'], limits: { stallMs: 400, lingerMs: 300, keepBytes: 1024, lingerBytes: 1 << 20 } },
  });
  port = echo.address.port;
});
afterAll(() => echo.stop());
afterEach(() => {
  echo.sidecar.options = { secrets: { [KEYS.accessKey]: KEYS.secretKey } };
  echo.sidecar.questions.length = 0;
  echo.state.handled.length = 0;
  echo.state.stored.clear();
  echo.state.log.length = 0;
});

describe('a request that is allowed', () => {
  it('is signed, decided, handled and answered', async () => {
    const stored = await put('a%20b/%D0%BA%2B%2B%25', 'hello', { query: { 'x-id': 'PutObject' } });
    expect(stored).toMatchObject({ status: 200, headers: { etag: '"5d41402abc4b2a76b9719d911017c592"' } });
    const got = await call({ path: '/bucket/a%20b/%D0%BA%2B%2B%25', headers: { range: 'bytes=0-1' } });
    expect(got).toMatchObject({ status: 200, body: 'hello' });
    expect(got.headers).toMatchObject({
      'content-length': '5',
      'accept-ranges': 'bytes',
      server: 'Portcullis',
      'x-amz-request-id': expect.stringMatching(/^[0-9A-F]{16}$/),
      date: expect.any(String),
    });
    expect(echo.sidecar.questions.at(-1)).toMatchObject({
      accesses: [{ action: 's3:GetObject', resource: 'arn:aws:s3:::bucket/a b/к++%' }],
      context: { sourceAddress: '127.0.0.1', secureTransport: false },
    });
  });

  it('asks about further accesses one by one', async () => {
    echo.sidecar.options = {
      ...echo.sidecar.options,
      decide: ({ resource }) => (resource.endsWith('bbb') ? Outcome.OUTCOME_EXPLICIT_DENY : Outcome.OUTCOME_ALLOW),
    };
    const { body } = await call({ path: '/' });
    expect(JSON.parse(body)).toEqual({
      allowed: [true, false, true],
      principal: { type: 'User', accessKey: KEYS.accessKey, user: KEYS.accessKey },
    });
    expect(echo.sidecar.questions.map(({ accesses }) => accesses.map(({ resource }) => resource))).toEqual([
      ['arn:aws:s3:::'],
      ['arn:aws:s3:::aaa', 'arn:aws:s3:::bbb', 'arn:aws:s3:::ccc'],
    ]);
  });

  it('may come as a presigned URL, and then in no other form', async () => {
    await put('k', 'hello');
    const url = presign({ method: 'GET', path: '/bucket/k', host: `127.0.0.1:${port}` }, KEYS, new Date(), 60);
    const host = { host: `127.0.0.1:${port}` };
    expect(await sendPrepared(port, 'GET', url, host)).toMatchObject({ status: 200, body: 'hello' });
    const longer = url.replace('X-Amz-Expires=60', 'X-Amz-Expires=6000');
    expect((await sendPrepared(port, 'GET', longer, host)).code).toBe('SignatureDoesNotMatch');
    expect((await sendPrepared(port, 'PUT', url, host)).code).toBe('SignatureDoesNotMatch');
    expect((await sendPrepared(port, 'GET', url, { ...host, 'x-amz-acl': 'private' })).code).toBe('AccessDenied');
  });

  it('may name its bucket in the host name', async () => {
    await put('k', 'hello');
    const host = 'bucket.s3.test';
    expect(await call({ path: '/k', headers: { host } })).toMatchObject({ status: 200, body: 'hello' });
    expect((await call({ path: '/minio/health/live', headers: { host } })).code).toBe('NoSuchKey');
  });

  it('answers HEAD without a body, also for errors', async () => {
    await put('k', 'hello');
    const there = await call({ method: 'HEAD', path: '/bucket/k' });
    expect(there).toMatchObject({ status: 200, body: '', headers: { 'content-length': '5' } });
    expect(await call({ method: 'HEAD', path: '/bucket/none' })).toMatchObject({ status: 404, body: '' });
  });

  it('answers Not Modified without a body', async () => {
    const got = await call({ path: '/bucket/not-modified' });
    expect(got).toMatchObject({ status: 304, body: '', headers: { etag: '"e"' } });
    expect(got.headers['content-length']).toBeUndefined();
  });

  it('sends header values as UTF-8, and none that would break the answer', async () => {
    const got = await call({ path: '/bucket/header', query: { v: 'ключ' } });
    expect(Buffer.from(String(got.headers['x-amz-meta-a']), 'latin1').toString()).toBe('ключ');
    expect((await call({ path: '/bucket/header', query: { v: 'a\r\nx-evil: 1' } })).code).toBe('InvalidArgument');
  });
});

describe('a request that is not allowed', () => {
  it.each<[string, Partial<Call>, number, string]>([
    ['with another key', { headers: { 'x-test': '1' }, unsigned: { 'x-test': '2' } }, 403, 'SignatureDoesNotMatch'],
    ['with an unsigned x-amz header', { unsigned: { 'x-amz-acl': 'public-read' } }, 403, 'AccessDenied'],
    ['with another mechanism', { signed: false, headers: { authorization: 'Basic YTpi' } }, 400, 'InvalidRequest'],
    [
      'with a list of signed headers that is none',
      { signed: false, headers: { authorization: 'AWS4-HMAC-SHA256 x' } },
      403,
      'InvalidAccessKeyId',
    ],
  ])('%s is refused and handled by nothing', async (_, more, status, code) => {
    expect(await call({ path: '/bucket/k', ...more })).toMatchObject({ status, code });
    expect(echo.state.handled).toEqual([]);
  });

  it.each([
    [Outcome.OUTCOME_IMPLICIT_DENY, 403, 'AccessDenied'],
    [Outcome.OUTCOME_EXPLICIT_DENY, 403, 'AccessDenied'],
    [Outcome.OUTCOME_EVALUATION_ERROR, 403, 'AccessDenied'],
    [Outcome.OUTCOME_NEEDS_FACTS, 403, 'AccessDenied'],
    [Outcome.OUTCOME_UNSPECIFIED, 503, 'ServiceUnavailable'],
    [77 as Outcome, 503, 'ServiceUnavailable'],
  ])('outcome %i is %i %s', async (outcome, status, code) => {
    echo.sidecar.options = { ...echo.sidecar.options, decide: () => outcome };
    expect(await call({ path: '/bucket/k' })).toMatchObject({ status, code });
    expect(await put('k', 'hello')).toMatchObject({ status, code });
    expect(echo.state.handled).toEqual([]);
    expect(echo.state.stored.size).toBe(0);
  });

  it.each([
    ['RequestTimeTooSkewed', 403, 'RequestTimeTooSkewed'],
    ['ExpiredToken', 400, 'ExpiredToken'],
    ['NoSuchThing', 403, 'AccessDenied'],
    ['NotModified', 403, 'AccessDenied'],
    ['InternalError', 403, 'AccessDenied'],
  ])('credentials that do not stand for %s are answered %i %s', async (reason, status, code) => {
    const value = {
      decision: decision(Outcome.OUTCOME_UNAUTHENTICATED, reason, 'It is so.'),
      principal: undefined,
      frameHandle: '',
      policyRevision: '',
    };
    echo.sidecar.options = { intercept: () => ({ $case: 'authorize', value }) };
    expect(await call({ path: '/bucket/k' })).toMatchObject({ status, code });
  });

  const allow = decision(Outcome.OUTCOME_ALLOW);
  const principal = { type: 3, accessKey: 'a', parent: '', arn: '', account: '' };
  it.each<[string, NonNullable<AuthorizeStreamResponse_Item['answer']>]>([
    [
      'without a principal',
      { $case: 'authorize', value: { decision: allow, principal: undefined, frameHandle: '', policyRevision: '' } },
    ],
    [
      'with a principal of no known kind',
      {
        $case: 'authorize',
        value: { decision: allow, principal: { ...principal, type: 0 }, frameHandle: '', policyRevision: '' },
      },
    ],
    [
      'as a refusal of credentials',
      { $case: 'batch', value: { refusal: allow, decisions: [allow], principal, policyRevision: '', frameHandle: '' } },
    ],
    ['as a fault', { $case: 'fault', value: { code: 0, message: '' } }],
  ])('an allow %s is none', async (_, answer) => {
    echo.sidecar.options = { intercept: () => answer };
    expect((await call({ path: '/bucket/k' })).status).toBeGreaterThanOrEqual(403);
    const xml = '<Delete><Object><Key>a</Key></Object></Delete>';
    const removed = await call({ method: 'POST', path: '/bucket', query: { delete: '' }, body: xml });
    expect(removed.status).toBeGreaterThanOrEqual(403);
    expect(echo.state.handled).toEqual([]);
  });

  it('says so in XML, with the place and the request id', async () => {
    const got = await call({ path: '/bucket/no/such%20key' });
    expect(got).toMatchObject({ status: 404, code: 'NoSuchKey', headers: { 'content-type': 'application/xml' } });
    expect(got.body).toContain('<Key>no/such key</Key>');
    expect(got.body).toContain('<Resource>/bucket/no/such%20key</Resource>');
    expect(got.body).toContain(`<RequestId>${got.headers['x-amz-request-id']}</RequestId>`);
  });

  it.each([
    ['GET', '/bucket/a//b', 400, 'XMinioInvalidObjectName'],
    ['GET', '/bucket/../other/k', 400, 'XMinioInvalidObjectName'],
    ['GET', '/bucket/%2e%2e/k', 400, 'XMinioInvalidObjectName'],
    ['GET', '/bucket/..%2Fk', 400, 'XMinioInvalidObjectName'],
    ['GET', '/Bucket/k', 400, 'InvalidBucketName'],
    ['GET', '//k', 400, 'InvalidBucketName'],
    ['GET', '/.minio.sys/config', 403, 'AllAccessDisabled'],
    ['GET', '/minio/admin', 403, 'AllAccessDisabled'],
    ['GET', '/bucket/%ff', 400, 'InvalidURI'],
    ['PATCH', '/bucket/k', 405, 'MethodNotAllowed'],
    ['PROPFIND', '/bucket/k', 405, 'MethodNotAllowed'],
    ['GET', '/bucket?versioning', 501, 'NotImplemented'],
    ['PUT', '/bucket/k?acl', 501, 'NotImplemented'],
  ])('%s %s is %i %s', async (method, target, status, code) => {
    const [path = '', query] = target.split('?');
    const got = await call({ method, path, ...(query === undefined ? {} : { query: { [query]: '' } }) });
    expect(got).toMatchObject({ status, code });
    expect(echo.state.handled).toEqual([]);
  });

  it('is not told what is not implemented', async () => {
    echo.sidecar.options = { ...echo.sidecar.options, decide: () => Outcome.OUTCOME_IMPLICIT_DENY };
    expect(await call({ path: '/bucket', query: { versioning: '' } })).toMatchObject({ code: 'AccessDenied' });
    expect(echo.sidecar.questions[0]?.accesses).toMatchObject([{ action: 's3:GetBucketVersioning' }]);
  });

  it('shows no detail of a fault, and logs it under the id that it shows', async () => {
    const got = await call({ path: '/bucket/fault' });
    expect(got).toMatchObject({ status: 500, code: 'InternalError' });
    expect(got.body).not.toContain('secret detail');
    expect(echo.state.log).toMatchObject([
      { level: 'error', fields: { requestId: got.headers['x-amz-request-id'], operation: 'GetObject' } },
    ]);
    expect(String(echo.state.log[0]?.fields.err)).toContain('secret detail');
  });
});

describe('a body', () => {
  const big = Buffer.alloc(300_000, 'abcdefghij');

  it('that is another than was signed leaves nothing behind', async () => {
    const got = await put('k', 'hellO', { payloadHash: sha256('hello') });
    expect(got).toMatchObject({ status: 400, code: 'XAmzContentSHA256Mismatch' });
    expect(echo.state.stored.size).toBe(0);
  });

  it('needs a length', async () => {
    const { target, headers } = prepare(port, {
      method: 'PUT',
      path: '/bucket/k',
      headers: { 'transfer-encoding': 'chunked' },
    });
    expect((await sendPrepared(port, 'PUT', target, headers, 'hello')).code).toBe('MissingContentLength');
  });

  it('is refused where none belongs', async () => {
    expect((await call({ path: '/bucket/k', body: 'hello' })).code).toBe('UnexpectedContent');
  });

  it('without a byte is an empty object', async () => {
    expect(await call({ method: 'PUT', path: '/bucket/empty' })).toMatchObject({ status: 200 });
    expect(echo.state.stored.get('bucket/empty')?.length).toBe(0);
  });

  const framed = (change: (frames: Buffer[]) => Buffer[] = (frames) => frames) => {
    const path = '/bucket/framed';
    const pieces = [big.subarray(0, 131072), big.subarray(131072, 262144), big.subarray(262144), Buffer.alloc(0)];
    const { headers, signed } = signHeaders(
      {
        method: 'PUT',
        path,
        query: [],
        headers: {
          host: `127.0.0.1:${port}`,
          'content-encoding': 'aws-chunked,gzip',
          'x-amz-decoded-content-length': String(big.length),
        },
        payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      },
      KEYS,
      new Date(),
    );
    const signer = new FrameSigner(signed);
    const body = Buffer.concat(change(pieces.map((piece) => signer.frame(piece))));
    return sendPrepared(port, 'PUT', path, { ...headers, 'content-length': String(body.length) }, body);
  };

  it('in signed frames is verified by the sidecar, and stored without its framing', async () => {
    echo.sidecar.framesSeen.length = 0;
    expect(await framed()).toMatchObject({ status: 200, headers: { 'x-seen-encoding': 'gzip' } });
    expect(echo.state.stored.get('bucket/framed')?.equals(big)).toBe(true);
    expect(echo.sidecar.framesSeen.map(({ close }) => close)).toEqual([false, false, false, true]);
  });

  it.each<[string, (frames: Buffer[]) => Buffer[]]>([
    [
      'a changed byte',
      ([first = Buffer.alloc(0), ...rest]) => [
        Buffer.concat([first.subarray(0, 200), Buffer.from('X'), first.subarray(201)]),
        ...rest,
      ],
    ],
    ['a frame of another upload', ([first = Buffer.alloc(0), , ...rest]) => [first, first, ...rest]],
  ])('in signed frames with %s leaves nothing behind', async (_, change) => {
    expect((await framed(change)).code).toBe('SignatureDoesNotMatch');
    expect(echo.state.stored.size).toBe(0);
  });

  it('in signed frames is refused without a signature', async () => {
    const got = await put('k', '0\r\n\r\n', {
      signed: false,
      headers: { 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'x-amz-decoded-content-length': '0' },
    });
    expect(got.code).toBe('InvalidRequest');
  });

  it('in signed frames is refused when the sidecar gives no handle', async () => {
    const principal = { type: 3, accessKey: 'a', parent: '', arn: '', account: '' };
    const value = { decision: decision(Outcome.OUTCOME_ALLOW), principal, frameHandle: '', policyRevision: '' };
    echo.sidecar.options = { intercept: () => ({ $case: 'authorize', value }) };
    expect(await framed()).toMatchObject({ status: 503, code: 'ServiceUnavailable' });
    expect(echo.state.handled).toEqual([]);
  });

  it('whose operation answers before it is verified is a fault', async () => {
    expect((await put('unverified', 'hello')).code).toBe('InternalError');
  });

  it('that stops coming ends the request', async () => {
    const { target, headers } = prepare(port, { method: 'PUT', path: '/bucket/stalled', body: 'hello' });
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const answer = await sendRaw(port, `PUT ${target} HTTP/1.1\r\n${head.join('')}\r\nhel`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*<Code>RequestTimeout<[\s\S]*$/);
    expect(echo.state.stored.size).toBe(0);
  });

  it('whose client goes away is forgotten', async () => {
    const { target, headers } = prepare(port, { method: 'PUT', path: '/bucket/gone', body: 'hello' });
    const socket = connect(port, '127.0.0.1');
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`PUT ${target} HTTP/1.1\r\n${head.join('')}\r\nhel`);
    await expect.poll(() => echo.state.handled).toContain('PutObject bucket/gone');
    socket.destroy();
    await expect.poll(() => echo.state.aborted).toContain('bucket/gone');
    expect(echo.state.stored.size).toBe(0);
  });

  it('of a document is checked before the question, and capped', async () => {
    const remove = (keys: string[], more: Partial<Call> = {}) =>
      call({
        method: 'POST',
        path: '/bucket',
        query: { delete: '' },
        body: `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`,
        ...more,
      });
    echo.sidecar.options = {
      ...echo.sidecar.options,
      decide: ({ resource }) => (resource.endsWith('/b') ? Outcome.OUTCOME_IMPLICIT_DENY : Outcome.OUTCOME_ALLOW),
    };
    expect((await remove(['a', 'b', 'c'])).body).toContain('>a,c</Result>');
    echo.sidecar.questions.length = 0;
    expect((await remove(['a'], { payloadHash: sha256('other') })).code).toBe('XAmzContentSHA256Mismatch');
    expect((await remove(['a'], { body: '', payloadHash: sha256('other') })).code).toBe('XAmzContentSHA256Mismatch');
    expect((await remove(['a'], { headers: { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' } })).code).toBe('BadDigest');
    expect((await remove(['x'.repeat(5000)])).code).toBe('EntityTooLarge');
    expect((await remove(['a', '../b'])).code).toBe('XMinioInvalidObjectName');
    expect(echo.sidecar.questions).toEqual([]);
  });
});

describe('Expect: 100-continue', () => {
  const expecting = (key: string, body: string) => {
    const { target, headers } = prepare(port, {
      method: 'PUT',
      path: `/bucket/${key}`,
      body,
      headers: { expect: '100-continue' },
    });
    return new Promise<{ status: number; continued: boolean; connection: string | undefined }>((resolve, reject) => {
      let continued = false;
      const outgoing = httpRequest({ host: '127.0.0.1', port, method: 'PUT', path: target, headers, agent: false });
      outgoing.on('continue', () => {
        continued = true;
        outgoing.end(body);
      });
      outgoing.on('response', (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, continued, connection: response.headers.connection });
        if (!continued) outgoing.destroy();
      });
      outgoing.on('error', reject);
      outgoing.flushHeaders();
    });
  };

  it('is answered once the request is granted', async () => {
    expect(await expecting('k', 'hello')).toMatchObject({ status: 200, continued: true });
    expect(echo.state.stored.get('bucket/k')?.toString()).toBe('hello');
  });

  it('is not answered when it is refused, nor when the operation refuses', async () => {
    expect(await expecting('refused', 'hello')).toEqual({ status: 403, continued: false, connection: 'close' });
    echo.sidecar.options = { ...echo.sidecar.options, decide: () => Outcome.OUTCOME_IMPLICIT_DENY };
    expect(await expecting('k', 'hello')).toEqual({ status: 403, continued: false, connection: 'close' });
  });
});

describe('connections', () => {
  const raw = (what: Call): string => {
    const { target, headers } = prepare(port, what);
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${what.method ?? 'GET'} ${target} HTTP/1.1\r\n${head.join('')}\r\n${what.body ?? ''}`;
  };

  it('serve the next request after a small unwanted body', async () => {
    const answers = await sendRaw(
      port,
      raw({ method: 'PUT', path: '/bucket/refused', body: 'x'.repeat(500) }),
      raw({ path: '/bucket/none', headers: { connection: 'close' } }),
    );
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 403', 'HTTP/1.1 404']);
  });

  it('end after a large unwanted body, once the client has read the answer', async () => {
    const answers = await sendRaw(
      port,
      raw({ method: 'PUT', path: '/bucket/refused', body: 'x'.repeat(200_000) }),
      raw({ path: '/bucket/none' }),
    );
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 403']);
    expect(answers).toContain('QuotaExceeded');
    expect(answers.toLowerCase()).toContain('connection: close');
  });

  it('do one thing after another, also when a client does not wait for the answers', async () => {
    const turns = Array.from({ length: 5 }, (_, i) => i);
    const path = '/bucket/turns';
    const answers = await sendRaw(
      port,
      turns.map((i) => raw({ method: 'PUT', path, body: `turn ${i}` }) + raw({ path })).join('') +
        raw({ path: '/bucket/none', headers: { connection: 'close' } }),
    );
    expect(answers.match(/turn \d/g)).toEqual(turns.map((i) => `turn ${i}`));
  });

  it('whose document only trickles are ended, and keep nobody else from being served', async () => {
    const limits = { documentMs: 400, documents: 1, concurrentRequests: 1 };
    const slow = await startEchoGateway({ gateway: { limits } });
    const at = slow.address.port;
    try {
      const removal = { method: 'POST', path: '/bucket', query: { delete: '' }, headers: { 'content-length': '500' } };
      const socket = connect(at, '127.0.0.1');
      let answer = '';
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        answer += data.toString();
      });
      const { target, headers } = prepare(at, removal);
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`POST ${target} HTTP/1.1\r\n${lines.join('')}\r\n<Delete>`);
      const trickle = setInterval(() => socket.write(' '), 20);
      await expect.poll(async () => (await send(at, { ...removal, headers: {}, body: '<a/>' })).code).toBe('SlowDown');
      expect((await send(at, { path: '/bucket/none' })).status).toBe(404);
      await expect.poll(() => answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*<Code>RequestTimeout</);
      await expect.poll(() => socket.closed).toBe(true);
      clearInterval(trickle);
      expect((await send(at, { ...removal, headers: {}, body: '<a/>' })).code).not.toBe('SlowDown');
    } finally {
      await slow.stop();
    }
  });

  it('whose headers do not come are told so, and those who wait make room', async () => {
    const limits = { headersMs: 200, connections: 3 };
    const slow = await startEchoGateway({ gateway: { limits } });
    try {
      expect(await sendRaw(slow.address.port, 'GET /b/k HTTP/1.1\r\nho')).toContain('<Code>RequestTimeout</Code>');
      // three that were served and are kept
      const kept = Array.from({ length: limits.connections }, () => connect(slow.address.port, '127.0.0.1'));
      for (const socket of kept) {
        socket.write('GET /minio/health/live HTTP/1.1\r\nhost: x\r\n\r\n');
        await once(socket, 'data');
      }
      // idle ones are looked for once a second at most
      const status = async () => (await send(slow.address.port, { path: '/bucket/none' })).status;
      await expect.poll(status).toBe(404);
      for (const socket of kept) socket.destroy();
    } finally {
      await slow.stop();
    }
  });

  it('that say nothing give way to those who come, the oldest first', async () => {
    const limits = { connections: 40, silenceMs: 0 };
    const crowded = await startEchoGateway({ gateway: { limits } });
    const closed: number[] = [];
    const sockets: Socket[] = [];
    try {
      for (let i = 0; i < 100; i++) {
        const socket = connect(crowded.address.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.on('close', () => closed.push(i));
        await once(socket, 'connect');
        sockets.push(socket);
      }
      expect((await send(crowded.address.port, { path: '/bucket/none' })).status).toBe(404);
      await expect.poll(() => closed.length).toBeGreaterThanOrEqual(60);
      expect(closed.slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(closed).not.toContain(99);
    } finally {
      for (const socket of sockets) socket.destroy();
      await crowded.stop();
    }
  });

  it('are cut when a body breaks off, so that the client notices', async () => {
    for (const key of ['lies', 'unreadable']) await put(key, Buffer.alloc(100_000));
    await expect(call({ path: '/bucket/lies' })).rejects.toThrow();
    expect((await call({ path: '/bucket/unreadable' })).code).toBe('InternalError');
  });

  it('that close cancel what was done for them', async () => {
    await put('slow', Buffer.alloc(10_000_000));
    let begun: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let goOn: () => void = () => undefined;
    echo.state.onSlow = () => {
      begun();
      return new Promise((resolve) => {
        goOn = resolve;
      });
    };
    const socket = connect(port, '127.0.0.1');
    socket.write(raw({ path: '/bucket/slow' }));
    await started;
    socket.destroy();
    await once(socket, 'close');
    await expect
      .poll(() => {
        goOn();
        return echo.state.aborted;
      })
      .toContain('bucket/slow');
    echo.state.onSlow = async () => undefined;
  });

  it.each([
    ['what is no HTTP', 'nonsense\r\n\r\n', 'InvalidRequest'],
    [
      'headers that are too large',
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`,
      'RequestHeaderSectionTooLarge',
    ],
    ['an absolute target', 'GET http://x/b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 'InvalidURI'],
    [
      'two lengths',
      'PUT /b/k HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na',
      'InvalidRequest',
    ],
    [
      'a length and chunks',
      'PUT /b/k HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'InvalidRequest',
    ],
    ['two hosts', 'GET /b/k HTTP/1.1\r\nhost: x\r\nhost: y\r\nconnection: close\r\n\r\n', 'InvalidRequest'],
  ])('refuse %s', async (_, text, code) => {
    expect(await sendRaw(port, text)).toMatch(new RegExp(`^HTTP/1\\.1 400 [\\s\\S]*<Code>${code}</Code>`));
  });
});

describe('a client of AWS', () => {
  const client = () =>
    new S3Client({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: KEYS.accessKey, secretAccessKey: KEYS.secretKey },
    });

  it.each<[string, () => string | Uint8Array | Readable, number | undefined]>([
    ['a buffer', () => Buffer.alloc(200_000, 'x'), undefined],
    [
      'a stream, with a trailing checksum',
      () => Readable.from(Array.from({ length: 10 }, () => Buffer.alloc(20_000, 'x'))),
      200_000,
    ],
  ])('stores and reads %s', async (_, body, length) => {
    const aws = client();
    const target = { Bucket: 'bucket', Key: "dir/it's a (key)+ключ!*" };
    await aws.send(
      new PutObjectCommand({ ...target, Body: body(), ...(length === undefined ? {} : { ContentLength: length }) }),
    );
    const got = await aws.send(new GetObjectCommand(target));
    expect((await got.Body?.transformToByteArray())?.length).toBe(200_000);
    expect(echo.state.stored.get(`bucket/${target.Key}`)?.equals(Buffer.alloc(200_000, 'x'))).toBe(true);
    aws.destroy();
  });
});

describe('health, logs and measures', () => {
  it('answers probes without credentials', async () => {
    for (const path of ['live', 'ready', 'cluster', 'cluster/read']) {
      expect(await call({ path: `/minio/health/${path}`, signed: false })).toMatchObject({
        status: 200,
        body: '',
        headers: { 'x-amz-request-id': expect.any(String) },
      });
    }
    expect(await call({ method: 'HEAD', path: '/minio/health/live', signed: false })).toMatchObject({ status: 200 });
    expect((await call({ path: '/minio/health/nonsense', signed: false })).status).toBe(403);
  });

  it('writes one line a request, without what could repeat it', async () => {
    echo.state.accessLog = '';
    const url = presign({ method: 'GET', path: '/bucket/none', host: `127.0.0.1:${port}` }, KEYS, new Date(), 60);
    const got = await sendPrepared(port, 'GET', url, { host: `127.0.0.1:${port}`, 'user-agent': 'test/1' });
    await expect.poll(() => echo.state.accessLog).toContain('\n');
    const line = JSON.parse(echo.state.accessLog) as Record<string, unknown>;
    expect(line).toMatchObject({
      requestId: got.headers['x-amz-request-id'],
      remote: '127.0.0.1',
      method: 'GET',
      operation: 'GetObject',
      bucket: 'bucket',
      key: 'none',
      accessKey: KEYS.accessKey,
      status: 404,
      error: 'NoSuchKey',
      userAgent: 'test/1',
      milliseconds: expect.any(Number),
    });
    expect(echo.state.accessLog).toContain('X-Amz-Signature=***');
    expect(echo.state.accessLog).not.toMatch(/Signature=[0-9a-f]/);
  });

  it('counts requests by operation and status', async () => {
    await call({ path: '/bucket/none' });
    await expect
      .poll(() => echo.gateway.metrics.metrics())
      .toMatch(/portcullis_s3_requests_total\{operation="GetObject",status="404"\} [1-9]/);
    expect(await echo.gateway.metrics.metrics()).toMatch(
      /portcullis_authz_duration_seconds_count\{result="answer"\} [1-9]/,
    );
  });
});
