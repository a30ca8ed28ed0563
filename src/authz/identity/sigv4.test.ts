// Vectors: AWS, "Signature Calculations for the Authorization Header" and "Authenticating Requests: Using Query Parameters"
// (Amazon S3 API reference); the key is the documentation's.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frame_Kind } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { headerCredentials, signHeader, signQuery, type TestRequest } from '../../../test/authz/signing-client.ts';
import { type AuthErrorCode, AuthRefusal } from './auth-refusal.ts';
import type { Credential } from './credential.ts';
import { FRAME_HANDLE_IDLE_MS, FrameChains, MAX_FRAME_HANDLES } from './frames.ts';
import { verifySigV4Header, verifySigV4Query } from './sigv4.ts';
import type { VerifyContext } from './verified-signature.ts';

const KEYS = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const NOW = Date.UTC(2013, 4, 24, 0, 0, 30);
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function contextAt(nowMs = NOW, credential: Credential = { type: 'User', enabled: true, ...KEYS }): VerifyContext {
  return {
    credentials: { find: (key) => (key === credential.accessKey ? credential : undefined) },
    nowMs,
    service: 's3',
  };
}

const authorizationOf = (signedHeaders: string, signature: string): string =>
  `AWS4-HMAC-SHA256 Credential=${KEYS.accessKey}/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`;

const PUBLISHED = [
  {
    name: 'GET object',
    canonical: `GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\nx-amz-content-sha256:${EMPTY}\nx-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n${EMPTY}`,
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'PUT object',
    canonical: `PUT\n/test%24file.text\n\ndate:Fri, 24 May 2013 00:00:00 GMT\nhost:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\nx-amz-date:20130524T000000Z\nx-amz-storage-class:REDUCED_REDUNDANCY\n\ndate;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class\n44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072`,
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'GET bucket lifecycle',
    canonical: `GET\n/\nlifecycle=\nhost:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:${EMPTY}\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-date\n${EMPTY}`,
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'list objects',
    canonical: `GET\n/\nmax-keys=2&prefix=J\nhost:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:${EMPTY}\nx-amz-date:20130524T000000Z\n\nhost;x-amz-content-sha256;x-amz-date\n${EMPTY}`,
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
] as const;

const PRESIGNED = {
  canonical:
    'GET\n/test.txt\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\nhost:examplebucket.s3.amazonaws.com\n\nhost\nUNSIGNED-PAYLOAD',
  signature: 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
};

function headerOf(vector: { canonical: string; signature: string }): Parameters<typeof verifySigV4Header>[0] {
  const signedHeaders = vector.canonical.split('\n').at(-2) ?? '';
  return {
    authorization: authorizationOf(signedHeaders, vector.signature),
    canonicalRequest: Buffer.from(vector.canonical),
    unsignedHeaders: [],
  };
}

function codeOf(run: () => unknown): AuthErrorCode | 'accepted' {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof AuthRefusal) return error.code;
    throw error;
  }
}

function signed(request: TestRequest = {}, keys = KEYS): Parameters<typeof verifySigV4Header>[0] {
  const { authorization, canonical } = signHeader(keys, { time: '20130524T000000Z', ...request });
  return { authorization, canonicalRequest: Buffer.from(canonical), unsignedHeaders: [] };
}

function presigned(expires: string, request: TestRequest = {}): Parameters<typeof verifySigV4Query>[0] {
  const { signature, canonical } = signQuery(KEYS, expires, { time: '20130524T000000Z', ...request });
  return { signature, canonicalRequest: Buffer.from(canonical), unsignedHeaders: [] };
}

describe('the Authorization header', () => {
  it.each(PUBLISHED)('accepts the published example: $name', (vector) => {
    const verified = verifySigV4Header(headerOf(vector), contextAt());
    expect(verified).toMatchObject({ version: 'AWS4-HMAC-SHA256', authType: 'REST-HEADER' });
    expect(verified.credential.accessKey).toBe(KEYS.accessKey);
    expect(verified.payloadHash).toBe(vector.canonical.split('\n').at(-1));
  });

  it('notices a change of any character of the canonical request', () => {
    const { canonical, signature } = PUBLISHED[1];
    fc.assert(
      fc.property(fc.nat({ max: canonical.length - 1 }), fc.integer({ min: 1, max: 94 }), (at, by) => {
        const bytes = Buffer.from(canonical);
        const before = bytes[at] ?? 0;
        bytes[at] = 32 + ((before - 32 + by + 95) % 95);
        if (bytes[at] === before) return;
        const presented = { ...headerOf({ canonical, signature }), canonicalRequest: bytes };
        expect(codeOf(() => verifySigV4Header(presented, contextAt()))).not.toBe('accepted');
      }),
    );
  });

  it('notices every element that was changed after signing', () => {
    const { authorization, canonicalRequest } = signed({ method: 'PUT', path: '/a', query: { x: '1' } });
    const text = canonicalRequest.toString();
    const changes: [string, string][] = [
      ['PUT\n', 'GET\n'],
      ['/a\n', '/b\n'],
      ['x=1', 'x=2'],
      ['host:s3.example.test', 'host:evil.example.test'],
      ['20130524T000000Z', '20130524T000001Z'],
    ];
    for (const [from, to] of changes) {
      expect(text).toContain(from);
      const presented = { authorization, canonicalRequest: Buffer.from(text.replace(from, to)), unsignedHeaders: [] };
      expect(codeOf(() => verifySigV4Header(presented, contextAt()))).toBe('SignatureDoesNotMatch');
    }
    for (const [from, to] of [
      ['us-east-1', 'eu-west-1'],
      [authorization.slice(-4), '0000'],
    ] as const) {
      const presented = { authorization: authorization.replace(from, to), canonicalRequest, unsignedHeaders: [] };
      expect(codeOf(() => verifySigV4Header(presented, contextAt()))).toBe('SignatureDoesNotMatch');
    }
  });

  it('wants host and every x-amz-* header signed, and the list to be the one that was signed', () => {
    const presented = signed();
    expect(codeOf(() => verifySigV4Header({ ...presented, unsignedHeaders: ['x-amz-acl'] }, contextAt()))).toBe(
      'AccessDenied',
    );
    const withoutHost = presented.canonicalRequest
      .toString()
      .replace('host:s3.example.test\n', '')
      .replace('host;', '');
    const authorization = presented.authorization.replace('host;', '');
    expect(
      codeOf(() =>
        verifySigV4Header(
          { authorization, canonicalRequest: Buffer.from(withoutHost), unsignedHeaders: [] },
          contextAt(),
        ),
      ),
    ).toBe('AccessDenied');
    expect(
      codeOf(() =>
        verifySigV4Header({ ...presented, authorization: presented.authorization.replace('host;', '') }, contextAt()),
      ),
    ).toBe('SignatureDoesNotMatch');
  });

  it('reads a text in one way only: header lines must be the listed ones, in order', () => {
    const text = signed().canonicalRequest.toString();
    for (const changed of [
      text.replace('host:', 'Host:'),
      text.replace('host:s3.example.test\n', 'host:s3.example.test\nx-extra:1\n'),
      text.replace('host:s3.example.test\n', ''),
      text.replace('\n\nhost;', '\nhost;'),
      'GET\n/',
      '',
    ]) {
      const presented = { ...signed(), canonicalRequest: Buffer.from(changed) };
      expect(codeOf(() => verifySigV4Header(presented, contextAt()))).toBe('SignatureDoesNotMatch');
    }
  });

  it('allows 15 minutes of skew either way and no more', () => {
    const at = (offsetMs: number): string =>
      codeOf(() => verifySigV4Header(signed(), contextAt(Date.UTC(2013, 4, 24) + offsetMs)));
    expect(at(15 * 60_000)).toBe('accepted');
    expect(at(-15 * 60_000)).toBe('accepted');
    expect(at(15 * 60_000 + 1000)).toBe('RequestTimeTooSkewed');
    expect(at(-15 * 60_000 - 1000)).toBe('RequestTimeTooSkewed');
  });

  it('takes the time of a signed Date header where x-amz-date is missing', () => {
    const scope = '20130524/us-east-1/s3/aws4_request';
    const { canonicalRequest } = signed({ headers: { date: 'Fri, 24 May 2013 00:00:00 GMT' } });
    const text = canonicalRequest.toString().replace('x-amz-date:20130524T000000Z\n', '').replace(';x-amz-date', '');
    const list = text.split('\n').at(-2);
    const presented = {
      authorization: `AWS4-HMAC-SHA256 Credential=${KEYS.accessKey}/${scope}, SignedHeaders=${list}, Signature=${'0'.repeat(64)}`,
      canonicalRequest: Buffer.from(text),
      unsignedHeaders: [],
    };
    expect(codeOf(() => verifySigV4Header(presented, contextAt()))).toBe('SignatureDoesNotMatch');
    const dateless = { ...presented, canonicalRequest: Buffer.from(text.replace('Fri, 24 May', 'someday')) };
    expect(codeOf(() => verifySigV4Header(dateless, contextAt()))).toBe('AccessDenied');
  });

  it('wants x-amz-content-sha256, and the payload line to repeat it', () => {
    const { authorization, canonicalRequest } = signed({ payloadHash: EMPTY });
    const forged = canonicalRequest.toString().replace(new RegExp(`${EMPTY}$`), 'UNSIGNED-PAYLOAD');
    expect(
      codeOf(() =>
        verifySigV4Header({ authorization, canonicalRequest: Buffer.from(forged), unsignedHeaders: [] }, contextAt()),
      ),
    ).toBe('SignatureDoesNotMatch');
    expect(codeOf(() => verifySigV4Header(signed({ payloadHash: 'SOMETHING' }), contextAt()))).toBe('InvalidArgument');
  });

  it('names what is wrong with a malformed header', () => {
    const good = signed();
    const code = (authorization: string): string =>
      codeOf(() => verifySigV4Header({ ...good, authorization }, contextAt()));
    expect(code('AWS4-HMAC-SHA256')).toBe('AuthorizationHeaderMalformed');
    expect(code(good.authorization.replace('Credential=', 'Credentials='))).toBe('AuthorizationHeaderMalformed');
    expect(code(good.authorization.replace('aws4_request', 'aws5_request'))).toBe('AuthorizationHeaderMalformed');
    expect(code(good.authorization.replace('/20130524/', '/20130523/'))).toBe('AuthorizationHeaderMalformed');
    expect(code(good.authorization.replace('/s3/', '/sts/'))).toBe('AuthorizationHeaderMalformed');
    expect(code(`${good.authorization}, Signature=${'0'.repeat(64)}`)).toBe('AuthorizationHeaderMalformed');
    expect(code(good.authorization.replace('AWS4-HMAC-SHA256', 'AWS4-ECDSA-P256-SHA256'))).toBe('InvalidRequest');
    expect(code('Basic cm9vdDpyb290')).toBe('InvalidRequest');
  });

  it('refuses SigV4a by its name', () => {
    const presented = { ...signed(), authorization: 'AWS4-ECDSA-P256-SHA256 Credential=x' };
    expect(() => verifySigV4Header(presented, contextAt())).toThrow(/AWS4-ECDSA-P256-SHA256 .* not supported/);
  });

  it('does not know a key that is not there or is switched off, whatever the signature', () => {
    const stranger = signed({}, { ...KEYS, accessKey: 'AKIASTRANGER' });
    expect(codeOf(() => verifySigV4Header(stranger, contextAt()))).toBe('InvalidAccessKeyId');
    const disabled: Credential = { type: 'User', enabled: false, ...KEYS };
    expect(codeOf(() => verifySigV4Header(signed(), contextAt(NOW, disabled)))).toBe('InvalidAccessKeyId');
    const wrong = signed({}, { ...KEYS, secretKey: 'wrong' });
    expect(codeOf(() => verifySigV4Header(wrong, contextAt(NOW, disabled)))).toBe('InvalidAccessKeyId');
  });

  it('uses a changed secret at once', () => {
    const changed: Credential = { type: 'User', enabled: true, ...KEYS, secretKey: 'a new secret' };
    expect(codeOf(() => verifySigV4Header(signed(), contextAt()))).toBe('accepted');
    expect(codeOf(() => verifySigV4Header(signed(), contextAt(NOW, changed)))).toBe('SignatureDoesNotMatch');
  });
});

describe('a presigned URL', () => {
  const published = { ...PRESIGNED, canonicalRequest: Buffer.from(PRESIGNED.canonical), unsignedHeaders: [] };

  it('accepts the published example while it lives', () => {
    expect(verifySigV4Query(published, contextAt()).authType).toBe('REST-QUERY-STRING');
    const day = 86_400_000;
    expect(codeOf(() => verifySigV4Query(published, contextAt(Date.UTC(2013, 4, 24) + day)))).toBe('accepted');
    expect(() => verifySigV4Query(published, contextAt(Date.UTC(2013, 4, 24) + day + 1))).toThrow(
      'Request has expired',
    );
    expect(() => verifySigV4Query(published, contextAt(Date.UTC(2013, 4, 23, 23, 44)))).toThrow(
      'Request is not valid yet',
    );
  });

  it('is spoilt by a longer expiry or another path', () => {
    for (const [from, to] of [
      ['X-Amz-Expires=86400', 'X-Amz-Expires=604800'],
      ['/test.txt', '/secret.txt'],
      ['X-Amz-Date=20130524T000000Z', 'X-Amz-Date=20130524T000001Z'],
    ] as const) {
      const canonicalRequest = Buffer.from(PRESIGNED.canonical.replace(from, to));
      expect(codeOf(() => verifySigV4Query({ ...published, canonicalRequest }, contextAt()))).toBe(
        'SignatureDoesNotMatch',
      );
    }
  });

  it('lives at most a week', () => {
    expect(codeOf(() => verifySigV4Query(presigned('604800'), contextAt()))).toBe('accepted');
    for (const expires of ['604801', '-1', 'tomorrow', '']) {
      expect(codeOf(() => verifySigV4Query(presigned(expires), contextAt()))).toBe('AuthorizationQueryParametersError');
    }
  });

  it('names what is wrong with its parameters', () => {
    const code = (query: Record<string, string>): string =>
      codeOf(() => verifySigV4Query(presigned('60', { query }), contextAt()));
    expect(code({ 'X-Amz-Algorithm': 'AWS4-HMAC-SHA1' })).toBe('AuthorizationQueryParametersError');
    expect(code({ 'X-Amz-Algorithm': 'AWS4-ECDSA-P256-SHA256' })).toBe('InvalidRequest');
    expect(code({ 'X-Amz-Credential': 'nonsense' })).toBe('AuthorizationQueryParametersError');
    expect(code({ 'X-Amz-Date': '2013-05-24' })).toBe('AuthorizationQueryParametersError');
    expect(code({ 'X-Amz-Date': '20130523T000000Z' })).toBe('AuthorizationQueryParametersError');
    expect(code({ 'X-Amz-SignedHeaders': 'host;x-amz-date' })).toBe('SignatureDoesNotMatch');
    expect(code({ 'X-Amz-Signature': '00' })).toBe('SignatureDoesNotMatch');
    const twice = Buffer.from(
      PRESIGNED.canonical.replace('X-Amz-Expires=86400', 'X-Amz-Expires=86400&X-Amz-Expires=1'),
    );
    expect(codeOf(() => verifySigV4Query({ ...published, canonicalRequest: twice }, contextAt()))).toBe(
      'AuthorizationQueryParametersError',
    );
  });

  it('refuses unsigned headers too', () => {
    expect(codeOf(() => verifySigV4Query({ ...published, unsignedHeaders: ['x-amz-acl'] }, contextAt()))).toBe(
      'AccessDenied',
    );
  });
});

describe('signed frames', () => {
  // AWS, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks".
  const canonical =
    'PUT\n/examplebucket/chunkObject.txt\n\ncontent-encoding:aws-chunked\ncontent-length:66824\nhost:s3.amazonaws.com\nx-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\nx-amz-date:20130524T000000Z\nx-amz-decoded-content-length:66560\nx-amz-storage-class:REDUCED_REDUNDANCY\n\ncontent-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class\nSTREAMING-AWS4-HMAC-SHA256-PAYLOAD';
  const seed = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
  const data = (body: string, signature: string) => ({
    kind: Frame_Kind.KIND_DATA,
    sha256: createHash('sha256').update(body).digest(),
    signature,
  });
  const frames = [
    data('a'.repeat(65_536), 'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648'),
    data('a'.repeat(1_024), '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497'),
    data('', 'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'),
  ];
  const open = (chains: FrameChains, nowMs = NOW): string => {
    const verified = verifySigV4Header(headerOf({ canonical, signature: seed }), contextAt());
    if (verified.frames === undefined) throw new Error('no seed');
    return chains.open(verified.frames, nowMs) ?? 'none';
  };
  const valid = { valid: true, reason: '' };

  it('verifies the published example, in one message or in several', () => {
    const chains = new FrameChains();
    expect(chains.verify({ handle: open(chains), frames, close: true }, NOW)).toEqual(valid);
    const handle = open(chains);
    for (const frame of frames) expect(chains.verify({ handle, frames: [frame], close: false }, NOW)).toEqual(valid);
    expect(chains.verify({ handle, frames: [], close: true }, NOW)).toEqual(valid);
    expect(chains.size).toBe(0);
  });

  it('notices a changed, missing, repeated or reordered frame', () => {
    const [first, second, last] = frames as [(typeof frames)[0], (typeof frames)[0], (typeof frames)[0]];
    const chains = new FrameChains();
    for (const sent of [
      [{ ...first, sha256: second.sha256 }],
      [first, last],
      [first, first],
      [second, first],
      [{ ...first, sha256: first.sha256.subarray(1) }],
      [{ ...first, kind: Frame_Kind.KIND_UNSPECIFIED }],
    ]) {
      expect(chains.verify({ handle: open(chains), frames: sent, close: false }, NOW).valid).toBe(false);
    }
    expect(chains.size).toBe(0);
  });

  it('verifies the published example with a signed trailer, and takes nothing after it', () => {
    const request =
      'PUT\n/examplebucket/chunkObject.txt\n\ncontent-encoding:aws-chunked\nhost:s3.amazonaws.com\nx-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\nx-amz-date:20130524T000000Z\nx-amz-decoded-content-length:66560\nx-amz-storage-class:REDUCED_REDUNDANCY\nx-amz-trailer:x-amz-checksum-crc32c\n\ncontent-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer\nSTREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER';
    const signature = '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e';
    const verified = verifySigV4Header(headerOf({ canonical: request, signature }), contextAt());
    if (verified.frames === undefined) throw new Error('no seed');
    const chains = new FrameChains();
    const handle = chains.open(verified.frames, NOW) ?? 'none';
    const last = data('', '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992');
    const sent = [
      data('a'.repeat(65_536), 'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2'),
      data('a'.repeat(1_024), '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7'),
      last,
      {
        kind: Frame_Kind.KIND_TRAILER,
        sha256: createHash('sha256').update('x-amz-checksum-crc32c:sOO8/Q==\n').digest(),
        signature: 'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435',
      },
    ];
    expect(chains.verify({ handle, frames: sent, close: false }, NOW)).toEqual(valid);
    expect(chains.verify({ handle, frames: [last], close: false }, NOW)).toEqual({
      valid: false,
      reason: 'InvalidFrame',
    });
  });

  it('forgets idle chains and refuses too many', () => {
    const chains = new FrameChains();
    const old = open(chains, NOW);
    for (let i = 1; i < MAX_FRAME_HANDLES; i++) open(chains, NOW + 1);
    expect(open(chains, NOW + 1)).toBe('none');
    expect(chains.verify({ handle: old, frames, close: false }, NOW + FRAME_HANDLE_IDLE_MS + 1).reason).toBe(
      'UnknownHandle',
    );
    expect(open(chains, NOW + FRAME_HANDLE_IDLE_MS + 1)).toMatch(/^[0-9a-f]{32}$/);
  });
});

it('reads what a gateway sends on', () => {
  const { presented } = headerCredentials(KEYS, { time: '20130524T000000Z' });
  expect(presented?.$case === 'sigv4Header' && codeOf(() => verifySigV4Header(presented.value, contextAt()))).toBe(
    'accepted',
  );
});
