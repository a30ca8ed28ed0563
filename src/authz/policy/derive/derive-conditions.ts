// The condition keys of an HTTP request. Each key is read from the one place that it claims to speak of: a header or a query
// parameter never passes for a key that says who asks, when, from where or how the request was signed.
import { JWT_CLAIMS } from './jwt-claims.ts';

/** A request as it arrived. Header names in any case; the query as sent. */
export interface HttpRequest {
  readonly method: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** `address:port`, `[address]:port` or a bare address. */
  readonly remoteAddr: string;
  readonly tls: boolean;
}

/** Who asks, as authentication found out. */
export interface Requester {
  /** '' for anonymous. */
  readonly username: string;
  readonly root: boolean;
  /** Claims of the session token. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Only when a bucket is made. */
  readonly locationConstraint?: string;
}

export interface DeriveOptions {
  readonly nowMs: number;
  /** The peer is a proxy whose word on the client's address counts. */
  readonly trustedPeer: boolean;
}

/** Canonical condition keys with their values. */
export function deriveConditions(
  http: HttpRequest,
  requester: Requester,
  { nowMs, trustedPeer }: DeriveOptions,
): Map<string, readonly string[]> {
  const headers = lowerCased(http.headers);
  const query = parseQuery(http.query);
  const keys = new Map<string, readonly string[]>();
  const now = new Date(nowMs);
  const [signature, authType] = signatureKind(http.method, headers, query);
  keys.set('aws:CurrentTime', [now.toISOString().replace(/\.\d+Z$/, 'Z')]);
  keys.set('aws:EpochTime', [String(Math.floor(nowMs / 1000))]);
  keys.set('aws:SecureTransport', [String(http.tls)]);
  keys.set('aws:SourceIp', [sourceAddress(headers, http.remoteAddr, trustedPeer)]);
  keys.set('aws:UserAgent', [headers.get('user-agent')?.[0] ?? '']);
  keys.set('aws:Referer', [headers.get('referer')?.[0] ?? '']);
  keys.set('aws:principaltype', [principalType(requester)]);
  keys.set('aws:userid', [requester.username]);
  keys.set('aws:username', [requester.username]);
  keys.set('s3:versionid', [versionId(headers, query)]);
  keys.set('s3:signatureversion', [signature]);
  keys.set('s3:authType', [authType]);
  if (requester.locationConstraint) keys.set('s3:LocationConstraint', [requester.locationConstraint]);
  for (const [header, key] of HEADER_KEYS) {
    const values = headers.get(header) ?? query.get(canonicalHeader(header));
    if (values !== undefined) keys.set(key, values);
  }
  for (const name of QUERY_KEYS) {
    const values = query.get(name);
    if (values !== undefined) keys.set(`s3:${name}`, values);
  }
  for (const [claim, value] of Object.entries(requester.claims)) {
    if (typeof value !== 'string') continue;
    if (claim === 'ldapUser') keys.set('ldap:user', [value]);
    else if (claim === 'ldapUsername') keys.set('ldap:username', [value]);
    else if (JWT_CLAIM_NAMES.has(claim)) keys.set(`jwt:${claim}`, [value]);
  }
  return keys;
}

/** The address of the client: the peer's, or what a trusted proxy says of it. */
function sourceAddress(headers: Headers, remoteAddr: string, trusted: boolean): string {
  if (trusted) {
    const forwardedFor = headers.get('x-forwarded-for')?.[0] ?? '';
    if (forwardedFor !== '') return forwardedFor.split(', ', 1)[0] as string;
    const realIp = headers.get('x-real-ip')?.[0] ?? '';
    if (realIp !== '') return realIp;
    const forwarded = /(?:for=)([^(;|,| )]+)(.*)/i.exec(headers.get('forwarded')?.[0] ?? '')?.[1];
    if (forwarded !== undefined) return forwarded.replace(/^"+|"+$/g, '');
  }
  return withoutPort(remoteAddr);
}

function withoutPort(address: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(address);
  if (bracketed !== null) return bracketed[1] as string;
  // An address without a port is not one that a connection has.
  const colon = address.lastIndexOf(':');
  return colon === -1 || address.indexOf(':') !== colon ? '' : address.slice(0, colon);
}

function principalType({ username, root, claims }: Requester): string {
  if (username === '') return 'Anonymous';
  if (root) return 'Account';
  return Object.keys(claims).length > 0 ? 'AssumedRole' : 'User';
}

function versionId(headers: Headers, query: Query): string {
  const own = query.get('versionId')?.[0] ?? '';
  if (own !== '') return own;
  const source = headers.get('x-amz-copy-source')?.[0] ?? '';
  const mark = source.indexOf('?');
  return mark === -1 ? '' : (parseQuery(source.slice(mark + 1)).get('versionId')?.[0] ?? '');
}

/** How it is signed: version of the signature, and where it stands. Both empty when it is not. */
function signatureKind(method: string, headers: Headers, query: Query): readonly [string, string] {
  const authorization = headers.get('authorization')?.[0] ?? '';
  if (authorization.startsWith('AWS ')) return ['AWS', 'REST-HEADER'];
  if (query.has('AWSAccessKeyId')) return ['AWS', 'REST-QUERY-STRING'];
  if (authorization.startsWith('AWS4-HMAC-SHA256')) return ['AWS4-HMAC-SHA256', 'REST-HEADER'];
  if (query.has('X-Amz-Credential')) return ['AWS4-HMAC-SHA256', 'REST-QUERY-STRING'];
  const form = (headers.get('content-type')?.[0] ?? '').includes('multipart/form-data');
  return method === 'POST' && form ? ['AWS4-HMAC-SHA256', 'POST'] : ['', ''];
}

type Headers = ReadonlyMap<string, readonly string[]>;
type Query = ReadonlyMap<string, readonly string[]>;

function lowerCased(headers: HttpRequest['headers']): Headers {
  const lower = new Map<string, readonly string[]>();
  for (const [name, values] of Object.entries(headers)) {
    const key = name.toLowerCase();
    lower.set(key, [...(lower.get(key) ?? []), ...values]);
  }
  return lower;
}

function parseQuery(text: string): Query {
  const query = new Map<string, string[]>();
  for (const pair of text.split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = decode(equals === -1 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) continue;
    const known = query.get(name);
    if (known === undefined) query.set(name, [value]);
    else known.push(value);
  }
  return query;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

/** `x-amz-acl` → `X-Amz-Acl`. */
export function canonicalHeader(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_all, dash: string, letter: string) => dash + letter.toUpperCase());
}

/** Headers that policies can speak of, and the keys by which they do. */
const HEADER_KEYS: ReadonlyMap<string, string> = new Map([
  ['x-amz-object-lock-mode', 's3:object-lock-mode'],
  ['x-amz-object-lock-legal-hold', 's3:object-lock-legal-hold'],
  ['x-amz-object-lock-retain-until-date', 's3:object-lock-retain-until-date'],
  ...[
    'x-amz-acl',
    'x-amz-annotation-directive',
    'x-amz-content-sha256',
    'x-amz-copy-source',
    'x-amz-metadata-directive',
    'x-amz-object-if-match',
    'x-amz-server-side-encryption',
    'x-amz-server-side-encryption-aws-kms-key-id',
    'x-amz-server-side-encryption-customer-algorithm',
    'x-amz-storage-class',
  ].map((name) => [name, `s3:${name}`] as const),
]);
const QUERY_KEYS = ['prefix', 'delimiter', 'max-keys'];
const JWT_CLAIM_NAMES: ReadonlySet<string> = new Set(JWT_CLAIMS);
