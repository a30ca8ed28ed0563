// A request at the sidecar's HTTP door: read whole within a limit, and its canonical form for the signature.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Credentials, RequestContext } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { decodePart, encodePart } from '../identity/canonical-request.ts';
import { type ClientCertificate, clientCertificateOf } from './client-certificate.ts';
import { SECURE_HEADER, SOURCE_ADDRESS_HEADER } from './forwarding-gateway.ts';

export interface HttpRequest {
  readonly method: string;
  /** Decoded; without the query. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Lower-case names; several of one name joined by ','; white space as Signature V4 folds it. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** Undefined when the client did not say. */
  readonly contentLength: number | undefined;
  readonly context: RequestContext;
  /** Undefined when the client showed none, or was not asked to. */
  readonly clientCertificate: ClientCertificate | undefined;
}

/** Thrown for requests that cannot be read. */
export class UnreadableRequest extends Error {
  readonly why: 'too-large' | 'malformed' | 'aborted';
  constructor(why: UnreadableRequest['why'], options?: ErrorOptions) {
    super(`the request is ${why}`, options);
    this.name = 'UnreadableRequest';
    this.why = why;
  }
}

export interface ReadOptions {
  readonly requestId: string;
  readonly maxBodyBytes: number;
  /** The peer is the gateway: it says whose request it is. */
  readonly behindGateway: boolean;
  /** Client certificates count whoever signed them. */
  readonly skipCertificateVerification: boolean;
}

/** Reads a request. Throws UnreadableRequest. */
export async function readRequest(incoming: IncomingMessage, options: ReadOptions): Promise<HttpRequest> {
  const url = incoming.url ?? '';
  const mark = url.indexOf('?');
  const headers = joinHeaders(incoming.rawHeaders);
  const path = decodePart(mark < 0 ? url : url.slice(0, mark));
  const query = mark < 0 ? [] : parseForm(url.slice(mark + 1));
  if (path === undefined || query === undefined || !path.startsWith('/')) throw new UnreadableRequest('malformed');
  const length = headers.get('content-length');
  const contentLength = length === undefined ? undefined : Number(length);
  return {
    method: incoming.method ?? '',
    path,
    query,
    headers,
    body: await readBody(incoming, options.maxBodyBytes),
    contentLength,
    context: contextOf(incoming, headers, options),
    clientCertificate: clientCertificateOf(incoming.socket, options.skipCertificateVerification),
  };
}

/** The first value of a query parameter; '' when there is none. */
export function queryValue(request: HttpRequest, name: string): string {
  return request.query.find(([key]) => key === name)?.[1] ?? '';
}

/** Name and value pairs of a query or form; undefined when it is not percent-encoded UTF-8. */
export function parseForm(text: string): [string, string][] | undefined {
  const pairs: [string, string][] = [];
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decodePart((equals < 0 ? part : part.slice(0, equals)).replaceAll('+', ' '));
    const value = decodePart((equals < 0 ? '' : part.slice(equals + 1)).replaceAll('+', ' '));
    if (name === undefined || value === undefined) return undefined;
    pairs.push([name, value]);
  }
  return pairs;
}

/** The credentials of a request as it presents them, with the canonical request that its signature must cover. */
export function credentialsOf(request: HttpRequest): Credentials {
  const authorization = request.headers.get('authorization');
  if (authorization === undefined) return { presented: { $case: 'anonymous', value: {} } };
  const token = bearerToken(request);
  if (token !== undefined) return { presented: { $case: 'bearer', value: { token } } };
  const signedHeaders = /SignedHeaders=([^,\s]*)/.exec(authorization)?.[1] ?? '';
  const listed = new Set(signedHeaders.split(';'));
  return {
    presented: {
      $case: 'sigv4Header',
      value: {
        authorization,
        canonicalRequest: canonicalRequest(request, signedHeaders),
        unsignedHeaders: [...request.headers.keys()].filter(
          (name) => (name === 'host' || name.startsWith('x-amz-')) && !listed.has(name),
        ),
      },
    },
  };
}

/** The bearer token of a request; undefined when it presents none. */
export function bearerToken(request: HttpRequest): string | undefined {
  return /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
}

/** SHA-256 of the body, hex. */
export function bodyHash(request: HttpRequest): string {
  return createHash('sha256').update(request.body).digest('hex');
}

function canonicalRequest(request: HttpRequest, signedHeaders: string): Buffer {
  const names = signedHeaders.split(';');
  const text = [
    request.method,
    encodePart(request.path).replaceAll('%2F', '/'),
    canonicalQuery(request.query),
    ...names.map((name) => `${name}:${request.headers.get(name) ?? ''}`),
    '',
    signedHeaders,
    request.headers.get('x-amz-content-sha256') ?? bodyHash(request),
  ].join('\n');
  // Header values are handed over as Latin-1, one character a byte; everything else is ASCII.
  return Buffer.from(text, 'latin1');
}

function canonicalQuery(query: HttpRequest['query']): string {
  return query
    .map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`)
    .sort((a, b) => {
      const [nameA = '', valueA = ''] = a.split('=');
      const [nameB = '', valueB = ''] = b.split('=');
      return compare(nameA, nameB) || compare(valueA, valueB);
    })
    .join('&');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function joinHeaders(raw: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] as string).toLowerCase();
    const value = (raw[index + 1] as string).trim().replace(/ +/g, ' ');
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

/** What is taken of a body beyond the limit, so that its sender gets to read the answer. */
const MAX_DISCARDED_BYTES = 8 * 1024 * 1024;

async function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    // The socket stays open when reading stops early: the answer goes out over it.
    for await (const piece of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += piece.byteLength;
      if (size <= limit) pieces.push(piece);
      else if (size > limit + MAX_DISCARDED_BYTES) break;
    }
  } catch (cause) {
    throw new UnreadableRequest('aborted', { cause });
  }
  if (size > limit) throw new UnreadableRequest('too-large');
  return Buffer.concat(pieces);
}

function contextOf(
  incoming: IncomingMessage,
  headers: ReadonlyMap<string, string>,
  { requestId, behindGateway }: ReadOptions,
): RequestContext {
  const said = (name: string): string => (behindGateway ? (headers.get(name) ?? '') : '');
  return {
    requestId,
    sourceAddress: behindGateway ? said(SOURCE_ADDRESS_HEADER) : (incoming.socket.remoteAddress ?? ''),
    secureTransport: behindGateway ? said(SECURE_HEADER) === 'true' : incoming.socket instanceof TLSSocket,
    userAgent: headers.get('user-agent') ?? '',
    referer: headers.get('referer') ?? '',
    timeMs: 0n,
    keys: {},
  };
}
