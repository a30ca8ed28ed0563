// AWS Signature Version 4 as a client computes it, independent of the code under test.
// Source: AWS, Signature Version 4 for S3: header, query and chunked forms.
import { createHash, createHmac } from 'node:crypto';

export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

export const REGION = 'us-east-1';
export const EMPTY_SHA256 = createHash('sha256').digest('hex');

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Percent-encodes everything but the unreserved characters. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The raw path of an object: every component encoded, slashes kept. */
export function objectPath(bucket: string, key: string): string {
  return `/${bucket}/${key.split('/').map(encode).join('/')}`;
}

/** `20130524T000000Z` */
export function amzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

export function queryText(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}

export interface Signable {
  readonly method: string;
  readonly path: string; // as sent
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>; // names in lower case; all are signed
  readonly payloadHash: string;
}

export const scopeOf = (date: string): string => `${date.slice(0, 8)}/${REGION}/s3/aws4_request`;

export function sign(keys: Keys, date: string, text: string): string {
  const key = hmac(hmac(hmac(hmac(`AWS4${keys.secretKey}`, date.slice(0, 8)), REGION), 's3'), 'aws4_request');
  return hmac(key, text).toString('hex');
}

/** The signature of a request. */
export function requestSignature(keys: Keys, date: string, request: Signable): string {
  const names = Object.keys(request.headers).sort();
  const lines = names.map((name) => `${name}:${request.headers[name]}\n`).join('');
  const canonical = [
    request.method,
    request.path,
    queryText(request.query),
    lines,
    names.join(';'),
    request.payloadHash,
  ].join('\n');
  return sign(keys, date, `AWS4-HMAC-SHA256\n${date}\n${scopeOf(date)}\n${sha256(canonical)}`);
}

/** The query of a presigned URL, signature included. */
export function presignedQuery(
  keys: Keys,
  date: string,
  expiresSeconds: number,
  request: Omit<Signable, 'payloadHash'>,
): Record<string, string> {
  const query: Record<string, string> = {
    ...request.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${keys.accessKey}/${scopeOf(date)}`,
    'X-Amz-Date': date,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': Object.keys(request.headers).sort().join(';'),
    ...(keys.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': keys.sessionToken }),
  };
  const signature = requestSignature(keys, date, { ...request, query, payloadHash: 'UNSIGNED-PAYLOAD' });
  return { ...query, 'X-Amz-Signature': signature };
}

/** The frames of a STREAMING-AWS4-HMAC-SHA256-PAYLOAD body, the empty last one included, each as it goes over the wire. */
export function signedFrames(keys: Keys, date: string, seedSignature: string, frames: readonly Buffer[]): Buffer[] {
  let previous = seedSignature;
  return [...frames, Buffer.alloc(0)].map((data) => {
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${date}\n${scopeOf(date)}\n${previous}\n${EMPTY_SHA256}\n${sha256(data)}`;
    previous = sign(keys, date, text);
    const head = `${data.length.toString(16)};chunk-signature=${previous}\r\n`;
    return Buffer.concat([Buffer.from(head), data, Buffer.from('\r\n')]);
  });
}
