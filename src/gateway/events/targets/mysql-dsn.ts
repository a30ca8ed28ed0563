// The data source names of Go's MySQL driver: [USER[:PASSWORD]@][NETWORK[(ADDRESS)]]/DATABASE[?NAME=VALUE&…].
import { TargetSettingsError } from '../target-settings.ts';

export interface MysqlAddress {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  /** Path of a unix socket; '' = host and port. */
  readonly socketPath: string;
  readonly database: string;
  readonly tls: 'off' | 'verify' | 'skip-verify';
}

const DEFAULT_PORT = 3306;

/** Throws TargetSettingsError, without the text, which holds a password. */
export function parseMysqlDsn(dsn: string): MysqlAddress {
  const slash = dsn.lastIndexOf('/', dsn.includes('?') ? dsn.lastIndexOf('?') : dsn.length);
  if (slash < 0) throw malformed('it misses the slash before the database name');
  const [database = '', parameters = ''] = splitOnce(dsn.slice(slash + 1), '?');
  if (database === '') throw malformed('it names no database');
  const before = dsn.slice(0, slash);
  const at = before.lastIndexOf('@');
  const [user, password = ''] = at < 0 ? [''] : splitOnce(before.slice(0, at), ':');
  const { host, port, socketPath } = parseAddress(before.slice(at + 1));
  return {
    user: user ?? '',
    password,
    host,
    port,
    socketPath,
    database: decodeURIComponent(database),
    tls: tlsOf(parameters),
  };
}

function parseAddress(text: string): { host: string; port: number; socketPath: string } {
  const [, network = '', , address = ''] = /^([a-z0-9]*)(\((.*)\))?$/.exec(text) ?? [undefined, 'unknown'];
  if (network === 'unix') {
    if (!address.startsWith('/')) throw malformed('unix(…) holds the path of a socket');
    return { host: '', port: 0, socketPath: address };
  }
  if (network !== '' && network !== 'tcp') throw malformed(`the network must be tcp(HOST:PORT) or unix(PATH)`);
  if (address === '') return { host: '127.0.0.1', port: DEFAULT_PORT, socketPath: '' };
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw malformed('the address must be HOST:PORT');
  return { host, port: port === undefined ? DEFAULT_PORT : Number(port), socketPath: '' };
}

function tlsOf(parameters: string): MysqlAddress['tls'] {
  switch (new URLSearchParams(parameters).get('tls') ?? 'false') {
    case 'false':
    case '0':
      return 'off';
    case 'true':
    case '1':
      return 'verify';
    case 'skip-verify':
    case 'preferred':
      return 'skip-verify';
    default:
      throw malformed('tls must be true, false or skip-verify');
  }
}

function splitOnce(text: string, separator: string): [string] | [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function malformed(why: string): TargetSettingsError {
  return new TargetSettingsError(`dsn_string must be <user>:<password>@tcp(<host>:<port>)/<database>: ${why}`);
}
