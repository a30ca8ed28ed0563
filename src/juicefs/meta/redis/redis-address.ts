// The address of a Redis volume as the Go client writes it: one server, a master that sentinels know, or a cluster.
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { VolumeOpenError } from '../../volume-error.ts';
import { decodeUrlPart } from '../url-part.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface RedisAddress {
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Which servers: one (that may turn out to be of a cluster), sentinels of a master, seeds of a cluster, or a socket. */
  readonly servers:
    | { readonly kind: 'single'; readonly at: HostPort }
    | { readonly kind: 'socket'; readonly path: string }
    | { readonly kind: 'sentinel'; readonly master: string; readonly sentinels: readonly HostPort[] }
    | { readonly kind: 'cluster'; readonly seeds: readonly HostPort[] };
  /** The number of the database; in a cluster, the hash tag of all keys. */
  readonly db: number;
  readonly tls: ConnectionOptions | undefined;
  /** Longest wait for an answer. */
  readonly readTimeoutMs: number;
  /** For messages: without password. */
  readonly description: string;
}

const DEFAULT_PORT = 6379;
const SENTINEL_PORT = 26379;
const READ_TIMEOUT_MS = 30_000;
/** Parameters whose effect here is none: retries and caches are the client's own. */
const WITHOUT_EFFECT = new Set(
  ['min-retry-backoff', 'max-retry-backoff', 'write-timeout', 'route-read', 'client-cache', 'client-cache-size']
    .concat(['client-cache-expire', 'client-cache-preload', 'dial-timeout', 'pool-size', 'protocol'])
    .flatMap((name) => [name, name.replaceAll('-', '_')]),
);

/** Parses a `redis://`, `rediss://` or `unix://` URL; the message of a refusal holds no secret. */
export function parseRedisUrl(url: string): RedisAddress {
  const scheme = url.slice(0, url.indexOf('://'));
  const question = url.indexOf('?');
  const query = new URLSearchParams(question < 0 ? '' : url.slice(question + 1));
  const rest = url.slice(scheme.length + 3, question < 0 ? undefined : question);
  const at = rest.lastIndexOf('@');
  const credentials = at < 0 ? '' : rest.slice(0, at);
  const place = rest.slice(at + 1);
  const slash = place.indexOf('/');
  const hosts = scheme === 'unix' || slash < 0 ? place : place.slice(0, slash);
  const dbText = query.get('db') ?? (scheme === 'unix' || slash < 0 ? '' : place.slice(slash + 1));
  query.delete('db');
  if (!/^\d{0,5}$/.test(dbText)) refuse('the database of a Redis address is a number, as in redis://localhost:6379/1');
  const colon = credentials.indexOf(':');
  const username = decodeUrlPart(colon < 0 ? credentials : credentials.slice(0, colon));
  const password = colon < 0 ? '' : decodeUrlPart(credentials.slice(colon + 1));
  const readTimeoutMs = milliseconds(query.get('read-timeout') ?? query.get('read_timeout') ?? undefined);
  const tls = scheme === 'rediss' ? tlsOptions(query) : undefined;
  for (const name of ['read-timeout', 'read_timeout', ...TLS_PARAMETERS]) query.delete(name);
  const unknown = [...query.keys()].find((name) => !WITHOUT_EFFECT.has(name));
  if (unknown !== undefined) refuse(`the parameter ${unknown} of a Redis address is not supported`);
  const db = Number(dbText);
  return {
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    servers: scheme === 'unix' ? { kind: 'socket', path: hosts } : serversOf(hosts),
    db,
    tls,
    readTimeoutMs,
    description: `${scheme}://${hosts}${scheme === 'unix' ? `?db=${db}` : `/${db}`}`,
  };
}

function serversOf(hosts: string): RedisAddress['servers'] {
  const names = hosts.split(',');
  const [first = '', ...others] = names;
  if (first === '') refuse('a Redis address looks like redis://:password@host:6379/1');
  if (others.length === 0) return { kind: 'single', at: hostPort(first, DEFAULT_PORT) };
  if (first.includes(':')) return { kind: 'cluster', seeds: names.map((name) => hostPort(name, DEFAULT_PORT)) };
  // The port of the last sentinel is that of those without one.
  const last = hostPort(others[others.length - 1] ?? '', SENTINEL_PORT);
  return { kind: 'sentinel', master: first, sentinels: others.map((name) => hostPort(name, last.port)) };
}

function hostPort(text: string, port: number): HostPort {
  const match = /^(\[[^\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return refuse('a server of a Redis address is host:port');
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port: match[2] === undefined ? port : Number(match[2]) };
}

const TLS_PARAMETERS = [
  ...['tls-cert-file', 'tls-key-file', 'tls-ca-cert-file', 'tls-server-name', 'insecure-skip-verify', 'skip_verify'],
];

function tlsOptions(query: URLSearchParams): ConnectionOptions {
  const file = (name: string): Buffer | undefined => {
    const path = query.get(name);
    if (path === null) return undefined;
    try {
      return readFileSync(path);
    } catch (cause) {
      throw new VolumeOpenError('InvalidUrl', `the file ${path} of the META-URL cannot be read`, { cause });
    }
  };
  const [ca, cert, key] = [file('tls-ca-cert-file'), file('tls-cert-file'), file('tls-key-file')];
  const servername = query.get('tls-server-name') ?? undefined;
  return {
    rejectUnauthorized: (query.get('insecure-skip-verify') ?? '') === '',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  };
}

/** A Go duration of seconds or milliseconds. */
function milliseconds(text: string | undefined): number {
  if (text === undefined) return READ_TIMEOUT_MS;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (match === null) return refuse('read-timeout of a Redis address is a duration, as in 30s');
  const unit = { ms: 1, s: 1000, m: 60_000 }[match[2] ?? 's'] ?? 1000;
  return Math.max(1, Number(match[1]) * unit);
}

function refuse(message: string): never {
  throw new VolumeOpenError('InvalidUrl', message);
}
