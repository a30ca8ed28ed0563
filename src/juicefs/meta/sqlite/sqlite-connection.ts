// One SQLite connection: statements compiled once, rows as typed values, and the errors of a busy database told apart.
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite';
import { VolumeError } from '../../volume.ts';
import type { SqlExecutor } from '../sql/sql-dialect.ts';
import type { SqlParameter, SqlRow } from '../sql/sql-value.ts';

/** How long the driver may hold the event loop waiting for a lock; longer waits are asynchronous retries. */
const BUSY_TIMEOUT_MS = 3;

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;

export class SqliteConnection implements SqlExecutor {
  readonly db: DatabaseSyncInstance;
  readonly #statements = new Map<string, StatementSyncInstance>();

  /** Opens an existing database; with `create`, makes one. */
  constructor(path: string, options: { create?: boolean; readOnly?: boolean }) {
    this.db = new DatabaseSync(sqliteUri(path, options), {
      timeout: BUSY_TIMEOUT_MS,
      readOnly: options.readOnly === true,
      enableForeignKeyConstraints: false,
    });
  }

  #prepared(sql: string): StatementSyncInstance {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      statement.setReadBigInts(true);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  all(sql: string, parameters: readonly SqlParameter[]): SqlRow[] {
    return this.#prepared(sql).all(...parameters);
  }

  run(sql: string, parameters: readonly SqlParameter[]): number {
    return Number(this.#prepared(sql).run(...parameters).changes);
  }

  close(): void {
    this.#statements.clear();
    if (this.db.isOpen) this.db.close();
  }
}

/** Without `rwc`, SQLite makes no file that is not there. */
function sqliteUri(path: string, options: { create?: boolean; readOnly?: boolean }): string {
  const mode = options.readOnly === true ? 'ro' : options.create === true ? 'rwc' : 'rw';
  const escaped = path.replace(/[%?#]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `file:${escaped}?mode=${mode}`;
}

function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

/** Another process or connection holds a lock: worth another try. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE_BUSY || code === SQLITE_LOCKED;
}

/** A failure of the database as the volume's error, with the driver's as its cause; anything else as it is. */
export function asVolumeError(error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  if (code === SQLITE_FULL) return new VolumeError('ENOSPC', 'the disk of the database is full', { cause: error });
  const reason = error instanceof Error ? error.message : String(error);
  return new VolumeError('EIO', `the database failed: ${reason}`, { cause: error });
}

export function cannotOpen(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_CANTOPEN;
}
