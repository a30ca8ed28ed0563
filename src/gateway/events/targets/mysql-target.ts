// Events into MySQL or MariaDB: a table with a row an object (format namespace), or one that grows (format access). The table is made
// when there is none, as `juicefs gateway` makes it, so that either gateway may fill it.
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { type EventRecord, isRemoval, objectPathOf } from '../event-record.ts';
import { type TargetSettings, TargetSettingsError } from '../target-settings.ts';
import {
  CONNECT_TIMEOUT_MS,
  type DeliverableEvent,
  DeliveryError,
  type EventTarget,
  reasonOf,
  TARGET_TIMEOUT_MS,
  TargetError,
} from './event-target.ts';
import { type MysqlAddress, parseMysqlDsn } from './mysql-dsn.ts';

type Settings = Extract<TargetSettings, { type: 'mysql' }>;

/**
 * The key itself would be too long for an index, and compared without regard to case: rows are told apart by its hash. A row is of
 * two columns for who reads `*`; servers from MySQL 8.0.23 and MariaDB 10.3 on can leave the hash out there, each by its own comment.
 */
const CREATE = {
  namespace: (table: string) =>
    `CREATE TABLE IF NOT EXISTS ${table} (key_name VARCHAR(3072) NOT NULL, ` +
    'key_hash CHAR(64) GENERATED ALWAYS AS (SHA2(key_name, 256)) STORED /*!80023 INVISIBLE */ /*M!100303 INVISIBLE */, ' +
    'value JSON, UNIQUE KEY key_hash (key_hash)) ' +
    'CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin ROW_FORMAT = DYNAMIC',
  access: (table: string) =>
    `CREATE TABLE IF NOT EXISTS ${table} (event_time DATETIME NOT NULL, event_data JSON) CHARACTER SET = utf8mb4 ROW_FORMAT = DYNAMIC`,
};
const COLUMNS = { namespace: ['key_name', 'value'], access: ['event_time', 'event_data'] } as const;
/** Refusals of what a row holds, not of the connection. MySQL: data too long, out of range, invalid JSON, constraint failed. */
const UNACCEPTABLE: ReadonlySet<number> = new Set([1264, 1366, 1406, 3140, 3141, 3819, 4025]);
/** MySQL: there is no such table. */
const NO_SUCH_TABLE = 1146;

export class MysqlTarget implements EventTarget {
  readonly id: TargetSettings['id'];
  readonly #settings: Settings;
  readonly #address: MysqlAddress;
  readonly #table: string;
  #connection: Connection | undefined;
  #hashed = false;

  /** Throws TargetSettingsError. */
  constructor(settings: Settings) {
    this.id = settings.id;
    this.#settings = settings;
    this.#address = parseMysqlDsn(settings.dsn);
    this.#table = quoteTable(settings.table);
  }

  async check(): Promise<void> {
    await this.#ready();
  }

  async deliver(events: readonly DeliverableEvent[]): Promise<void> {
    let connection: Connection;
    try {
      connection = await this.#ready();
      await connection.query({ sql: 'START TRANSACTION', timeout: TARGET_TIMEOUT_MS });
    } catch (cause) {
      await this.close();
      throw new DeliveryError(reasonOf(cause), { delivered: 0, cause });
    }
    for (const [i, { json }] of events.entries()) {
      const [sql, values] = this.#statement(json);
      try {
        await connection.query({ sql, values, timeout: TARGET_TIMEOUT_MS });
      } catch (cause) {
        const unacceptable = UNACCEPTABLE.has((cause as { errno?: number }).errno ?? 0);
        // those before it stand if they can be committed
        const delivered = unacceptable && (await this.#committed(connection)) ? i : 0;
        if (!unacceptable) await this.close();
        throw new DeliveryError(reasonOf(cause), { delivered, unacceptable: unacceptable && delivered === i, cause });
      }
    }
    if (!(await this.#committed(connection)))
      throw new DeliveryError('the transaction was not committed', { delivered: 0 });
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
  }

  #statement(json: string): [sql: string, values: unknown[]] {
    const record = JSON.parse(json) as EventRecord;
    const table = this.#table;
    const data = `{"Records":[${json}]}`;
    if (this.#settings.format === 'access') {
      // DATETIME has no zone: it is UTC's
      const time = record.eventTime.replace('T', ' ').replace('Z', '');
      return [`INSERT INTO ${table} (event_time, event_data) VALUES (?, ?)`, [time, data]];
    }
    const key = objectPathOf(record);
    if (isRemoval(record)) {
      const where = this.#hashed ? 'key_hash = SHA2(?, 256)' : 'key_name = ?';
      return [`DELETE FROM ${table} WHERE ${where}`, [key]];
    }
    return [
      `INSERT INTO ${table} (key_name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)`,
      [key, data],
    ];
  }

  async #committed(connection: Connection): Promise<boolean> {
    try {
      await connection.query({ sql: 'COMMIT', timeout: TARGET_TIMEOUT_MS });
      return true;
    } catch {
      // the next attempt begins with a new connection, and says what is wrong if something is
      await this.close();
      return false;
    }
  }

  /** A connection to a database with the table. Throws TargetError. */
  async #ready(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    const { user, password, host, port, socketPath, database, tls } = this.#address;
    let connection: Connection | undefined;
    try {
      const { createConnection } = await import('mysql2/promise');
      connection = await createConnection({
        user,
        password,
        database,
        ...(socketPath === '' ? { host, port } : { socketPath }),
        ...(tls === 'off' ? {} : { ssl: { rejectUnauthorized: tls === 'verify' } }),
        charset: 'utf8mb4',
        connectTimeout: CONNECT_TIMEOUT_MS,
        // values go over as text, so that both servers take them for JSON
        stringifyObjects: true,
      });
      connection.on('error', () => void this.close());
      await this.#requireTable(connection);
    } catch (cause) {
      connection?.destroy();
      throw cause instanceof TargetError ? cause : new TargetError(reasonOf(cause), { cause });
    }
    this.#connection = connection;
    return connection;
  }

  /** Undefined when there is no such table. */
  async #columns(connection: Connection): Promise<RowDataPacket[] | undefined> {
    try {
      const sql = `SHOW COLUMNS FROM ${this.#table}`;
      return (await connection.query<RowDataPacket[]>({ sql, timeout: TARGET_TIMEOUT_MS }))[0];
    } catch (error) {
      if ((error as { errno?: number }).errno === NO_SUCH_TABLE) return undefined;
      throw error;
    }
  }

  async #makeTable(connection: Connection): Promise<RowDataPacket[]> {
    await connection.query({ sql: CREATE[this.#settings.format](this.#table), timeout: TARGET_TIMEOUT_MS });
    return (await this.#columns(connection)) ?? [];
  }

  async #requireTable(connection: Connection): Promise<void> {
    const { format, table } = this.#settings;
    // a table that is there is asked for first: who may write into it need not be allowed to make one
    const rows = (await this.#columns(connection)) ?? (await this.#makeTable(connection));
    const names = new Set(rows.map((row) => String(row.Field).toLowerCase()));
    const missing = COLUMNS[format].filter((name) => !names.has(name));
    if (missing.length > 0) {
      throw new TargetError(`the table ${table} has no column ${missing.join(' and ')}, which format ${format} needs`);
    }
    const demanded = rows
      .filter(({ Null, Default, Extra }) => Null === 'NO' && Default === null && Extra === '')
      .map(({ Field }) => String(Field).toLowerCase())
      .filter((name) => !(COLUMNS[format] as readonly string[]).includes(name));
    if (demanded.length > 0) {
      throw new TargetError(
        `the table ${table} demands a value for ${demanded.join(' and ')}, which events do not have`,
      );
    }
    this.#hashed = names.has('key_hash');
    if (format === 'access') return;
    const [keys] = await connection.query<RowDataPacket[]>(`SHOW INDEX FROM ${this.#table} WHERE Non_unique = 0`);
    if (!keys.some((row) => ['key_name', 'key_hash'].includes(String(row.Column_name).toLowerCase()))) {
      throw new TargetError(
        `the table ${table} has no unique key on key_name or key_hash, which format namespace needs`,
      );
    }
  }
}

/** A table, with or without its database. Throws TargetSettingsError. */
function quoteTable(table: string): string {
  const parts = table.split('.').map((part) => part.replace(/^`(.*)`$/, '$1'));
  if (parts.length > 2 || parts.some((part) => part === '' || part.includes('`') || part.length > 64)) {
    throw new TargetSettingsError(`table must be the name of a table, not ${JSON.stringify(table)}`);
  }
  return parts.map((part) => `\`${part}\``).join('.');
}
