// Connections to PostgreSQL: named prepared statements, whole 64-bit integers, and what the server's errors mean.
import pg from 'pg';
import { VolumeOpenError } from '../../volume-error.ts';
import type { MetaEngine } from '../engine.ts';
import { PooledSqlEngine, type SqlFailure, type SqlPool, type SqlSession } from '../sql/pooled-engine.ts';
import type { SqlParameter, SqlRow } from '../sql/sql-value.ts';
import { POSTGRES } from './postgres-dialect.ts';
import { type PostgresAddress, parsePostgresUrl } from './postgres-url.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A statement that is answered later than this is given up with its connection. */
const STATEMENT_TIMEOUT_MS = 60_000;
const INT8 = 20;

/** SQLSTATEs of a transaction that another was in the way of. */
const CONFLICTS = new Set(['40001', '40P01', '23505', '25P02', '55P03']);
/** SQLSTATEs after which the connection, or the server, is of no use for now. */
const LOST = /^(08|57P0[1-3]$|53300$)/;
const FULL = '53100';

const TYPES: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? BigInt : pg.types.getTypeParser(oid, format ?? 'text'),
};

/** Opens the engine of a `postgres://` URL. */
export async function openPostgres(
  url: string,
  fallbackPassword: string | undefined,
  options: { readonly readOnly?: boolean },
): Promise<MetaEngine> {
  const given = parsePostgresUrl(url);
  const address = { ...given, password: given.password === '' ? (fallbackPassword ?? '') : given.password };
  const { tls } = address;
  if (tls === undefined) return open(address, undefined, options);
  try {
    return await open(address, tls.options, options);
  } catch (error) {
    const without = error instanceof VolumeOpenError && error.message.includes('does not support SSL');
    if (tls.required || !without) throw error;
    return open(address, undefined, options);
  }
}

function open(
  address: PostgresAddress,
  ssl: pg.PoolConfig['ssl'],
  options: { readOnly?: boolean },
): Promise<PooledSqlEngine> {
  return PooledSqlEngine.open(new PostgresPool(address, ssl), address.tablePrefix, options);
}

class PostgresPool implements SqlPool {
  readonly dialect = POSTGRES;
  readonly description: string;
  readonly #pool: pg.Pool;
  readonly #statements = new Statements();

  constructor(address: PostgresAddress, ssl: pg.PoolConfig['ssl']) {
    const { user, password, host, port, database, schema } = address;
    this.description = `postgres://${user}@${host}:${port}/${database}`;
    this.#pool = new pg.Pool({
      user,
      password,
      host,
      port,
      database,
      ssl: ssl ?? false,
      ...(schema === undefined ? {} : { options: `-c search_path=${schema}` }),
      max: address.maxConnections,
      idleTimeoutMillis: address.maxIdleMs,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS,
      types: TYPES,
    });
    // What goes wrong with a connection shows in the next statement on it; without listeners it would end the process.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  async connect(): Promise<SqlSession> {
    return new PostgresSession(await this.#pool.connect(), this.#statements);
  }

  classify(error: unknown): SqlFailure {
    if (!(error instanceof Error)) return 'other';
    if (error instanceof pg.DatabaseError) {
      const code = error.code ?? '';
      if (CONFLICTS.has(code)) return 'conflict';
      if (code === FULL) return 'full';
      return LOST.test(code) ? 'lost' : 'database';
    }
    const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
    const network = /^E(CONN|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)/.test(code);
    const told = /Connection terminated|connection error|not queryable|timeout|Client was closed/i.test(error.message);
    return network || told ? 'lost' : 'other';
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

/** Statement texts with `?` as PostgreSQL wants them, each with the name it is prepared under. */
class Statements {
  readonly #known = new Map<string, { readonly name: string; readonly text: string }>();

  of(sql: string): { readonly name: string; readonly text: string } {
    const known = this.#known.get(sql);
    if (known !== undefined) return known;
    let count = 0;
    const made = { name: `jfs${this.#known.size}`, text: sql.replaceAll('?', () => `$${++count}`) };
    this.#known.set(sql, made);
    return made;
  }
}

/** The last statement given to each connection. */
const lastStatements = new WeakMap<pg.PoolClient, Promise<unknown>>();

/** Runs statements that are wanted at the same time one after the other: the driver warns of a queue of its own. */
function inTurn<T>(client: pg.PoolClient, run: () => Promise<T>): Promise<T> {
  const last = lastStatements.get(client);
  const turn = last === undefined ? run() : last.then(run);
  const settled: Promise<void> = turn.then(
    () => undefined,
    () => undefined,
  );
  lastStatements.set(client, settled);
  return turn;
}

class PostgresSession implements SqlSession {
  readonly #client: pg.PoolClient;
  readonly #statements: Statements;

  constructor(client: pg.PoolClient, statements: Statements) {
    this.#client = client;
    this.#statements = statements;
  }

  async all(sql: string, parameters: readonly SqlParameter[]): Promise<readonly SqlRow[]> {
    return (await this.#query(sql, parameters)).rows;
  }

  async run(sql: string, parameters: readonly SqlParameter[]): Promise<number> {
    return (await this.#query(sql, parameters)).rowCount ?? 0;
  }

  async #query(sql: string, parameters: readonly SqlParameter[]): Promise<pg.QueryArrayResult> {
    const query = parameters.length === 0 ? { text: sql } : { ...this.#statements.of(sql), values: [...parameters] };
    return inTurn(this.#client, () => this.#client.query({ ...query, rowMode: 'array' }));
  }

  async begin(kind: 'write' | 'snapshot'): Promise<void> {
    const isolation = kind === 'write' ? 'READ COMMITTED' : 'REPEATABLE READ READ ONLY';
    await inTurn(this.#client, () => this.#client.query(`BEGIN ISOLATION LEVEL ${isolation}`));
  }

  async commit(): Promise<void> {
    const { command } = await inTurn(this.#client, () => this.#client.query('COMMIT'));
    // A transaction that had failed is rolled back by COMMIT, without an error.
    if (command !== 'COMMIT') throw new Error(`the database answered COMMIT with ${command}`);
  }

  async rollback(): Promise<void> {
    await inTurn(this.#client, () => this.#client.query('ROLLBACK'));
  }

  release(broken: boolean): void {
    this.#client.release(broken);
  }
}
