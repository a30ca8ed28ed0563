// How PostgreSQL words what differs between the SQL engines. Transactions are READ COMMITTED, as the Go client's: every
// statement sees what is committed when it begins.
import { type SqlDialect, upsertOnConflict } from '../sql/sql-dialect.ts';

const quote = (name: string): string => `"${name}"`;

export const POSTGRES: SqlDialect = {
  quote,
  exclusive: false,
  types: {
    id: 'BIGSERIAL PRIMARY KEY NOT NULL',
    id32: 'SERIAL PRIMARY KEY NOT NULL',
    key: 'BIGINT PRIMARY KEY NOT NULL',
    keyText: 'VARCHAR(255) PRIMARY KEY NOT NULL',
    int: 'BIGINT NOT NULL',
    intOrNull: 'BIGINT NULL',
    int32: 'INTEGER NOT NULL',
    int32OrNull: 'INTEGER NULL',
    int32Zero: 'INTEGER DEFAULT 0 NOT NULL',
    name: 'VARCHAR(255) NOT NULL',
    text: 'TEXT NOT NULL',
    entryName: 'BYTEA NOT NULL',
    linkTarget: 'BYTEA NOT NULL',
    blob: 'BYTEA NOT NULL',
    blobOrNull: 'BYTEA NULL',
  },
  inlineIndices: false,
  allColumns: 'SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()',
  hasTable: 'SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = ?',
  lockForUpdate: ' FOR UPDATE',
  // Lets others change the row, but not remove it: what a foreign key would take.
  holdRow: () => ' FOR KEY SHARE',
  lockRange: '',
  blob: (column) => column,
  upsert: upsertOnConflict(quote, (column, table) => `${table}.${column} || excluded.${column}`),
  insertNew: (table, columns) =>
    `INSERT INTO ${table} (${columns.map(quote).join(', ')}) VALUES (${columns.map(() => '?').join(',')}) ON CONFLICT DO NOTHING`,
  returning: true,
  skipNumbers: (table, column) =>
    `SELECT setval(pg_get_serial_sequence('${table}', '${column}'), (SELECT max(${quote(column)}) FROM ${table}))`,
};
