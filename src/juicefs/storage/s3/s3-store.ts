// The `s3` object store: one bucket of any service that speaks S3. Requests are signed here; trying again, time limits and
// bandwidth are the business of the layers above. A CRC-32C stands in each object's metadata, as the Go client keeps it.
import type { Agent, Dispatcher } from 'undici';
import { crc32c } from '../crc32c.ts';
import {
  type ByteRange,
  type ObjectBody,
  ObjectMissingError,
  ObjectRefusedError,
  type ObjectStore,
  type StoredObject,
  wholeOf,
} from '../object-store.ts';
import { amazonOrigin, type S3Endpoint } from './s3-endpoint.ts';
import { MAX_XML_BYTES, parseErrorDocument, parseListing } from './s3-xml.ts';
import {
  canonicalQuery,
  encodeRfc3986,
  type S3Credentials,
  sha256Hex,
  signedHeaders,
  UNSIGNED_PAYLOAD,
} from './sign.ts';

const READ_UNIT = 1024 * 1024;
/** Largest object read: a block of 16 MiB, after a compression that made it larger, and its encryption. */
const MAX_OBJECT_BYTES = 24 << 20;
const CHECKSUM_HEADER = 'x-amz-meta-crc32c';
const CONNECT_TIMEOUT_MS = 10_000;
const EMPTY = new Uint8Array(0);

/** Codes that trying again does not change. */
const FINAL_CODES = new Set([
  'AccessDenied',
  'AccountProblem',
  'AllAccessDisabled',
  'EntityTooLarge',
  'InvalidAccessKeyId',
  'InvalidBucketName',
  'InvalidToken',
  'NoSuchBucket',
  'NotImplemented',
  'SignatureDoesNotMatch',
]);

export interface S3StoreOptions {
  readonly endpoint: S3Endpoint;
  /** undefined = requests are not signed. */
  readonly credentials: S3Credentials | undefined;
  readonly storageClass?: string;
  /** One `key=value` for written objects. */
  readonly tag?: string;
  readonly kind: 's3' | 'minio';
}

interface Call {
  readonly method: 'GET' | 'PUT' | 'HEAD' | 'DELETE';
  readonly key?: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Most bytes of the answer. */
  readonly limit?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export class S3Store implements ObjectStore {
  readonly description: string;
  readonly readUnit = READ_UNIT;
  readonly #options: S3StoreOptions;
  /** From the first request on: volumes that keep their blocks elsewhere do not load an HTTP client. */
  #agent: Agent | undefined;
  #origin: string;
  #region: string;
  /** True once the service has told the region, or had no say in it. */
  #regionKnown: boolean;

  constructor(options: S3StoreOptions) {
    const { endpoint, kind } = options;
    this.#options = options;
    this.#origin = endpoint.origin;
    this.#region = endpoint.region;
    this.#regionKnown = !endpoint.regionGuessed;
    this.description = `${kind}://${endpoint.origin.replace(/^https?:\/\//, '')}/${endpoint.bucket}/`;
  }

  async put(key: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    const { storageClass = '', tag = '', endpoint } = this.#options;
    const bytes = wholeOf(body);
    const headers = {
      'content-type': 'application/octet-stream',
      ...(endpoint.disableChecksum ? {} : { [CHECKSUM_HEADER]: String(crc32c(bytes)) }),
      ...(storageClass === '' ? {} : { 'x-amz-storage-class': storageClass }),
      ...(tag === '' ? {} : { 'x-amz-tagging': encodeTag(tag) }),
    };
    const answer = await this.#call({ method: 'PUT', key, headers, body: bytes, signal });
    if (answer.status !== 200) throw refusal(`PUT ${key}`, answer);
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    if (range !== undefined && range.start >= range.end) return EMPTY;
    const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` };
    const answer = await this.#call({ method: 'GET', key, headers, signal, limit: MAX_OBJECT_BYTES });
    // The object ends before the range begins.
    if (answer.status === 416) return EMPTY;
    if (answer.status === 404) throw this.#missing(key, answer);
    if (answer.status !== 200 && answer.status !== 206) throw refusal(`GET ${key}`, answer);
    if (range !== undefined) return answer.status === 206 ? answer.body : answer.body.subarray(range.start, range.end);
    const sum = answer.headers[CHECKSUM_HEADER];
    if (!this.#options.endpoint.disableChecksum && sum !== undefined && Number(sum) !== crc32c(answer.body)) {
      throw new RangeError(`the object ${key} does not have the checksum it was stored with`);
    }
    return answer.body;
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const answer = await this.#call({ method: 'HEAD', key });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw refusal(`HEAD ${key}`, answer);
    const { 'content-length': size = '0', 'last-modified': modified = '' } = answer.headers;
    return { key, size: Number(size), mtimeMs: Date.parse(modified) };
  }

  async delete(key: string): Promise<void> {
    const answer = await this.#call({ method: 'DELETE', key });
    if (answer.status >= 300 && errorOf(answer).code !== 'NoSuchKey') throw refusal(`DELETE ${key}`, answer);
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    for (let token: string | undefined, first = true; first || token !== undefined; first = false) {
      const query: [string, string][] = [
        ['list-type', '2'],
        ['prefix', prefix],
        ['max-keys', '1000'],
        ['encoding-type', 'url'],
      ];
      if (token !== undefined) query.push(['continuation-token', token]);
      const answer = await this.#call({ method: 'GET', query, limit: MAX_XML_BYTES });
      if (answer.status !== 200) throw refusal(`LIST ${prefix}`, answer);
      const { objects, next } = parseListing(answer.body.toString('utf8'));
      yield* objects;
      token = next;
    }
  }

  async createBucket(): Promise<void> {
    const there = await this.#call({ method: 'HEAD' });
    if (there.status === 200) return;
    const located = this.#region !== 'us-east-1';
    const body = Buffer.from(
      `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${this.#region}</LocationConstraint></CreateBucketConfiguration>`,
    );
    const answer = await this.#call(located ? { method: 'PUT', body } : { method: 'PUT' });
    const { code } = errorOf(answer);
    if (answer.status !== 200 && code !== 'BucketAlreadyOwnedByYou' && code !== 'BucketAlreadyExists') {
      throw refusal(`create the bucket ${this.#options.endpoint.bucket}`, answer);
    }
  }

  async close(): Promise<void> {
    await this.#agent?.close();
  }

  #missing(key: string, answer: Answer): Error {
    const { code } = errorOf(answer);
    return code === 'NoSuchBucket' ? refusal(`GET ${key}`, answer) : new ObjectMissingError(key);
  }

  async #call(call: Call): Promise<Answer> {
    const answer = await this.#send(call);
    if (this.#regionKnown || answer.status < 300 || answer.status === 404) return answer;
    // Amazon says where a bucket is when it was asked for in another region.
    const region = answer.headers['x-amz-bucket-region'] ?? errorOf(answer).region;
    this.#regionKnown = true;
    if (region === undefined || region === this.#region) return answer;
    this.#region = region;
    this.#origin = amazonOrigin(region);
    return this.#send(call);
  }

  async #send(call: Call): Promise<Answer> {
    const { endpoint, credentials } = this.#options;
    const { method, key = '', query = [], body, signal, limit = MAX_XML_BYTES } = call;
    const base = new URL(this.#origin);
    const host = endpoint.pathStyle ? base.host : `${endpoint.bucket}.${base.host}`;
    const object = encodeRfc3986(key, true);
    const path = endpoint.pathStyle
      ? `/${encodeRfc3986(endpoint.bucket)}${key === '' ? '' : `/${object}`}`
      : `/${object}`;
    const headers = { ...call.headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) };
    // Over TLS the transport protects the body; elsewhere the signature does.
    const payloadHash = base.protocol === 'https:' && body !== undefined ? UNSIGNED_PAYLOAD : sha256Hex(body ?? EMPTY);
    const sent =
      credentials === undefined
        ? { ...headers, host }
        : signedHeaders({ method, host, path, query, headers, payloadHash }, credentials, this.#region, new Date());
    const queryText = canonicalQuery(query);
    const undici = await import('undici');
    this.#agent ??= new undici.Agent({
      connect: { timeout: CONNECT_TIMEOUT_MS, rejectUnauthorized: !endpoint.insecureSkipVerify },
      keepAliveTimeout: 20_000,
      // The time limits of the layers above end what hangs.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const response = await undici.request(
      `${base.protocol}//${host}${path}${queryText === '' ? '' : `?${queryText}`}`,
      {
        method,
        headers: sent,
        body: body ?? null,
        dispatcher: this.#agent,
        ...(signal === undefined ? {} : { signal }),
      },
    );
    return {
      status: response.statusCode,
      headers: singleHeaders(response.headers),
      body: await collect(response, limit),
    };
  }
}

/** The whole body in memory of its own, at most `limit` bytes of it. */
async function collect(response: Dispatcher.ResponseData, limit: number): Promise<Buffer> {
  const length = Number(response.headers['content-length'] ?? 0);
  if (length > limit) {
    response.body.destroy();
    throw new RangeError(`an answer of ${length} bytes is more than the ${limit} expected at most`);
  }
  const parts: Buffer[] = [];
  let whole = length > 0 ? Buffer.allocUnsafeSlow(length) : undefined;
  let filled = 0;
  for await (const part of response.body) {
    const bytes: Buffer = part;
    if (filled + bytes.length > limit) throw new RangeError(`an answer has more than ${limit} bytes`);
    if (whole !== undefined && filled + bytes.length <= whole.length) {
      whole.set(bytes, filled);
    } else {
      if (whole !== undefined) parts.push(whole.subarray(0, filled));
      whole = undefined;
      parts.push(bytes);
    }
    filled += bytes.length;
  }
  return whole === undefined ? Buffer.concat(parts) : whole.subarray(0, filled);
}

function singleHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const one = Array.isArray(value) ? value[0] : value;
      return one === undefined ? [] : [[name.toLowerCase(), one]];
    }),
  );
}

function errorOf(answer: Answer): { code: string; message: string; region: string | undefined } {
  const document = answer.body.length === 0 ? undefined : parseErrorDocument(answer.body.toString('utf8'));
  return document ?? { code: '', message: '', region: undefined };
}

/** Why a call failed: for good, or perhaps only now. */
function refusal(what: string, answer: Answer): Error {
  const { code, message } = errorOf(answer);
  const text = `${what}: ${answer.status}${code === '' ? '' : ` ${code}`}${message === '' ? '' : `: ${message}`}`;
  if (FINAL_CODES.has(code)) return new ObjectRefusedError(code, text);
  if (code === '' && [401, 403, 405, 411, 501].includes(answer.status))
    return new ObjectRefusedError(String(answer.status), text);
  return new Error(text);
}

function encodeTag(tag: string): string {
  const at = tag.indexOf('=');
  return at < 0 ? encodeRfc3986(tag) : `${encodeRfc3986(tag.slice(0, at))}=${encodeRfc3986(tag.slice(at + 1))}`;
}
