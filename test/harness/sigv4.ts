// Signature version 4 for tests, written from AWS's description and on its own: nothing of src is used, so that a fault
// there cannot hide behind the same fault here.
import { createHash, createHmac } from 'node:crypto';

/** Credentials of a client. */
export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
}

/** What is signed. `path` is percent-encoded as it goes into the request line; query names and values are not encoded. */
export interface ToSign {
  readonly method: string;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>; // lower-case names; all of them are signed
  readonly payloadHash: string;
}

/** What a signature was made with; frames of a streamed body go on from it. */
export interface Signed {
  readonly signature: string;
  readonly signingKey: Buffer;
  readonly scope: string; // 20130524/us-east-1/s3/aws4_request
  readonly time: string; // 20130524T000000Z
  readonly signedHeaders: string;
}

export const EMPTY_SHA256 = createHash('sha256').digest('hex');
const REGION = 'us-east-1';

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Percent-encodes all but the unreserved characters. */
export function encodeText(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The request path of a bucket and key, encoded as S3 clients do. */
export function objectPath(bucket: string, key?: string): string {
  return key === undefined ? `/${bucket}` : `/${bucket}/${key.split('/').map(encodeText).join('/')}`;
}

/** `20130524T000000Z`. */
export function amzTime(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d{3}/g, '');
}

export function encodeQuery(query: readonly (readonly [string, string])[]): string {
  return query.map(([name, value]) => `${encodeText(name)}=${encodeText(value)}`).join('&');
}

function sign(request: ToSign, keys: Keys, at: Date): Signed {
  const time = amzTime(at);
  const scope = `${time.slice(0, 8)}/${REGION}/s3/aws4_request`;
  const names = Object.keys(request.headers).sort();
  const signedHeaders = names.join(';');
  const query = request.query
    .map(([name, value]) => [encodeText(name), encodeText(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const canonical = [
    request.method,
    request.path,
    query,
    ...names.map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders,
    request.payloadHash,
  ].join('\n');
  const signingKey = [time.slice(0, 8), REGION, 's3', 'aws4_request'].reduce<Buffer>(
    hmac,
    Buffer.from(`AWS4${keys.secretKey}`),
  );
  const signature = hmac(signingKey, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex');
  return { signature, signingKey, scope, time, signedHeaders };
}

/** Signs in the Authorization header; answers the headers to send. */
export function signHeaders(
  request: ToSign,
  keys: Keys,
  at: Date,
): { headers: Record<string, string>; signed: Signed } {
  const headers: Record<string, string> = {
    ...request.headers,
    'x-amz-date': amzTime(at),
    'x-amz-content-sha256': request.payloadHash,
  };
  if (keys.sessionToken !== undefined) headers['x-amz-security-token'] = keys.sessionToken;
  const signed = sign({ ...request, headers }, keys, at);
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${keys.accessKey}/${signed.scope}, SignedHeaders=${signed.signedHeaders}, Signature=${signed.signature}`;
  return { headers, signed };
}

/** A presigned request target: path and query, to be sent with the same Host. `expires` in seconds. */
export function presign(
  request: { method: string; path: string; host: string; query?: readonly (readonly [string, string])[] },
  keys: Keys,
  at: Date,
  expires: number,
): string {
  const scope = `${amzTime(at).slice(0, 8)}/${REGION}/s3/aws4_request`;
  const query: (readonly [string, string])[] = [
    ...(request.query ?? []),
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${keys.accessKey}/${scope}`],
    ['X-Amz-Date', amzTime(at)],
    ['X-Amz-Expires', String(expires)],
    ['X-Amz-SignedHeaders', 'host'],
  ];
  if (keys.sessionToken !== undefined) query.push(['X-Amz-Security-Token', keys.sessionToken]);
  const { signature } = sign(
    {
      method: request.method,
      path: request.path,
      query,
      headers: { host: request.host },
      payloadHash: 'UNSIGNED-PAYLOAD',
    },
    keys,
    at,
  );
  return `${request.path}?${encodeQuery([...query, ['X-Amz-Signature', signature]])}`;
}

/** The frames of STREAMING-AWS4-HMAC-SHA256-PAYLOAD: sizes in bytes, each frame signed after the one before it. */
export class FrameSigner {
  readonly #signed: Signed;
  #previous: string;

  constructor(signed: Signed) {
    this.#signed = signed;
    this.#previous = signed.signature;
  }

  /** One frame; empty data makes the last one. */
  frame(data: Uint8Array): Buffer {
    const { time, scope, signingKey } = this.#signed;
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${time}\n${scope}\n${this.#previous}\n${EMPTY_SHA256}\n${sha256(data)}`;
    this.#previous = hmac(signingKey, text).toString('hex');
    const head = Buffer.from(`${data.length.toString(16)};chunk-signature=${this.#previous}\r\n`);
    return Buffer.concat([head, data, Buffer.from('\r\n')]);
  }
}
