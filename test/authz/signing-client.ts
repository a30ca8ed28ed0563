// Signs as a client would, for tests: what a gateway would send on of a request that a client signed.
import { createHash, createHmac } from 'node:crypto';
import type { Credentials } from '../../proto/gen/portcullis/authz/v1/authorization.ts';

export interface TestKeys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

export interface TestRequest {
  readonly method?: string;
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
  readonly time?: string; // 20130524T000000Z
  readonly region?: string;
  readonly service?: string;
}

export const EMPTY_HASH = createHash('sha256').digest('hex');

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** `20130524T000000Z` of now. */
export function timeText(ms = Date.now()): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function canonicalText(request: Required<Omit<TestRequest, 'region' | 'service' | 'time'>>): string {
  const query = Object.entries(request.query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const names = Object.keys(request.headers).sort();
  const lines = names.map((name) => `${name}:${request.headers[name]}\n`).join('');
  return `${request.method}\n${request.path}\n${query}\n${lines}\n${names.join(';')}\n${request.payloadHash}`;
}

function sign(secretKey: string, time: string, region: string, service: string, canonical: string): string {
  const date = time.slice(0, 8);
  const key = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, date), region), service), 'aws4_request');
  const hash = createHash('sha256').update(canonical).digest('hex');
  return hmac(key, `AWS4-HMAC-SHA256\n${time}\n${date}/${region}/${service}/aws4_request\n${hash}`).toString('hex');
}

/** The parts of a header-signed request. */
export function signHeader(keys: TestKeys, request: TestRequest = {}): { authorization: string; canonical: string } {
  const { method = 'GET', path = '/', query = {}, payloadHash = EMPTY_HASH, region = 'us-east-1' } = request;
  const time = request.time ?? timeText();
  const service = request.service ?? 's3';
  const headers = {
    host: 's3.example.test',
    'x-amz-content-sha256': payloadHash,
    'x-amz-date': time,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
    ...request.headers,
  };
  const canonical = canonicalText({ method, path, query, headers, payloadHash });
  const signature = sign(keys.secretKey, time, region, service, canonical);
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const names = Object.keys(headers).sort().join(';');
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${keys.accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    canonical,
  };
}

/** The parts of a presigned URL. */
export function signQuery(
  keys: TestKeys,
  expires: string,
  request: TestRequest = {},
): { signature: string; canonical: string } {
  const { method = 'GET', path = '/', payloadHash = 'UNSIGNED-PAYLOAD', region = 'us-east-1' } = request;
  const time = request.time ?? timeText();
  const service = request.service ?? 's3';
  const headers = { host: 's3.example.test', ...request.headers };
  const query = {
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${keys.accessKey}/${time.slice(0, 8)}/${region}/${service}/aws4_request`,
    'X-Amz-Date': time,
    'X-Amz-Expires': expires,
    'X-Amz-SignedHeaders': Object.keys(headers).sort().join(';'),
    ...(keys.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': keys.sessionToken }),
    ...request.query,
  };
  const canonical = canonicalText({ method, path, query, headers, payloadHash });
  return { signature: sign(keys.secretKey, time, region, service, canonical), canonical };
}

/** Credentials as a gateway sends them on. */
export function headerCredentials(keys: TestKeys, request: TestRequest = {}): Credentials {
  const { authorization, canonical } = signHeader(keys, request);
  const canonicalRequest = Buffer.from(canonical);
  return { presented: { $case: 'sigv4Header', value: { authorization, canonicalRequest, unsignedHeaders: [] } } };
}

export const anonymousCredentials: Credentials = { presented: { $case: 'anonymous', value: {} } };
