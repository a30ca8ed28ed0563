// The SQLite engine: one connection that writes, one that reads, transactions queued within the process and retried
// when another process holds the database. The driver is synchronous, so no call of it waits longer than a few milliseconds.
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { VolumeError } from '../../volume.ts';
import { VolumeOpenError } from '../../volume-error.ts';
import type { MetaEngine, MetaReader, MetaTransaction } from '../engine.ts';
import { asVolumeError, cannotOpen, isBusy, SqliteConnection } from './sqlite-connection.ts';
import { SqliteReader } from './sqlite-reader.ts';
import { columnNames, createMissingSchema, dropSchema, schemaIsComplete } from './sqlite-schema.ts';
import { SqliteTransaction } from './sqlite-transaction.ts';

/** Tries of a transaction before a busy database is a fault; the number of the Go client. */
const MAX_TRIES = 50;
/** The wait before try n is about n² milliseconds, at most this. */
const MAX_WAIT_MS = 400;

/** Where a SQLite volume is and how to work on it. */
export interface SqliteLocation {
  readonly path: string;
  readonly tablePrefix: string;
  /** PRAGMA synchronous: NORMAL survives a crash of the process, FULL one of the machine. */
  readonly synchronous: 'OFF' | 'NORMAL' | 'FULL' | 'EXTRA';
  readonly journal: string;
}

export class SqliteEngine implements MetaEngine {
  readonly description: string;
  readonly #prefix: string;
  readonly #reading: SqliteConnection;
  readonly #writing: SqliteConnection | undefined;
  #reader: SqliteReader;
  #transaction: SqliteTransaction | undefined;
  // One promise chain for each connection: a transaction spans several turns of the microtask queue.
  #writes: Promise<unknown> = Promise.resolve();
  #reads: Promise<unknown> = Promise.resolve();

  private constructor(location: SqliteLocation, reading: SqliteConnection, writing: SqliteConnection | undefined) {
    this.description = `sqlite3://${location.path}`;
    this.#prefix = location.tablePrefix;
    this.#reading = reading;
    this.#writing = writing;
    const columns = new Set(columnNames(reading.db, `${location.tablePrefix}node`));
    this.#reader = new SqliteReader(reading, location.tablePrefix, columns);
    if (writing !== undefined) this.#transaction = new SqliteTransaction(writing, location.tablePrefix, columns);
  }

  /** Opens a database; only `create` makes one that is not there. */
  static async open(
    location: SqliteLocation,
    options: { readOnly?: boolean; create?: boolean },
  ): Promise<SqliteEngine> {
    if (options.create !== true && !existsSync(location.path)) {
      throw new VolumeOpenError('DatabaseMissing', `there is no database file ${location.path}; format a volume first`);
    }
    let writing: SqliteConnection | undefined;
    let reading: SqliteConnection | undefined;
    try {
      if (options.readOnly !== true) {
        writing = new SqliteConnection(location.path, { create: options.create === true });
        const connection = writing;
        await retryWhileBusy(async () => {
          connection.db.exec(`PRAGMA journal_mode = ${location.journal}`);
          connection.db.exec(`PRAGMA synchronous = ${location.synchronous}`);
        });
      }
      reading = new SqliteConnection(location.path, { readOnly: options.readOnly === true });
      const connection = reading;
      const opened = writing;
      return await retryWhileBusy(async () => {
        connection.db.exec('PRAGMA query_only = 1');
        return new SqliteEngine(location, connection, opened);
      });
    } catch (cause) {
      reading?.close();
      writing?.close();
      if (cause instanceof VolumeOpenError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      const code = cannotOpen(cause) ? 'DatabaseMissing' : 'DatabaseUnreachable';
      throw new VolumeOpenError(code, `cannot open the database file ${location.path}: ${reason}`, { cause });
    }
  }

  look<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return retryWhileBusy(() => body(this.#reader));
  }

  async prepareForWriting(): Promise<void> {
    const connection = this.#writable();
    if (schemaIsComplete(connection.db, this.#prefix)) return;
    await this.#exclusively(async () => createMissingSchema(connection.db, this.#prefix));
    const columns = new Set(columnNames(connection.db, `${this.#prefix}node`));
    this.#reader = new SqliteReader(this.#reading, this.#prefix, columns);
    this.#transaction = new SqliteTransaction(connection, this.#prefix, columns);
  }

  read<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    const run = this.#reads.then(() =>
      retryWhileBusy(() => inTransaction(this.#reading, 'BEGIN', () => body(this.#reader))),
    );
    this.#reads = run.catch(() => undefined);
    return run;
  }

  write<T>(body: (tx: MetaTransaction) => Promise<T>): Promise<T> {
    const transaction = this.#transaction;
    if (transaction === undefined) throw new VolumeError('EROFS', 'the volume is open for reading only');
    return this.#exclusively(() => body(transaction));
  }

  async clear(): Promise<void> {
    const connection = this.#writable();
    await this.#exclusively(async () => dropSchema(connection.db, this.#prefix));
  }

  async close(): Promise<void> {
    await Promise.all([this.#writes, this.#reads]);
    this.#reading.close();
    this.#writing?.close();
  }

  #exclusively<T>(body: () => Promise<T>): Promise<T> {
    const connection = this.#writable();
    const run = this.#writes.then(() => retryWhileBusy(() => inTransaction(connection, 'BEGIN IMMEDIATE', body)));
    this.#writes = run.catch(() => undefined);
    return run;
  }

  #writable(): SqliteConnection {
    if (this.#writing === undefined) throw new VolumeError('EROFS', 'the volume is open for reading only');
    return this.#writing;
  }
}

async function inTransaction<T>(connection: SqliteConnection, begin: string, body: () => Promise<T>): Promise<T> {
  connection.db.exec(begin);
  try {
    const result = await body();
    connection.db.exec('COMMIT');
    return result;
  } catch (error) {
    if (connection.db.isTransaction) connection.db.exec('ROLLBACK');
    throw error;
  }
}

async function retryWhileBusy<T>(body: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await body();
    } catch (error) {
      if (!isBusy(error)) throw asVolumeError(error);
      if (attempt >= MAX_TRIES) {
        throw new VolumeError('EBUSY', `the database was locked by others through ${attempt} tries`, { cause: error });
      }
    }
    await delay(Math.min(attempt * attempt, MAX_WAIT_MS) * (0.5 + Math.random()));
  }
}
