// Random requests as text: some made of anything, some that an S3 client could send and that are spoilt in one or two places.
import fc from 'fast-check';
import { encodeQuery, type Keys, sha256, signHeaders } from '../harness/sigv4.ts';

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'TRACE', 'get', 'PROPFIND'];
const PLACES = [
  '/',
  '/photos',
  '/photos/',
  '/photos/there',
  '/photos/new',
  '/photos/d/e/f',
  '/none',
  '/none/k',
  '/minio/admin/v3/info',
];
const NAMES = [
  '..',
  '.',
  '%2e%2e',
  '%00',
  '%ff',
  '//',
  '%2f',
  'é',
  '%',
  '.sys',
  '.minio.sys',
  'a'.repeat(300),
  '%F0%9F%98%80',
  '\\',
  '*',
];
const QUERIES = [
  'acl',
  'tagging',
  'uploads',
  'uploadId',
  'partNumber',
  'delete',
  'list-type',
  'prefix',
  'marker',
  'delimiter',
  'max-keys',
  'versionId',
  'versions',
  'policy',
  'cors',
  'lifecycle',
  'location',
  'attributes',
  'continuation-token',
  'start-after',
  'encoding-type',
  'restore',
  'select',
  'notification',
  'versioning',
  'website',
  'torrent',
  'retention',
  'response-content-type',
  'X-Amz-Expires',
  'X-Amz-Signature',
  'AWSAccessKeyId',
  'ownershipControls',
  'publicAccessBlock',
  'events',
  'part-number-marker',
  'max-parts',
  'max-uploads',
  'key-marker',
];
const HEADERS = [
  'range',
  'content-md5',
  'x-amz-copy-source',
  'x-amz-copy-source-range',
  'x-amz-metadata-directive',
  'x-amz-tagging',
  'x-amz-acl',
  'expect',
  'x-amz-checksum-crc32',
  'x-amz-checksum-sha256',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-trailer',
  'x-amz-decoded-content-length',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'content-encoding',
  'content-type',
  'x-amz-meta-a',
  'origin',
  'access-control-request-method',
  'x-amz-security-token',
  'x-amz-storage-class',
  'x-amz-server-side-encryption',
  'x-amz-object-attributes',
  'x-amz-grant-read',
  'x-minio-force-delete',
  'x-amz-expected-bucket-owner',
  'x-amz-date',
  'x-amz-mp-object-size',
  'x-amz-tagging-directive',
  'connection',
];
const VALUES = [
  '',
  '0',
  '1',
  '-1',
  '10001',
  '999999999999999999999',
  'NaN',
  'bytes=0-',
  'bytes=5-1',
  'bytes=-0',
  '*',
  '""',
  '/photos/there',
  'photos/../there',
  '/photos/there?versionId=null',
  'REPLACE',
  'a=1&a=2',
  'k%=v',
  'AAAAAA==',
  'AAAAAAAAAAAAAAAAAAAAAA==',
  '100-continue',
  'private',
  'gzip',
  'url',
  'CRC32',
  'x-amz-checksum-crc32',
  'aws-chunked',
  'multipart/form-data; boundary=x',
  'Mon, 32 Foo 2020 00:00:00 GMT',
  'Thu, 01 Jan 1970 00:00:00 GMT',
  'uri="http://acs.amazonaws.com/groups/global/AllUsers"',
  'ETag,Checksum',
  'true',
  '/',
  '\u00ff\u00fe',
  'x'.repeat(3_000),
];
const BODIES = [
  '',
  'hello',
  '<',
  '<Delete/>',
  '<Delete><Object><Key>there2</Key></Object></Delete>',
  '<Delete><Object><Key>../x</Key></Object></Delete>',
  '<CreateBucketConfiguration/>',
  '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>',
  '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag><Tag><Key>a</Key></Tag></TagSet></Tagging>',
  '<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>',
  '<CORSConfiguration><CORSRule/></CORSConfiguration>',
  '<AccessControlPolicy/>',
  '<LifecycleConfiguration><Rule/></LifecycleConfiguration>',
  '{"Statement":[{}]}',
  '{"Version":"2012-10-17","Statement":',
  '5;chunk-signature=00\r\nhello\r\n0\r\n\r\n',
  '--x\r\ncontent-disposition: form-data; name="key"\r\n\r\nk\r\n--x--\r\n',
  '\0\0\0',
];

/** In a query: the id of an upload that is under way, for the key UPLOAD_PATH. */
const UPLOAD_ID = '{upload}';
export const UPLOAD_PATH = '/photos/parts';

type Pair = readonly [name: string, value: string];

/** What an S3 client could send. */
interface Sensible {
  readonly method: string;
  readonly path: string;
  readonly query?: readonly Pair[];
  readonly headers?: readonly Pair[];
  readonly body?: string;
}

const THERE = '/photos/there';
const NEW = '/photos/d/new';
const SENSIBLE: readonly Sensible[] = [
  { method: 'GET', path: '/' },
  { method: 'PUT', path: '/pictures' },
  { method: 'DELETE', path: '/pictures' },
  { method: 'HEAD', path: '/photos' },
  {
    method: 'GET',
    path: '/photos',
    query: [
      ['list-type', '2'],
      ['prefix', 'd/'],
      ['delimiter', '/'],
    ],
  },
  {
    method: 'GET',
    path: '/photos',
    query: [
      ['marker', 'a'],
      ['max-keys', '2'],
      ['encoding-type', 'url'],
    ],
  },
  { method: 'GET', path: '/photos', query: [['versions', '']] },
  { method: 'GET', path: '/photos', query: [['uploads', '']] },
  { method: 'GET', path: '/photos', query: [['location', '']] },
  { method: 'GET', path: THERE },
  { method: 'GET', path: THERE, headers: [['range', 'bytes=1-3']] },
  { method: 'GET', path: THERE, query: [['partNumber', '1']] },
  {
    method: 'GET',
    path: THERE,
    query: [['attributes', '']],
    headers: [['x-amz-object-attributes', 'ETag,ObjectSize']],
  },
  { method: 'HEAD', path: THERE },
  { method: 'PUT', path: NEW, body: 'hello' },
  {
    method: 'PUT',
    path: NEW,
    body: 'hello',
    headers: [
      ['x-amz-meta-a', 'b'],
      ['x-amz-tagging', 'a=b'],
      ['x-amz-acl', 'public-read'],
    ],
  },
  { method: 'PUT', path: NEW, body: 'hello', headers: [['if-none-match', '*']] },
  { method: 'PUT', path: NEW, body: 'hello', headers: [['content-md5', 'XUFAKrxLKna5cZ2REBfFkg==']] },
  { method: 'PUT', path: NEW, body: 'hello', headers: [['x-amz-checksum-crc32', 'NhCmhg==']] },
  { method: 'PUT', path: `${NEW}/`, body: '' },
  { method: 'PUT', path: NEW, headers: [['x-amz-copy-source', THERE]] },
  {
    method: 'PUT',
    path: THERE,
    headers: [
      ['x-amz-copy-source', THERE],
      ['x-amz-metadata-directive', 'REPLACE'],
    ],
  },
  { method: 'DELETE', path: NEW },
  { method: 'DELETE', path: NEW, headers: [['if-match', '"5d41402abc4b2a76b9719d911017c592"']] },
  {
    method: 'POST',
    path: '/photos',
    query: [['delete', '']],
    body: '<Delete><Object><Key>d/new</Key></Object><Object><Key>x</Key></Object></Delete>',
  },
  { method: 'POST', path: UPLOAD_PATH, query: [['uploads', '']] },
  {
    method: 'PUT',
    path: UPLOAD_PATH,
    query: [
      ['partNumber', '1'],
      ['uploadId', UPLOAD_ID],
    ],
    body: 'part',
  },
  {
    method: 'PUT',
    path: UPLOAD_PATH,
    query: [
      ['partNumber', '2'],
      ['uploadId', UPLOAD_ID],
    ],
    headers: [
      ['x-amz-copy-source', THERE],
      ['x-amz-copy-source-range', 'bytes=0-2'],
    ],
  },
  {
    method: 'GET',
    path: UPLOAD_PATH,
    query: [
      ['uploadId', UPLOAD_ID],
      ['max-parts', '1'],
    ],
  },
  {
    method: 'POST',
    path: UPLOAD_PATH,
    query: [['uploadId', UPLOAD_ID]],
    body: '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"a8c0a4b3b1a3e1d7"</ETag></Part></CompleteMultipartUpload>',
  },
  {
    method: 'POST',
    path: '/photos',
    headers: [['content-type', 'multipart/form-data; boundary=x']],
    body: '--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nform\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhello\r\n--x--\r\n',
  },
  { method: 'GET', path: THERE, query: [['tagging', '']] },
  {
    method: 'PUT',
    path: THERE,
    query: [['tagging', '']],
    body: '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>',
  },
  { method: 'DELETE', path: THERE, query: [['tagging', '']] },
  { method: 'GET', path: THERE, query: [['acl', '']] },
  { method: 'PUT', path: THERE, query: [['acl', '']], headers: [['x-amz-acl', 'private']] },
  { method: 'PUT', path: '/photos', query: [['acl', '']], headers: [['x-amz-acl', 'public-read']] },
  { method: 'GET', path: '/photos', query: [['policy', '']] },
  {
    method: 'PUT',
    path: '/photos',
    query: [['policy', '']],
    body: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"}]}',
  },
  {
    method: 'PUT',
    path: '/photos',
    query: [['cors', '']],
    body: '<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>',
  },
  {
    method: 'OPTIONS',
    path: THERE,
    headers: [
      ['origin', 'http://a'],
      ['access-control-request-method', 'GET'],
    ],
  },
  {
    method: 'PUT',
    path: '/photos',
    query: [['lifecycle', '']],
    body: '<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix>x</Prefix></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>',
  },
  {
    method: 'PUT',
    path: '/photos',
    query: [['ownershipControls', '']],
    body: '<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>',
  },
  { method: 'PUT', path: '/photos', query: [['publicAccessBlock', '']], body: '<PublicAccessBlockConfiguration/>' },
  { method: 'PUT', path: '/photos', query: [['notification', '']], body: '<NotificationConfiguration/>' },
  { method: 'GET', path: THERE, query: [['retention', '']] },
];

const anyValue = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...VALUES) },
  { weight: 1, arbitrary: fc.string({ maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, '')) },
);
const anyPath = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...PLACES) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.constantFrom(...NAMES, 'photos', 'k'), { maxLength: 4 })
      .map((parts) => `/${parts.join('/')}`),
  },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES).map((name) => `/photos/${name}`) },
);
const anyKind = {
  method: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD') },
    { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
  ),
  path: anyPath,
  query: fc.array(fc.tuple(fc.constantFrom(...QUERIES), fc.oneof(fc.constant(''), anyValue)), { maxLength: 3 }),
  headers: fc.array(fc.tuple(fc.constantFrom(...HEADERS), anyValue), { maxLength: 4 }),
  body: fc.constantFrom(...BODIES),
  /** How it is signed: rightly, with a wrong secret, not at all. */
  signed: fc.constantFrom('right', 'right', 'right', 'wrong', 'not'),
  payloadHash: fc.constantFrom(
    'hash',
    'hash',
    'UNSIGNED-PAYLOAD',
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'x',
  ),
  /** What of the framing is wrong. */
  framing: fc.constantFrom('length', 'length', 'length', 'length', 'none', 'chunked', 'both', 'short', 'twice'),
  /** Bytes of the text that are exchanged for others. */
  damage: fc.oneof(
    { weight: 7, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(2_000), fc.nat(255)) },
  ),
};
const anything = fc.record(anyKind);
export type FuzzRequest = typeof anything extends fc.Arbitrary<infer T> ? T : never;

/** What spoils a request in one place. */
const spoilt: fc.Arbitrary<(request: FuzzRequest) => FuzzRequest> = fc.oneof(
  ...(['method', 'path', 'body', 'signed', 'payloadHash', 'framing', 'damage'] as const).map((part) =>
    anything.map((other) => (request: FuzzRequest) => ({ ...request, [part]: other[part] })),
  ),
  fc
    .tuple(fc.constantFrom(...HEADERS), anyValue)
    .map((header) => (request: FuzzRequest) => ({ ...request, headers: [...request.headers, header] })),
  fc
    .tuple(fc.constantFrom(...QUERIES), anyValue)
    .map((parameter) => (request: FuzzRequest) => ({ ...request, query: [...request.query, parameter] })),
  fc.tuple(fc.nat(2), anyValue).map(([at, value]) => (request: FuzzRequest) => ({
    ...request,
    query: request.query.map(([name, before], i): [string, string] => [name, i === at ? value : before]),
  })),
);

const sensible: fc.Arbitrary<FuzzRequest> = fc
  .constantFrom(...SENSIBLE)
  .map(({ method, path, query = [], headers = [], body = '' }) => ({
    method,
    path,
    query: query.map(([name, value]): [string, string] => [name, value]),
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    body,
    signed: 'right',
    payloadHash: 'hash',
    framing: 'length',
    damage: null,
  }));

export const anyRequest: fc.Arbitrary<FuzzRequest> = fc.oneof(
  { weight: 1, arbitrary: anything },
  {
    weight: 2,
    arbitrary: fc
      .tuple(sensible, fc.array(spoilt, { maxLength: 2 }))
      .map(([request, changes]) => changes.reduce((before, change) => change(before), request)),
  },
);

/** Where a request goes, and what it may refer to. */
export interface FuzzTarget {
  readonly port: number;
  readonly keys: Keys;
  readonly uploadId: string;
}

/** The request as it goes over the wire. */
export function textOf(request: FuzzRequest, { port, keys: root, uploadId }: FuzzTarget): string {
  const { method, path, headers, body, signed, payloadHash, framing, damage } = request;
  const query = request.query.map(([name, value]): Pair => [name, value === UPLOAD_ID ? uploadId : value]);
  const given: Record<string, string> = { host: `127.0.0.1:${port}`, connection: 'close' };
  for (const [name, value] of headers) given[name] = value;
  const keys = signed === 'wrong' ? { ...root, secretKey: 'another-secret-key' } : root;
  const hash = payloadHash === 'hash' ? sha256(Buffer.from(body, 'latin1')) : payloadHash;
  const all =
    signed === 'not'
      ? given
      : signHeaders({ method, path, query, headers: given, payloadHash: hash }, keys, new Date()).headers;
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const length = `content-length: ${framing === 'short' ? body.length + 5 : body.length}`;
  if (framing !== 'none' && framing !== 'chunked') lines.push(length);
  if (framing === 'twice') lines.push(`content-length: ${body.length + 1}`);
  if (framing === 'chunked' || framing === 'both') lines.push('transfer-encoding: chunked');
  const isChunked = (framing === 'chunked' || framing === 'both') && body !== '';
  const sent = isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
  const target = query.length === 0 ? path : `${path}?${encodeQuery(query)}`;
  const text = `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${sent}`;
  if (damage === null) return text;
  const [place, byte] = damage;
  const spot = place % text.length;
  return text.slice(0, spot) + String.fromCharCode(byte) + text.slice(spot + 1);
}
