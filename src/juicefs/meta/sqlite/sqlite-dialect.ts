// How SQLite words what differs between the SQL engines. A writing transaction has the database for itself: nothing in it
// needs a lock.
import { type SqlDialect, upsertOnConflict } from '../sql/sql-dialect.ts';

const quote = (name: string): string => `\`${name}\``;

export const SQLITE: SqlDialect = {
  quote,
  exclusive: true,
  types: {
    id: 'INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL',
    id32: 'INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL',
    key: 'INTEGER PRIMARY KEY NOT NULL',
    keyText: 'TEXT PRIMARY KEY NOT NULL',
    int: 'INTEGER NOT NULL',
    intOrNull: 'INTEGER NULL',
    int32: 'INTEGER NOT NULL',
    int32OrNull: 'INTEGER NULL',
    int32Zero: 'INTEGER DEFAULT 0 NOT NULL',
    name: 'TEXT NOT NULL',
    text: 'TEXT NOT NULL',
    entryName: 'BLOB NOT NULL',
    linkTarget: 'BLOB NOT NULL',
    blob: 'BLOB NOT NULL',
    blobOrNull: 'BLOB NULL',
  },
  inlineIndices: false,
  allColumns: "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
  hasTable: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
  lockForUpdate: '',
  holdRow: () => '',
  lockRange: '',
  // The Go client's appends leave text-typed values of any bytes: they must not be decoded as text.
  blob: (column) => `CAST(${column} AS BLOB)`,
  // SQLite's || makes text of blobs; the cast gives the same bytes a blob's type again.
  upsert: upsertOnConflict(quote, (column, table) => `CAST(${table}.${column} || excluded.${column} AS BLOB)`),
  insertNew: (table, columns) =>
    `INSERT OR IGNORE INTO ${table} (${columns.map(quote).join(', ')}) VALUES (${columns.map(() => '?').join(',')})`,
  returning: true,
};
