// The address of a PostgreSQL database: postgres://user:password@host:port/database?sslmode=…&search_path=…
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { VolumeOpenError } from '../../volume-error.ts';
import { type PoolSettings, takePoolSettings } from '../sql/pool-settings.ts';
import { decodeUrlPart } from '../url-part.ts';

export interface PostgresAddress extends PoolSettings {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** The one schema that the tables are in; undefined = the server's default. */
  readonly schema: string | undefined;
  /** TLS, when it is wanted; `required` false goes on without it where the server has none. */
  readonly tls: { readonly options: ConnectionOptions; readonly required: boolean } | undefined;
}

const DEFAULT_PORT = 5432;
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];
/** Parameters of Go's driver that change nothing here. */
const WITHOUT_EFFECT = new Set([
  'application_name',
  'connect_timeout',
  'statement_cache_capacity',
  'default_query_exec_mode',
]);

/** Parses a whole URL; the message of a refusal holds no secret. */
export function parsePostgresUrl(url: string): PostgresAddress {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new VolumeOpenError(
      'InvalidUrl',
      'a PostgreSQL address looks like postgres://user:password@host:5432/database',
    );
  }
  const query = parsed.searchParams;
  const pool = takePoolSettings(query);
  const take = (name: string): string | undefined => {
    const value = query.get(name) ?? undefined;
    query.delete(name);
    return value;
  };
  const schema = take('search_path');
  if (schema !== undefined && !/^\w+$/.test(schema)) {
    throw new VolumeOpenError('InvalidUrl', 'search_path names one schema, of letters, digits and underscores');
  }
  const mode = take('sslmode') ?? 'prefer';
  if (!SSL_MODES.includes(mode)) {
    throw new VolumeOpenError('InvalidUrl', `sslmode is one of ${SSL_MODES.join(', ')}`);
  }
  const files = { ca: take('sslrootcert'), cert: take('sslcert'), key: take('sslkey') };
  const host = take('host') ?? decodeUrlPart(parsed.hostname.replace(/^\[|\]$/g, ''));
  const unknown = [...query.keys()].find((name) => !WITHOUT_EFFECT.has(name));
  if (unknown !== undefined) {
    throw new VolumeOpenError('InvalidUrl', `the parameter ${unknown} of a PostgreSQL address is not supported`);
  }
  const user = decodeUrlPart(parsed.username);
  return {
    ...pool,
    user: user === '' ? 'postgres' : user,
    password: decodeUrlPart(parsed.password),
    host: host === '' ? '127.0.0.1' : host,
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    database: decodeUrlPart(parsed.pathname.slice(1)) || user || 'postgres',
    schema,
    tls:
      mode === 'disable' ? undefined : { options: tlsOptions(mode, files), required: !/^(allow|prefer)$/.test(mode) },
  };
}

function tlsOptions(
  mode: string,
  files: Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>,
): ConnectionOptions {
  const options: ConnectionOptions = { rejectUnauthorized: mode.startsWith('verify') };
  // verify-ca trusts the authority and does not look at the name.
  if (mode === 'verify-ca') options.checkServerIdentity = () => undefined;
  for (const part of ['ca', 'cert', 'key'] as const) {
    const path = files[part];
    if (path === undefined) continue;
    try {
      options[part] = readFileSync(path);
    } catch (cause) {
      throw new VolumeOpenError('InvalidUrl', `the file ${path} of the META-URL cannot be read`, { cause });
    }
  }
  return options;
}
