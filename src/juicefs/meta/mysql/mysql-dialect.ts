// How MySQL and MariaDB word what differs between the SQL engines. Transactions are REPEATABLE READ, as the Go client's:
// a plain SELECT sees the state at the transaction's beginning, a locking one what is committed now.
import type { SqlDialect, Upsert } from '../sql/sql-dialect.ts';

const quote = (name: string): string => `\`${name}\``;

export const MYSQL: SqlDialect = {
  quote,
  exclusive: false,
  types: {
    id: 'BIGINT(20) PRIMARY KEY AUTO_INCREMENT NOT NULL',
    id32: 'INT PRIMARY KEY AUTO_INCREMENT NOT NULL',
    key: 'BIGINT(20) PRIMARY KEY NOT NULL',
    keyText: 'VARCHAR(255) PRIMARY KEY NOT NULL',
    int: 'BIGINT(20) NOT NULL',
    intOrNull: 'BIGINT(20) NULL',
    int32: 'INT NOT NULL',
    int32OrNull: 'INT NULL',
    int32Zero: 'INT DEFAULT 0 NOT NULL',
    name: 'VARCHAR(255) NOT NULL',
    text: 'TEXT NOT NULL',
    entryName: 'VARBINARY(255) NOT NULL',
    linkTarget: 'VARBINARY(4096) NOT NULL',
    blob: 'BLOB NOT NULL',
    blobOrNull: 'BLOB NULL',
  },
  inlineIndices: true,
  allColumns: 'SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()',
  hasTable: 'SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?',
  lockForUpdate: ' FOR UPDATE',
  // A shared lock that is made exclusive later would wait for others that do the same.
  holdRow: (changedLater) => (changedLater ? ' FOR UPDATE' : ' LOCK IN SHARE MODE'),
  lockRange: ' LOCK IN SHARE MODE',
  blob: (column) => column,
  upsert: ({ table, columns, updates }: Upsert): string => {
    const assignments = Object.entries(updates).map(([column, update]) => {
      const name = quote(column);
      if (update === 'set') return `${name} = VALUES(${name})`;
      return update === 'add' ? `${name} = ${name} + VALUES(${name})` : `${name} = CONCAT(${name}, VALUES(${name}))`;
    });
    const places = columns.map(() => '?').join(',');
    return `INSERT INTO ${table} (${columns.map(quote).join(', ')}) VALUES (${places}) ON DUPLICATE KEY UPDATE ${assignments.join(', ')}`;
  },
  insertNew: (table, columns) =>
    `INSERT IGNORE INTO ${table} (${columns.map(quote).join(', ')}) VALUES (${columns.map(() => '?').join(',')})`,
  returning: false,
  lastNumber: 'SELECT LAST_INSERT_ID()',
};
