// The connection strings of libpq, which Go's driver takes as well: NAME=VALUE pairs ("host=localhost port=5432 dbname=…"), or a
// postgres:// URL.
import { TargetSettingsError } from '../target-settings.ts';

export interface PostgresAddress {
  /** A host name, or the folder of a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly sslMode: SslMode;
  /** PEM files; '' = none. */
  readonly sslRootCert: string;
  readonly sslCert: string;
  readonly sslKey: string;
}

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];

/** Throws TargetSettingsError, without the text, which holds a password. */
export function parsePostgresConnectionString(text: string): PostgresAddress {
  const pairs = /^postgres(?:ql)?:\/\//.test(text) ? pairsOfUrl(text) : pairsOfText(text);
  const of = (name: string, otherwise = ''): string => pairs.get(name) ?? otherwise;
  const port = of('port', '5432');
  if (!/^\d{1,5}$/.test(port)) throw malformed('port must be a number');
  const sslMode = of('sslmode', 'prefer');
  if (!isSslMode(sslMode)) throw malformed(`sslmode must be one of ${SSL_MODES.join(', ')}`);
  const user = of('user', 'postgres');
  return {
    host: of('host', 'localhost'),
    port: Number(port),
    user,
    password: of('password'),
    database: of('dbname', user),
    sslMode,
    sslRootCert: of('sslrootcert'),
    sslCert: of('sslcert'),
    sslKey: of('sslkey'),
  };
}

function isSslMode(text: string): text is SslMode {
  return (SSL_MODES as readonly string[]).includes(text);
}

function pairsOfText(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const pair = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\']|\\.)*))\s*/gy;
  let end = 0;
  for (const [whole, name = '', quoted, plain] of text.matchAll(pair)) {
    pairs.set(name, (quoted ?? plain ?? '').replace(/\\(.)/g, '$1'));
    end += whole.length;
  }
  if (end !== text.length || pairs.size === 0) throw malformed('it is no list of name=value');
  return pairs;
}

function pairsOfUrl(text: string): Map<string, string> {
  if (!URL.canParse(text)) throw malformed('the URL cannot be read');
  const url = new URL(text);
  const given = {
    host: decodeURIComponent(url.hostname.replace(/^\[|\]$/g, '')),
    port: url.port,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    dbname: decodeURIComponent(url.pathname.slice(1)),
  };
  return new Map([...Object.entries(given), ...url.searchParams].filter(([, value]) => value !== ''));
}

function malformed(why: string): TargetSettingsError {
  return new TargetSettingsError(
    `connection_string must be like "host=localhost port=5432 dbname=minio_events user=postgres password=password sslmode=disable": ${why}`,
  );
}
