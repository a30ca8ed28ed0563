// The SQLite engine: one connection that writes, one that reads, transactions queued within the process and retried
// when another process holds the database. The driver is synchronous, so no call of it waits longer than a few milliseconds.
import { existsSync } from 'node:fs';
import { VolumeError } from '../../volume.ts';
import { VolumeOpenError } from '../../volume-error.ts';
import type { MetaEngine, MetaReader, MetaTransaction } from '../engine.ts';
import { SqlReader } from '../sql/sql-reader.ts';
import { SqlSchema } from '../sql/sql-schema.ts';
import { readStatements } from '../sql/sql-statements.ts';
import { SqlTransaction, writeStatements } from '../sql/sql-transaction.ts';
import { GroupedWrites } from './grouped-writes.ts';
import { cannotOpen, SqliteConnection } from './sqlite-connection.ts';
import { SQLITE } from './sqlite-dialect.ts';
import { inTransaction, retryWhileBusy } from './sqlite-transactions.ts';

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
  readonly #grouped: GroupedWrites | undefined;
  #schema: SqlSchema;
  #reader: SqlReader;
  #transaction: SqlTransaction | undefined;
  // One promise chain for each connection: a transaction spans several turns of the microtask queue.
  #writes: Promise<unknown> = Promise.resolve();
  #reads: Promise<unknown> = Promise.resolve();

  private constructor(
    location: SqliteLocation,
    reading: SqliteConnection,
    writing: SqliteConnection | undefined,
    schema: SqlSchema,
  ) {
    this.description = `sqlite3://${location.path}`;
    this.#prefix = location.tablePrefix;
    this.#reading = reading;
    this.#writing = writing;
    this.#grouped = writing === undefined ? undefined : new GroupedWrites(writing);
    this.#schema = schema;
    this.#reader = this.#use(schema);
  }

  #use(schema: SqlSchema): SqlReader {
    this.#schema = schema;
    const statements = readStatements(schema);
    if (this.#writing !== undefined) {
      this.#transaction = new SqlTransaction(this.#writing, schema, statements, writeStatements(schema, statements));
    }
    this.#reader = new SqlReader(this.#reading, schema, statements);
    return this.#reader;
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
        const schema = await SqlSchema.load(connection, SQLITE, location.tablePrefix);
        return new SqliteEngine(location, connection, opened, schema);
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
    if (this.#schema.complete) return;
    await this.#exclusively(async () => {
      const schema = await SqlSchema.load(connection, SQLITE, this.#prefix);
      for (const statement of schema.missing()) connection.db.exec(statement);
    });
    this.#use(await SqlSchema.load(connection, SQLITE, this.#prefix));
  }

  read<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    const run = this.#reads.then(() =>
      retryWhileBusy(() => inTransaction(this.#reading, 'BEGIN', () => body(this.#reader))),
    );
    // Whoever asked hears of the failure; the next only waits for the end.
    this.#reads = run.catch(() => undefined);
    return run;
  }

  survey<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.read(body);
  }

  write<T>(body: (tx: MetaTransaction) => Promise<T>): Promise<T> {
    const transaction = this.#transaction;
    const grouped = this.#grouped;
    if (transaction === undefined || grouped === undefined) {
      throw new VolumeError('EROFS', 'the volume is open for reading only');
    }
    return new Promise<T>((resolve, reject) => {
      if (!grouped.add(() => body(transaction), resolve, reject)) return;
      this.#writes = this.#writes.then(() => grouped.commit());
    });
  }

  async clear(): Promise<void> {
    const connection = this.#writable();
    await this.#exclusively(async () => {
      for (const statement of this.#schema.drop()) connection.db.exec(statement);
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#writes, this.#reads]);
    this.#reading.close();
    this.#writing?.close();
  }

  #exclusively<T>(body: () => Promise<T>): Promise<T> {
    const connection = this.#writable();
    const run = this.#writes.then(() => retryWhileBusy(() => inTransaction(connection, 'BEGIN IMMEDIATE', body)));
    // As for reads.
    this.#writes = run.catch(() => undefined);
    return run;
  }

  #writable(): SqliteConnection {
    if (this.#writing === undefined) throw new VolumeError('EROFS', 'the volume is open for reading only');
    return this.#writing;
  }
}
