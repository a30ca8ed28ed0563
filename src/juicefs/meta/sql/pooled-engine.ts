// The engine over a database server: connections from a pool, transactions that run again on conflict, and reads that run
// again on a fresh connection when theirs is lost. Which errors mean what is the driver's knowledge.
import { setTimeout as delay } from 'node:timers/promises';
import { CommitUnknownError, VolumeError } from '../../volume.ts';
import { VolumeOpenError } from '../../volume-error.ts';
import { MetaConflict, type MetaEngine, type MetaReader, type MetaTransaction } from '../engine.ts';
import type { SqlDialect, SqlExecutor } from './sql-dialect.ts';
import { SqlReader } from './sql-reader.ts';
import { SqlSchema } from './sql-schema.ts';
import { type ReadStatements, readStatements } from './sql-statements.ts';
import { SqlTransaction, type WriteStatements, writeStatements } from './sql-transaction.ts';

/** Tries of a transaction before lasting conflicts are a fault; the number of the Go client. */
const MAX_TRIES = 50;
/** The wait before try n is about n² milliseconds, at most this. */
const MAX_WAIT_MS = 400;
/** How long a server that cannot be reached is tried again before that is a fault. */
const MAX_UNREACHABLE_MS = 5000;

/** What an error of a statement means for the transaction it was in. */
export type SqlFailure =
  /** Another transaction was in the way: try again. */
  | 'conflict'
  /** The connection (or the server) is gone: try again on another. */
  | 'lost'
  /** The disk of the database is full. */
  | 'full'
  /** Anything else the database says. */
  | 'database'
  /** Not an error of the database. */
  | 'other';

/** A connection taken out of the pool. */
export interface SqlSession extends SqlExecutor {
  /** Starts a transaction: one that writes, or one that reads a single state. */
  begin(kind: 'write' | 'snapshot'): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Gives the connection back; a broken one is closed instead. */
  release(broken: boolean): void;
}

/** A pool of connections to one database. */
export interface SqlPool {
  readonly dialect: SqlDialect;
  /** Kind and place of the database, without secrets. */
  readonly description: string;
  connect(): Promise<SqlSession>;
  classify(error: unknown): SqlFailure;
  close(): Promise<void>;
}

export class PooledSqlEngine implements MetaEngine {
  readonly #pool: SqlPool;
  readonly #prefix: string;
  readonly #readOnly: boolean;
  #schema: SqlSchema;
  #reads: ReadStatements;
  #writes: WriteStatements;

  private constructor(pool: SqlPool, schema: SqlSchema, readOnly: boolean) {
    this.#pool = pool;
    this.#prefix = schema.prefix;
    this.#readOnly = readOnly;
    this.#schema = schema;
    this.#reads = readStatements(schema);
    this.#writes = writeStatements(schema, this.#reads);
  }

  /** Connects once, so that a wrong address or password is said at once. Closes the pool when it cannot. */
  static async open(pool: SqlPool, prefix: string, options: { readOnly?: boolean }): Promise<PooledSqlEngine> {
    try {
      const session = await pool.connect();
      try {
        return new PooledSqlEngine(
          pool,
          await SqlSchema.load(session, pool.dialect, prefix),
          options.readOnly === true,
        );
      } finally {
        session.release(false);
      }
    } catch (cause) {
      await pool.close();
      throw new VolumeOpenError(
        'DatabaseUnreachable',
        `cannot use the database ${pool.description}: ${reasonOf(cause)}`,
        { cause },
      );
    }
  }

  get description(): string {
    return this.#pool.description;
  }

  async prepareForWriting(): Promise<void> {
    if (this.#schema.complete) return;
    await this.#again(async (session) => {
      const schema = await SqlSchema.load(session, this.#pool.dialect, this.#prefix);
      for (const statement of schema.missing()) await session.run(statement, []);
    });
    await this.#again(async (session) => {
      this.#schema = await SqlSchema.load(session, this.#pool.dialect, this.#prefix);
      this.#reads = readStatements(this.#schema);
      this.#writes = writeStatements(this.#schema, this.#reads);
    });
  }

  look<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.#again((session) => body(new SqlReader(session, this.#schema, this.#reads)));
  }

  read<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.#again((session) =>
      inTransaction(session, 'snapshot', this.#classify, () => body(new SqlReader(session, this.#schema, this.#reads))),
    );
  }

  survey<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.read(body);
  }

  write<T>(body: (tx: MetaTransaction) => Promise<T>): Promise<T> {
    if (this.#readOnly) throw new VolumeError('EROFS', 'the volume is open for reading only');
    return this.#again((session) =>
      inTransaction(session, 'write', this.#classify, () =>
        body(new SqlTransaction(session, this.#schema, this.#reads, this.#writes)),
      ),
    );
  }

  async clear(): Promise<void> {
    await this.#again(async (session) => {
      for (const statement of this.#schema.drop()) await session.run(statement, []);
    });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** Runs a body on a connection, again while what fails may succeed later. */
  async #again<T>(body: (session: SqlSession) => Promise<T>): Promise<T> {
    let lostSince: number | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(body);
      } catch (error) {
        if (error instanceof CommitUnknownError) throw error;
        const failure = this.#classify(error);
        if (failure === 'lost') lostSince ??= Date.now();
        else lostSince = undefined;
        const unreachable = lostSince !== undefined && Date.now() - lostSince >= MAX_UNREACHABLE_MS;
        if ((failure !== 'conflict' && failure !== 'lost') || attempt >= MAX_TRIES || unreachable) {
          throw this.#asVolumeError(failure, error, attempt);
        }
      }
      await delay(Math.min(attempt * attempt, MAX_WAIT_MS) * (0.5 + Math.random()));
    }
  }

  async #once<T>(body: (session: SqlSession) => Promise<T>): Promise<T> {
    const session = await this.#pool.connect();
    let broken = true;
    try {
      const result = await body(session);
      broken = false;
      return result;
    } catch (error) {
      broken = error instanceof CommitUnknownError || unclean.has(session) || this.#classify(error) === 'lost';
      throw error;
    } finally {
      session.release(broken);
    }
  }

  readonly #classify = (error: unknown): SqlFailure =>
    error instanceof MetaConflict ? 'conflict' : this.#pool.classify(error);

  #asVolumeError(failure: SqlFailure, error: unknown, attempts: number): unknown {
    const reason = reasonOf(error);
    if (failure === 'other') return error;
    if (failure === 'full') return new VolumeError('ENOSPC', 'the disk of the database is full', { cause: error });
    if (failure === 'conflict') {
      const message = `other clients were in the way through ${attempts} tries: ${reason}`;
      return new VolumeError('EBUSY', message, { cause: error });
    }
    const what = failure === 'lost' ? `the database ${this.description} is not reachable` : 'the database failed';
    return new VolumeError('EIO', `${what}: ${reason}`, { cause: error });
  }
}

/** Sessions whose transaction could not be ended. */
const unclean = new WeakSet<SqlSession>();

async function inTransaction<T>(
  session: SqlSession,
  kind: 'write' | 'snapshot',
  classify: (error: unknown) => SqlFailure,
  body: () => Promise<T>,
): Promise<T> {
  await session.begin(kind);
  let result: T;
  try {
    result = await body();
  } catch (error) {
    try {
      await session.rollback();
    } catch {
      // Why the body failed is what counts. A transaction that may be open still must not come to the next who uses the session.
      unclean.add(session);
    }
    throw error;
  }
  if (kind === 'snapshot') {
    await session.rollback();
    return result;
  }
  try {
    await session.commit();
  } catch (cause) {
    // What the server refuses to commit is undone; a connection that breaks meanwhile says nothing.
    if (classify(cause) !== 'lost') throw cause;
    const message = `the connection to the database was lost during a commit: ${reasonOf(cause)}`;
    throw new CommitUnknownError(message, { cause });
  }
  return result;
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
