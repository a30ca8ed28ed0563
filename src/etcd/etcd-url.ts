// Where an etcd cluster is, out of a URL: `etcd://[USER:PASSWORD@]HOST[:PORT][,HOST…]/PREFIX?cacert=&cert=&key=&server-name=&
// insecure-skip-verify=`.
import { readFileSync } from 'node:fs';

const DEFAULT_PORT = 2379;

export interface EtcdAddress {
  /** HOST:PORT of each node. */
  readonly endpoints: readonly string[];
  /** Undefined = sign in as nobody. */
  readonly user: { readonly name: string; readonly password: string } | undefined;
  /** The path of the URL, with its leading slash; '' when there is none. */
  readonly prefix: string;
  /** Undefined = no TLS. */
  readonly tls: EtcdTls | undefined;
}

export interface EtcdTls {
  readonly ca: Buffer | undefined;
  readonly certificate: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly serverName: string | undefined;
  /** Any certificate will do: the connection is encrypted, and nobody knows with whom. */
  readonly anyCertificate: boolean;
}

/** A URL that names no cluster; the message is for the person who wrote it, and holds no secret. */
export class EtcdUrlError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EtcdUrlError';
  }
}

/** Reads the URL, and the files of certificates that it names. Throws EtcdUrlError. */
export function parseEtcdUrl(url: string): EtcdAddress {
  // Several hosts make it no URL in Node's eyes, so it is taken apart here.
  const match = /^etcd:\/\/(?:([^@/?]*)@)?([^/?]+)([^?]*)(?:\?(.*))?$/s.exec(url);
  if (match === null)
    throw new EtcdUrlError('an etcd URL is of the form etcd://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/PREFIX');
  const [, userInfo, hosts = '', path = '', search = ''] = match;
  const query = new URLSearchParams(search);
  const [ca, certificate, key] = ['cacert', 'cert', 'key'].map((name) => readFileOf(name, query.get(name)));
  const serverName = query.get('server-name') ?? undefined;
  if ((certificate === undefined) !== (key === undefined)) {
    throw new EtcdUrlError('an etcd URL with cert= needs key=, and the reverse');
  }
  const anyCertificate = (query.get('insecure-skip-verify') ?? '') !== '';
  const tls = anyCertificate || [ca, certificate, serverName].some((part) => part !== undefined);
  return {
    endpoints: hosts.split(',').map(withPort),
    user: userInfo === undefined || userInfo === '' ? undefined : readUser(userInfo),
    prefix: decode(path),
    tls: tls ? { ca, certificate, key, serverName, anyCertificate } : undefined,
  };
}

function withPort(host: string): string {
  if (!/^(?:\[[0-9A-Fa-f:.]+\]|[^:[\]\s]+)(?::\d{1,5})?$/.test(host)) {
    throw new EtcdUrlError(`an etcd URL has no host of the form ${JSON.stringify(host)}`);
  }
  return /:\d+$/.test(host.replace(/^\[.*\]/, '')) ? host : `${host}:${DEFAULT_PORT}`;
}

function readUser(text: string): { name: string; password: string } {
  const colon = text.indexOf(':');
  if (colon < 0) return { name: decode(text), password: '' };
  return { name: decode(text.slice(0, colon)), password: decode(text.slice(colon + 1)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new EtcdUrlError('an etcd URL has a percent sign that begins no escape', { cause });
  }
}

function readFileOf(name: string, path: string | null): Buffer | undefined {
  if (path === null || path === '') return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new EtcdUrlError(`the file that ${name}= of the etcd URL names cannot be read`, { cause });
  }
}
