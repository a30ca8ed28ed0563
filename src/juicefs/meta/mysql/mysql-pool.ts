// Connections to MySQL and MariaDB: prepared statements, whole 64-bit integers, and what the server's errors mean.
import mysql, { type Pool, type PoolConnection } from 'mysql2/promise';
import { VolumeOpenError } from '../../volume-error.ts';
import type { MetaEngine } from '../engine.ts';
import { PooledSqlEngine, type SqlFailure, type SqlPool, type SqlSession } from '../sql/pooled-engine.ts';
import type { SqlParameter, SqlRow, SqlValue } from '../sql/sql-value.ts';
import { MYSQL } from './mysql-dialect.ts';
import { type MysqlAddress, parseMysqlUrl } from './mysql-url.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A statement that is answered later than this is given up with its connection. */
const STATEMENT_TIMEOUT_MS = 60_000;

/** Server errors, by number. */
const CONFLICTS = new Set([
  1213, // deadlock
  1205, // lock wait timeout
  1062, // duplicate entry: another client made it first
  1020, // record has changed since last read (MariaDB)
]);
const LOST = new Set([
  1040, // too many connections
  1053, // server shutdown in progress
  1129, // host is blocked
  1152, // aborted connection
  1158, // got an error reading communication packets
  1159,
  1160,
  1161,
  1203, // too many user connections
  1927, // connection was killed
]);
const FULL = new Set([
  1021, // disk full
  1114, // the table is full
]);

/** Opens the engine of a `mysql://` URL. */
export async function openMysql(
  address: string,
  fallbackPassword: string | undefined,
  options: { readonly readOnly?: boolean },
): Promise<MetaEngine> {
  const given = parseMysqlUrl(address);
  const parsed = { ...given, password: given.password === '' ? (fallbackPassword ?? '') : given.password };
  return PooledSqlEngine.open(new MysqlPool(parsed), parsed.tablePrefix, options);
}

class MysqlPool implements SqlPool {
  readonly dialect = MYSQL;
  readonly description: string;
  readonly #pool: Pool;
  /** Connections whose session is set up. */
  readonly #ready = new WeakSet<object>();

  constructor(address: MysqlAddress) {
    const { socketPath, host, port } = address;
    this.description = `mysql://${address.user}@(${socketPath ?? `${host}:${port}`})/${address.database}`;
    this.#pool = mysql.createPool({
      ...(socketPath === undefined ? { host, port } : { socketPath }),
      user: address.user,
      password: address.password,
      database: address.database,
      ...(address.tls === 'off' ? {} : { ssl: { rejectUnauthorized: address.tls === 'verified' } }),
      charset: 'utf8mb4',
      connectTimeout: CONNECT_TIMEOUT_MS,
      connectionLimit: address.maxConnections,
      maxIdle: address.maxConnections,
      idleTimeout: address.maxIdleMs,
      rowsAsArray: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
    });
  }

  async connect(): Promise<SqlSession> {
    const connection = await this.#pool.getConnection();
    try {
      if (!this.#ready.has(connection.connection)) {
        await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
        this.#ready.add(connection.connection);
      }
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return new MysqlSession(connection);
  }

  classify(error: unknown): SqlFailure {
    if (!(error instanceof Error) || !('code' in error)) return 'other';
    const errno = 'errno' in error && typeof error.errno === 'number' ? error.errno : 0;
    if (CONFLICTS.has(errno)) return 'conflict';
    if (FULL.has(errno)) return 'full';
    if (LOST.has(errno)) return 'lost';
    if ('sqlState' in error && typeof error.sqlState === 'string') return 'database';
    const network = /^(PROTOCOL_|E(CONN|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)|ER_SERVER_SHUTDOWN)/;
    return typeof error.code === 'string' && network.test(error.code) ? 'lost' : 'other';
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

class MysqlSession implements SqlSession {
  readonly #connection: PoolConnection;

  constructor(connection: PoolConnection) {
    this.#connection = connection;
  }

  async all(sql: string, parameters: readonly SqlParameter[]): Promise<readonly SqlRow[]> {
    const result = await this.#execute(sql, parameters);
    if (!Array.isArray(result)) throw new Error('a statement that reads rows answered with none');
    return result.map(toRow);
  }

  async run(sql: string, parameters: readonly SqlParameter[]): Promise<number> {
    const result = await this.#execute(sql, parameters);
    if (Array.isArray(result) || !('affectedRows' in result))
      throw new Error('a statement that writes answered with rows');
    return result.affectedRows;
  }

  async #execute(sql: string, parameters: readonly SqlParameter[]) {
    const values = parameters.map(toParameter);
    const options = { sql, timeout: STATEMENT_TIMEOUT_MS };
    // A CREATE or DROP cannot be prepared everywhere, and is run once.
    const [result] = await (values.length === 0
      ? this.#connection.query(options)
      : this.#connection.execute({ ...options, values }));
    return result;
  }

  async begin(kind: 'write' | 'snapshot'): Promise<void> {
    const start = kind === 'write' ? 'START TRANSACTION' : 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY';
    await this.#connection.query(start);
  }

  async commit(): Promise<void> {
    await this.#connection.query('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.#connection.query('ROLLBACK');
  }

  release(broken: boolean): void {
    if (broken) this.#connection.destroy();
    else this.#connection.release();
  }
}

function toParameter(value: SqlParameter) {
  if (typeof value === 'string') return value;
  // As an integer of 64 bits: as a double it would lose digits, and not be taken as a LIMIT.
  if (typeof value === 'number' || typeof value === 'bigint') return mysql.TypedParameter.LONGLONG(value);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function toRow(row: unknown): SqlRow {
  if (!Array.isArray(row)) throw new Error('a row that is no list of columns');
  return row.map((value: unknown): SqlValue => {
    if (value === null || typeof value === 'string' || typeof value === 'number' || value instanceof Uint8Array) {
      return value;
    }
    throw new VolumeOpenError('DatabaseUnreachable', `a column of the unexpected type ${typeof value}`);
  });
}
