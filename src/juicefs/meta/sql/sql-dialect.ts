// What the SQL engines have in common and where they differ: an executor runs statements, a dialect words them. The
// statements themselves are written once, in sql-reader.ts and sql-transaction.ts.
import type { Awaitable } from '../engine.ts';
import type { SqlParameter, SqlRow } from './sql-value.ts';

/** Runs statements on one connection. Parameters stand as `?` in every dialect. */
export interface SqlExecutor {
  all(sql: string, parameters: readonly SqlParameter[]): Awaitable<readonly SqlRow[]>;
  /** Rows that the statement matched. */
  run(sql: string, parameters: readonly SqlParameter[]): Awaitable<number>;
}

/** What an upsert does to a column of a row that is there: takes the new value, adds it, or appends its bytes. */
export type ColumnUpdate = 'set' | 'add' | 'append';

/** Column types of the schema, as each engine words them. */
export type ColumnType =
  | 'id'
  | 'id32'
  | 'key'
  | 'keyText'
  | 'int'
  | 'intOrNull'
  | 'int32'
  | 'int32OrNull'
  | 'int32Zero'
  | 'name'
  | 'text'
  | 'entryName'
  | 'linkTarget'
  | 'blob'
  | 'blobOrNull';

/** A name's upsert: `columns` with their values, `key` columns that are unique, `updates` where the row is there. */
export interface Upsert {
  readonly table: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly updates: Readonly<Record<string, ColumnUpdate>>;
}

export interface SqlDialect {
  quote(name: string): string;
  /** Writing transactions exclude each other: none needs to lock a row. */
  readonly exclusive: boolean;
  /** Column definitions; NOT NULL unless the type says so. */
  readonly types: Readonly<Record<ColumnType, string>>;
  /** Indices are part of CREATE TABLE, or statements of their own. */
  readonly inlineIndices: boolean;
  /** Rows (table, column) of every table that the connection sees. */
  readonly allColumns: string;
  /** A row if there is a table of the name `?` now. */
  readonly hasTable: string;
  /** Ends a SELECT whose rows nobody else may change until the transaction ends. */
  readonly lockForUpdate: string;
  /** Ends a SELECT whose row nobody else may remove; the row is changed later (or not) by this transaction. */
  holdRow(changedLater: boolean): string;
  /** Ends a SELECT that must see what is committed now, and keeps others from adding rows to what it found. */
  readonly lockRange: string;
  /** An expression for a bytes column that other clients may have left with a text's type. */
  blob(column: string): string;
  upsert(upsert: Upsert): string;
  /** An INSERT that leaves a row alone that is there; it then matches no row. */
  insertNew(table: string, columns: readonly string[]): string;
  /** Whether an upsert or update can say what it stored, by RETURNING. */
  readonly returning: boolean;
  /** The number that the last INSERT of this connection gave, where it cannot be returned. */
  readonly lastNumber?: string;
  /** After rows got explicit numbers: the statement that moves the table's generator beyond them. */
  skipNumbers?(table: string, column: string): string;
}

/** Goes on with a value now, or with a promised one later: SQLite answers at once, and stays synchronous. */
export function whenDone<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** `ON CONFLICT`, as SQLite and PostgreSQL word an upsert. */
export function upsertOnConflict(quote: (name: string) => string, append: (column: string, table: string) => string) {
  return ({ table, columns, key, updates }: Upsert): string => {
    const names = columns.map(quote).join(', ');
    const assignments = Object.entries(updates).map(([column, update]) => {
      const name = quote(column);
      if (update === 'set') return `${name} = excluded.${name}`;
      return update === 'add' ? `${name} = ${table}.${name} + excluded.${name}` : `${name} = ${append(name, table)}`;
    });
    const places = columns.map(() => '?').join(',');
    return `INSERT INTO ${table} (${names}) VALUES (${places}) ON CONFLICT (${key.map(quote).join(', ')}) DO UPDATE SET ${assignments.join(', ')}`;
  };
}
