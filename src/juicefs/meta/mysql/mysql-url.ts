// The address of a MySQL or MariaDB database as the Go client writes it: mysql://user:password@(host:port)/database?…
import { VolumeOpenError } from '../../volume-error.ts';
import { type PoolSettings, takePoolSettings } from '../sql/pool-settings.ts';

export interface MysqlAddress extends PoolSettings {
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  /** A unix socket instead of host and port. */
  readonly socketPath: string | undefined;
  readonly database: string;
  /** Whether to speak TLS, and whether to trust only certificates that prove the host. */
  readonly tls: 'off' | 'unverified' | 'verified';
}

const DEFAULT_PORT = 3306;
/** Parameters of Go's driver that change nothing here: texts are UTF-8, times are numbers, isolation is fixed. */
const WITHOUT_EFFECT = new Set([
  'charset',
  'collation',
  'parseTime',
  'loc',
  'timeout',
  'readTimeout',
  'writeTimeout',
  'interpolateParams',
  'allowNativePasswords',
  'allowCleartextPasswords',
  'maxAllowedPacket',
  'checkConnLiveness',
  'clientFoundRows',
  'transaction_isolation',
  'tx_isolation',
]);
const TLS: Readonly<Record<string, MysqlAddress['tls']>> = {
  false: 'off',
  true: 'verified',
  'skip-verify': 'unverified',
  preferred: 'off',
};

/** Parses what follows `mysql://`; the message of a refusal holds no secret. */
export function parseMysqlUrl(address: string): MysqlAddress {
  // A password may hold a question mark.
  const question = address.indexOf('?', address.lastIndexOf('@') + 1);
  const base = question < 0 ? address : address.slice(0, question);
  const query = new URLSearchParams(question < 0 ? '' : address.slice(question + 1));
  const pool = takePoolSettings(query);
  const slash = base.lastIndexOf('/');
  const at = base.lastIndexOf('@', slash);
  const database = slash < 0 ? '' : base.slice(slash + 1);
  const place = /^(?:(tcp|unix)?\(([^)]*)\)|([^()]*))$/.exec(base.slice(at + 1, Math.max(slash, at + 1)));
  if (database === '' || at < 0 || place === null) {
    throw new VolumeOpenError('InvalidUrl', 'a MySQL address looks like mysql://user:password@(host:3306)/database');
  }
  const credentials = base.slice(0, at);
  const colon = credentials.indexOf(':');
  const tls = TLS[query.get('tls') ?? 'false'];
  if (tls === undefined)
    throw new VolumeOpenError('InvalidUrl', 'tls in a MySQL address is true, false or skip-verify');
  query.delete('tls');
  const unknown = [...query.keys()].find((name) => !WITHOUT_EFFECT.has(name));
  if (unknown !== undefined) {
    throw new VolumeOpenError('InvalidUrl', `the parameter ${unknown} of a MySQL address is not supported`);
  }
  const target = place[2] ?? place[3] ?? '';
  const socket = place[1] === 'unix';
  const [host, port] = socket ? ['', 0] : hostAndPort(target);
  return {
    ...pool,
    user: colon < 0 ? credentials : credentials.slice(0, colon),
    password: colon < 0 ? '' : decoded(credentials.slice(colon + 1)),
    host,
    port,
    socketPath: socket ? target : undefined,
    database,
    tls,
  };
}

function hostAndPort(text: string): [string, number] {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text);
  if (match === null) throw new VolumeOpenError('InvalidUrl', 'the host of a MySQL address is host:port');
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return [host === '' ? '127.0.0.1' : host, match[2] === undefined ? DEFAULT_PORT : Number(match[2])];
}

/** A password may be percent-encoded; one that is not valid so stands for itself. */
function decoded(password: string): string {
  try {
    return decodeURIComponent(password);
  } catch (error) {
    if (error instanceof URIError) return password;
    throw error;
  }
}
