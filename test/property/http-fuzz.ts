// Random requests over raw HTTP to a real gateway: whatever comes, the answer is HTTP, no fault is shown, the process stays, and a request
// that was refused leaves the metadata and the blocks as they were.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import type { Gateway } from '../harness/gateway.ts';
import { encodeQuery, sha256, signHeaders } from '../harness/sigv4.ts';
import { type TestVolume, volumeState } from '../harness/volume.ts';

export interface FuzzOptions {
  readonly gateway: Gateway;
  readonly volume: TestVolume;
  readonly requests: number;
  readonly seed: number;
  readonly say?: (text: string) => void;
}

export interface FuzzResult {
  /** How many answers had each status. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** Requests on their way at once; the state is compared after each such group. */
const TOGETHER = 4;
const ANSWER_WITHIN_MS = 20_000;
/** A client that got no answer for so long says that it will send no more; one whose body breaks off says so sooner. */
const SILENT_MS = 500;
const BROKEN_MS = 30;
/** What a request brought before it was refused may be there for a moment. */
const SETTLED_WITHIN_MS = 5_000;

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
const anyRequest = fc.record({
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
});
type FuzzRequest = typeof anyRequest extends fc.Arbitrary<infer T> ? T : never;

/** Throws with the request that broke a rule. */
export async function fuzzGateway({ gateway, volume, requests, seed, say }: FuzzOptions): Promise<FuzzResult> {
  const statuses = new Map<number, number>();
  const all = fc.sample(anyRequest, { numRuns: requests, seed });
  let before = volumeState(volume);
  for (let at = 0; at < all.length; at += TOGETHER) {
    const group = all.slice(at, at + TOGETHER).map((request) => ({ request, text: textOf(request, gateway) }));
    const exchanges = await Promise.all(
      group.map(async ({ request, text }) => ({
        request,
        text,
        answer: await exchange(gateway.port, text, request.framing === 'short' ? BROKEN_MS : SILENT_MS),
      })),
    );
    for (const { text, answer } of exchanges) {
      const given = statusesOf(answer);
      for (const status of given.length === 0 ? [0] : given) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (given.some((status) => status === 500 || status === 503)) {
        throw failure('was answered as a fault', text, answer, gateway);
      }
    }
    const texts = exchanges.map(({ text }) => text).join('\n---\n');
    if (gateway.process.exit !== undefined) throw failure('ended the gateway', texts, '', gateway);
    const after = exchanges.some(mayChange) ? volumeState(volume) : await settled(volume, before);
    if (!exchanges.some(mayChange) && !isSame(after, before)) {
      const added = after.filter((line) => !before.includes(line)).join('\n');
      const answers = exchanges.map(({ answer }) => answer).join('\n');
      throw failure(`changed the volume though refused: ${added}`, texts, answers, gateway);
    }
    before = after;
    if (at % 8_000 === 0) say?.(`${at} requests`);
  }
  if (/uncaught|a worker ended|a request failed|an answer broke off/.test(gateway.process.log)) {
    throw failure('wrote a fault to the log', '', '', gateway);
  }
  return { statuses };
}

interface Exchange {
  readonly request: FuzzRequest;
  readonly text: string;
  readonly answer: string;
}

/** The statuses of all answers; bytes that are exchanged for others may make two requests of one. */
function statusesOf(answer: string): number[] {
  return [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)]
    .map(([, status]) => Number(status))
    .filter((status) => status !== 100);
}

/**
 * Whether the volume may be another one now: something that writes succeeded, or nobody can say, as the answer was lost. Whose body broke
 * off cannot have succeeded, answer or none.
 */
function mayChange({ request: { method, framing, damage }, answer }: Exchange): boolean {
  const given = statusesOf(answer);
  if (given.length === 0) return damage !== null || framing !== 'short';
  const reads = damage === null && ['GET', 'HEAD', 'OPTIONS'].includes(method);
  return !reads && given.some((status) => status < 300);
}

/** The state once it is what it was; after a while, whatever it is. */
async function settled(volume: TestVolume, before: readonly string[]): Promise<string[]> {
  const until = Date.now() + SETTLED_WITHIN_MS;
  for (;;) {
    const state = volumeState(volume);
    if (isSame(state, before) || Date.now() > until) return state;
    await pause(20);
  }
}

function isSame(state: readonly string[], before: readonly string[]): boolean {
  return state.length === before.length && state.every((line, i) => line === before[i]);
}

function failure(what: string, text: string | undefined, answer: string, gateway: Gateway): Error {
  return new Error(
    `${what}:\n${JSON.stringify(text)}\n${answer.slice(0, 1_000)}\n${gateway.process.log.slice(-2_000)}`,
  );
}

function textOf(request: FuzzRequest, { port, root }: Gateway): string {
  const { method, path, query, headers, body, signed, payloadHash, framing, damage } = request;
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

/** Sends, says that nothing more comes, and collects what is answered. */
function exchange(port: number, text: string, silentMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let answer = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer to ${JSON.stringify(text)}`));
    }, ANSWER_WITHIN_MS);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('error', done);
    socket.on('end', done);
    socket.write(Buffer.from(text, 'latin1'));
    // whoever still waits for the rest of a body is told that there is none
    const rest = setTimeout(() => socket.end(), silentMs);
    socket.on('close', () => clearTimeout(rest));
  });
}
