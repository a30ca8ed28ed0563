// The parameters of a SQL META-URL that JuiceFS defines itself, the same for every database server.
import { VolumeOpenError } from '../../volume-error.ts';

export interface PoolSettings {
  /** Most connections open at a time. */
  readonly maxConnections: number;
  /** A connection not used for this long is closed. */
  readonly maxIdleMs: number;
  /** Put before every table's name. */
  readonly tablePrefix: string;
}

const DEFAULT_MAX_CONNECTIONS = 16;
const DEFAULT_IDLE_S = 300;

/** Takes JuiceFS's own parameters out of a query. */
export function takePoolSettings(query: URLSearchParams): PoolSettings {
  const open = takeNumber(query, 'max_open_conns', 0);
  const idle = takeNumber(query, 'max_idle_time', DEFAULT_IDLE_S);
  takeNumber(query, 'max_idle_conns', 0);
  takeNumber(query, 'max_life_time', 0);
  const prefix = tablePrefix(query.get('table_prefix') ?? '');
  query.delete('table_prefix');
  return { maxConnections: open > 0 ? open : DEFAULT_MAX_CONNECTIONS, maxIdleMs: idle * 1000, tablePrefix: prefix };
}

/** `jfs_`, with what `table_prefix` says. */
export function tablePrefix(text: string): string {
  if (!/^\w*$/.test(text)) {
    throw new VolumeOpenError('InvalidUrl', 'table_prefix consists of letters, digits and underscores');
  }
  return text === '' ? 'jfs_' : `jfs_${text}_`;
}

function takeNumber(query: URLSearchParams, name: string, fallback: number): number {
  const value = query.get(name);
  query.delete(name);
  if (value === null) return fallback;
  if (!/^\d{1,6}$/.test(value)) throw new VolumeOpenError('InvalidUrl', `${name} of the META-URL is a whole number`);
  return Number(value);
}
