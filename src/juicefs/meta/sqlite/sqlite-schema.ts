// The tables of a volume in SQLite, as JuiceFS 1.4 makes them (pkg/meta/sql.go), and what an older volume lacks of them.
import type { DatabaseSyncInstance } from '@photostructure/sqlite';

interface Table {
  readonly name: string;
  /** Column definitions; a table-level key may follow the columns. */
  readonly columns: readonly (readonly [name: string, definition: string])[];
  readonly key?: string;
  readonly indices?: readonly Index[];
}
interface Index {
  readonly unique?: boolean;
  readonly name: string;
  readonly columns: readonly string[];
}

const ID = 'INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL';
const KEY = 'INTEGER PRIMARY KEY NOT NULL';
const INT = 'INTEGER NOT NULL';
const INT_OR_NULL = 'INTEGER NULL';
const INT_ZERO = 'INTEGER DEFAULT 0 NOT NULL';
const TEXT_KEY = 'TEXT PRIMARY KEY NOT NULL';
const TEXT = 'TEXT NOT NULL';
const BLOB = 'BLOB NOT NULL';
const BLOB_OR_NULL = 'BLOB NULL';

const TABLES: readonly Table[] = [
  {
    name: 'setting',
    columns: [
      ['name', TEXT_KEY],
      ['value', TEXT],
    ],
  },
  {
    name: 'counter',
    columns: [
      ['name', TEXT_KEY],
      ['value', INT],
    ],
  },
  {
    name: 'edge',
    columns: [
      ['id', ID],
      ['parent', INT],
      ['name', BLOB],
      ['inode', INT],
      ['type', INT],
    ],
    indices: [
      { unique: true, name: 'edge', columns: ['parent', 'name'] },
      { name: 'inode', columns: ['inode'] },
    ],
  },
  {
    name: 'node',
    columns: [
      ['inode', KEY],
      ['type', INT],
      ['flags', INT],
      ['mode', INT],
      ['uid', INT],
      ['gid', INT],
      ['atime', INT],
      ['mtime', INT],
      ['ctime', INT],
      ['atimensec', INT_ZERO],
      ['mtimensec', INT_ZERO],
      ['ctimensec', INT_ZERO],
      ['nlink', INT],
      ['length', INT],
      ['rdev', INT_OR_NULL],
      ['parent', INT_OR_NULL],
      ['access_acl_id', INT_OR_NULL],
      ['default_acl_id', INT_OR_NULL],
      ['tier_id', INT_OR_NULL],
    ],
  },
  {
    name: 'symlink',
    columns: [
      ['inode', KEY],
      ['target', BLOB],
    ],
  },
  {
    name: 'xattr',
    columns: [
      ['id', ID],
      ['inode', INT],
      ['name', TEXT],
      ['value', BLOB],
    ],
    indices: [{ unique: true, name: 'name', columns: ['inode', 'name'] }],
  },
  {
    name: 'chunk',
    columns: [
      ['id', ID],
      ['inode', INT],
      ['indx', INT],
      ['slices', BLOB],
    ],
    indices: [{ unique: true, name: 'chunk', columns: ['inode', 'indx'] }],
  },
  {
    name: 'chunk_ref',
    columns: [
      ['chunkid', KEY],
      ['size', INT],
      ['refs', INT],
    ],
    indices: [{ name: 'refs', columns: ['refs'] }],
  },
  {
    name: 'delslices',
    columns: [
      ['chunkid', KEY],
      ['deleted', INT],
      ['slices', BLOB],
    ],
  },
  {
    name: 'session2',
    columns: [
      ['sid', KEY],
      ['expire', INT],
      ['info', BLOB_OR_NULL],
    ],
  },
  {
    name: 'sustained',
    columns: [
      ['id', ID],
      ['sid', INT],
      ['inode', INT],
    ],
    indices: [{ unique: true, name: 'sustained', columns: ['sid', 'inode'] }],
  },
  {
    name: 'delfile',
    columns: [
      ['inode', KEY],
      ['length', INT],
      ['expire', INT],
    ],
  },
  {
    name: 'flock',
    columns: [
      ['id', ID],
      ['inode', INT],
      ['sid', INT],
      ['owner', INT],
      ['ltype', INT],
    ],
    indices: [{ unique: true, name: 'flock', columns: ['inode', 'sid', 'owner'] }],
  },
  {
    name: 'plock',
    columns: [
      ['id', ID],
      ['inode', INT],
      ['sid', INT],
      ['owner', INT],
      ['records', BLOB],
    ],
    indices: [{ unique: true, name: 'plock', columns: ['inode', 'sid', 'owner'] }],
  },
  {
    name: 'dir_quota',
    columns: [
      ['inode', KEY],
      ['max_space', INT],
      ['max_inodes', INT],
      ['used_space', INT],
      ['used_inodes', INT],
    ],
  },
  {
    name: 'user_group_quota',
    columns: [
      ['qtype', INT],
      ['qkey', INT],
      ['max_space', INT],
      ['max_inodes', INT],
      ['used_space', INT],
      ['used_inodes', INT],
    ],
    key: 'PRIMARY KEY ( `qtype`,`qkey` )',
  },
  {
    name: 'dir_stats',
    columns: [
      ['inode', KEY],
      ['data_length', INT],
      ['used_space', INT],
      ['used_inodes', INT],
    ],
  },
  {
    name: 'detached_node',
    columns: [
      ['inode', KEY],
      ['added', INT],
    ],
  },
  {
    name: 'acl',
    columns: [
      ['id', ID],
      ['owner', INT_OR_NULL],
      ['group', INT_OR_NULL],
      ['mask', INT_OR_NULL],
      ['other', INT_OR_NULL],
      ['named_users', BLOB_OR_NULL],
      ['named_groups', BLOB_OR_NULL],
    ],
  },
  {
    name: 'delegation_token',
    columns: [
      ['id', ID],
      ['token', BLOB_OR_NULL],
    ],
  },
  {
    name: 'change_log',
    columns: [
      ['id', ID],
      ['entry', TEXT],
    ],
  },
];

/** Makes every table, column and index that is missing, in one transaction; what exists stays as it is. */
export function createMissingSchema(db: DatabaseSyncInstance, prefix: string): void {
  for (const table of TABLES) {
    const name = prefix + table.name;
    const present = new Set(columnNames(db, name));
    if (present.size === 0) {
      const parts = table.columns.map(([column, definition]) => `\`${column}\` ${definition}`);
      if (table.key !== undefined) parts.push(table.key);
      db.exec(`CREATE TABLE \`${name}\` (${parts.join(', ')})`);
    } else {
      for (const [column, definition] of table.columns) {
        if (present.has(column)) continue;
        // A column added to existing rows needs a default when it may not be NULL.
        const safe = definition === INT ? INT_ZERO : definition;
        db.exec(`ALTER TABLE \`${name}\` ADD \`${column}\` ${safe}`);
      }
    }
    for (const index of table.indices ?? []) {
      const indexName = `${index.unique === true ? 'UQE' : 'IDX'}_${name}_${index.name}`;
      const columns = index.columns.map((column) => `\`${column}\``).join(',');
      const unique = index.unique === true ? 'UNIQUE ' : '';
      db.exec(`CREATE ${unique}INDEX IF NOT EXISTS \`${indexName}\` ON \`${name}\` (${columns})`);
    }
  }
}

/** True when nothing is missing, so that no write lock need be taken. */
export function schemaIsComplete(db: DatabaseSyncInstance, prefix: string): boolean {
  return TABLES.every((table) => {
    const present = new Set(columnNames(db, prefix + table.name));
    return table.columns.every(([column]) => present.has(column));
  });
}

/** Column names of a table; empty when there is no such table. */
export function columnNames(db: DatabaseSyncInstance, table: string): string[] {
  const rows: unknown[] = db.prepare('SELECT name FROM pragma_table_info(?)').all(table);
  return rows.flatMap((row) =>
    typeof row === 'object' && row !== null && 'name' in row && typeof row.name === 'string' ? [row.name] : [],
  );
}

/** Names of all tables of the database. */
export function tableNames(db: DatabaseSyncInstance): string[] {
  const rows: unknown[] = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  return rows.flatMap((row) =>
    typeof row === 'object' && row !== null && 'name' in row && typeof row.name === 'string' ? [row.name] : [],
  );
}

/** Drops every table of a volume. The table of versions before 1.0 goes too. */
export function dropSchema(db: DatabaseSyncInstance, prefix: string): void {
  for (const name of [...TABLES.map((table) => table.name), 'session'])
    db.exec(`DROP TABLE IF EXISTS \`${prefix}${name}\``);
}
