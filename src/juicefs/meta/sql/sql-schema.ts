// The tables of a volume in a SQL database, as JuiceFS 1.4 makes them (pkg/meta/sql.go), and what an older volume lacks
// of them.
import type { ColumnType, SqlDialect, SqlExecutor } from './sql-dialect.ts';
import { text } from './sql-value.ts';

interface Table {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** A key of several columns; others are part of their column's type. */
  readonly key?: readonly string[];
  readonly indices?: readonly Index[];
}
interface Index {
  readonly unique?: boolean;
  readonly name: string;
  readonly columns: readonly string[];
}

const QUOTA_COLUMNS = { max_space: 'int', max_inodes: 'int', used_space: 'int', used_inodes: 'int' } as const;

const TABLES: readonly Table[] = [
  { name: 'setting', columns: { name: 'keyText', value: 'text' } },
  { name: 'counter', columns: { name: 'keyText', value: 'int' } },
  {
    name: 'edge',
    columns: { id: 'id', parent: 'int', name: 'entryName', inode: 'int', type: 'int32' },
    indices: [
      { unique: true, name: 'edge', columns: ['parent', 'name'] },
      { name: 'inode', columns: ['inode'] },
    ],
  },
  {
    name: 'node',
    columns: {
      inode: 'key',
      type: 'int32',
      flags: 'int32',
      mode: 'int32',
      uid: 'int32',
      gid: 'int32',
      atime: 'int',
      mtime: 'int',
      ctime: 'int',
      atimensec: 'int32Zero',
      mtimensec: 'int32Zero',
      ctimensec: 'int32Zero',
      nlink: 'int32',
      length: 'int',
      rdev: 'int32OrNull',
      parent: 'intOrNull',
      access_acl_id: 'int32OrNull',
      default_acl_id: 'int32OrNull',
      tier_id: 'int32OrNull',
    },
  },
  { name: 'symlink', columns: { inode: 'key', target: 'linkTarget' } },
  {
    name: 'xattr',
    columns: { id: 'id', inode: 'int', name: 'name', value: 'blob' },
    indices: [{ unique: true, name: 'name', columns: ['inode', 'name'] }],
  },
  {
    name: 'chunk',
    columns: { id: 'id', inode: 'int', indx: 'int32', slices: 'blob' },
    indices: [{ unique: true, name: 'chunk', columns: ['inode', 'indx'] }],
  },
  {
    name: 'chunk_ref',
    columns: { chunkid: 'key', size: 'int32', refs: 'int32' },
    indices: [{ name: 'refs', columns: ['refs'] }],
  },
  { name: 'delslices', columns: { chunkid: 'key', deleted: 'int', slices: 'blob' } },
  { name: 'session2', columns: { sid: 'key', expire: 'int', info: 'blobOrNull' } },
  {
    name: 'sustained',
    columns: { id: 'id', sid: 'int', inode: 'int' },
    indices: [{ unique: true, name: 'sustained', columns: ['sid', 'inode'] }],
  },
  { name: 'delfile', columns: { inode: 'key', length: 'int', expire: 'int' } },
  {
    name: 'flock',
    columns: { id: 'id', inode: 'int', sid: 'int', owner: 'int', ltype: 'int32' },
    indices: [{ unique: true, name: 'flock', columns: ['inode', 'sid', 'owner'] }],
  },
  {
    name: 'plock',
    columns: { id: 'id', inode: 'int', sid: 'int', owner: 'int', records: 'blob' },
    indices: [{ unique: true, name: 'plock', columns: ['inode', 'sid', 'owner'] }],
  },
  { name: 'dir_quota', columns: { inode: 'key', ...QUOTA_COLUMNS } },
  {
    name: 'user_group_quota',
    columns: { qtype: 'int32', qkey: 'int', ...QUOTA_COLUMNS },
    key: ['qtype', 'qkey'],
  },
  { name: 'dir_stats', columns: { inode: 'key', data_length: 'int', used_space: 'int', used_inodes: 'int' } },
  { name: 'detached_node', columns: { inode: 'key', added: 'int' } },
  {
    name: 'acl',
    columns: {
      id: 'id32',
      owner: 'int32OrNull',
      group: 'int32OrNull',
      mask: 'int32OrNull',
      other: 'int32OrNull',
      named_users: 'blobOrNull',
      named_groups: 'blobOrNull',
    },
  },
  { name: 'delegation_token', columns: { id: 'id32', token: 'blobOrNull' } },
  { name: 'change_log', columns: { id: 'id', entry: 'text' } },
];

/** The tables of a volume that are there, without the prefix, with their columns. */
export class SqlSchema {
  readonly prefix: string;
  readonly dialect: SqlDialect;
  readonly #columns: ReadonlyMap<string, ReadonlySet<string>>;

  private constructor(dialect: SqlDialect, prefix: string, columns: ReadonlyMap<string, ReadonlySet<string>>) {
    this.dialect = dialect;
    this.prefix = prefix;
    this.#columns = columns;
  }

  /** Reads what is there. */
  static async load(executor: SqlExecutor, dialect: SqlDialect, prefix: string): Promise<SqlSchema> {
    const columns = new Map<string, Set<string>>();
    for (const [table, column] of await executor.all(dialect.allColumns, [])) {
      const name = text(table);
      const known = columns.get(name);
      if (known === undefined) columns.set(name, new Set([text(column)]));
      else known.add(text(column));
    }
    return new SqlSchema(dialect, prefix, columns);
  }

  /** A table's full name, quoted. */
  table(name: string): string {
    return this.dialect.quote(this.prefix + name);
  }

  has(table: string, column?: string): boolean {
    const columns = this.#columns.get(this.prefix + table);
    return column === undefined ? columns !== undefined : columns?.has(column) === true;
  }

  /** True when nothing is missing, so that nothing need be made. */
  get complete(): boolean {
    return TABLES.every((table) => Object.keys(table.columns).every((column) => this.has(table.name, column)));
  }

  /** The statements that make every table, column and index that is missing; what exists stays as it is. */
  missing(): string[] {
    return TABLES.flatMap((table) => (this.has(table.name) ? this.#missingColumns(table) : this.#createTable(table)));
  }

  /** The statements that drop every table of a volume. The table of versions before 1.0 goes too. */
  drop(): string[] {
    return [...TABLES.map(({ name }) => name), 'session'].map((name) => `DROP TABLE IF EXISTS ${this.table(name)}`);
  }

  #createTable(table: Table): string[] {
    const { quote, types, inlineIndices } = this.dialect;
    const list = (columns: readonly string[]): string => columns.map(quote).join(', ');
    const indices = (table.indices ?? []).map((index) => ({
      kind: index.unique === true ? 'UNIQUE ' : '',
      name: quote(`${index.unique === true ? 'UQE' : 'IDX'}_${this.prefix}${table.name}_${index.name}`),
      columns: list(index.columns),
    }));
    const parts = Object.entries(table.columns).map(([column, type]) => `${quote(column)} ${types[type]}`);
    if (table.key !== undefined) parts.push(`PRIMARY KEY (${list(table.key)})`);
    if (inlineIndices) parts.push(...indices.map(({ kind, name, columns }) => `${kind}KEY ${name} (${columns})`));
    const create = `CREATE TABLE IF NOT EXISTS ${this.table(table.name)} (${parts.join(', ')})`;
    if (inlineIndices) return [create];
    const makeIndices = indices.map(
      ({ kind, name, columns }) =>
        `CREATE ${kind}INDEX IF NOT EXISTS ${name} ON ${this.table(table.name)} (${columns})`,
    );
    return [create, ...makeIndices];
  }

  #missingColumns(table: Table): string[] {
    const { quote, types } = this.dialect;
    return Object.entries(table.columns)
      .filter(([column]) => !this.has(table.name, column))
      .map(([column, type]) => {
        // A column added to existing rows needs a default when it may not be NULL.
        const definition = type === 'int32' || type === 'int' ? types.int32Zero : types[type];
        return `ALTER TABLE ${this.table(table.name)} ADD ${quote(column)} ${definition}`;
      });
  }
}
