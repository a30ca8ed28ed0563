// Events into PostgreSQL: a table with a row an object (format namespace), or one that grows (format access). The table is made when
// there is none, as `juicefs gateway` makes it, so that either gateway may fill it.
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type pg from 'pg';
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
import { type PostgresAddress, parsePostgresConnectionString } from './postgres-connection-string.ts';

type Settings = Extract<TargetSettings, { type: 'postgresql' }>;

const CREATE = {
  namespace: (table: string) => `CREATE TABLE IF NOT EXISTS ${table} (key VARCHAR PRIMARY KEY, value JSONB)`,
  access: (table: string) =>
    `CREATE TABLE IF NOT EXISTS ${table} (event_time TIMESTAMP WITH TIME ZONE NOT NULL, event_data JSONB)`,
};
/** SQLSTATEs of refusals of what a row holds: data exceptions, and constraints of the table (not NOT NULL: no row would do). */
const UNACCEPTABLE = /^(?:22|23(?!502))/;
/** What the driver says when the server has no TLS. */
const NO_TLS = /does not support SSL/;

export class PostgresTarget implements EventTarget {
  readonly id: TargetSettings['id'];
  readonly #settings: Settings;
  readonly #address: PostgresAddress;
  readonly #table: string;
  #client: pg.Client | undefined;
  /** The key's column in a table that was there: key, or key_name as in MySQL. */
  #keyColumn = 'key';

  /** Throws TargetSettingsError. */
  constructor(settings: Settings) {
    this.id = settings.id;
    this.#settings = settings;
    this.#address = parsePostgresConnectionString(settings.connectionString);
    this.#table = checkedTable(settings.table);
  }

  async check(): Promise<void> {
    await this.#ready();
  }

  async deliver(events: readonly DeliverableEvent[]): Promise<void> {
    let client: pg.Client;
    try {
      client = await this.#ready();
      await client.query('BEGIN');
    } catch (cause) {
      await this.close();
      throw new DeliveryError(reasonOf(cause), { delivered: 0, cause });
    }
    let done = 0;
    try {
      for (const { json } of events) {
        await client.query(...this.#statement(json));
        done++;
      }
      await client.query('COMMIT');
    } catch (cause) {
      // a failed statement takes the transaction with it: nothing was delivered, and the failing one is tried alone
      await this.close();
      const refused = UNACCEPTABLE.test((cause as { code?: string }).code ?? '');
      if (refused && done > 0) {
        await this.deliver(events.slice(0, done));
        throw new DeliveryError(reasonOf(cause), { delivered: done, unacceptable: true, cause });
      }
      throw new DeliveryError(reasonOf(cause), { delivered: 0, unacceptable: refused, cause });
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // a connection that is broken already has nothing to say at its end
    await client?.end().catch(() => undefined);
  }

  #statement(json: string): [sql: string, values: string[]] {
    const record = JSON.parse(json) as EventRecord;
    const table = this.#table;
    const key = this.#keyColumn;
    const data = `{"Records":[${json}]}`;
    if (this.#settings.format === 'access') {
      return [`INSERT INTO ${table} (event_time, event_data) VALUES ($1, $2)`, [record.eventTime, data]];
    }
    if (isRemoval(record)) return [`DELETE FROM ${table} WHERE ${key} = $1`, [objectPathOf(record)]];
    return [
      `INSERT INTO ${table} (${key}, value) VALUES ($1, $2) ON CONFLICT (${key}) DO UPDATE SET value = EXCLUDED.value`,
      [objectPathOf(record), data],
    ];
  }

  /** A connection to a database with the table. Throws TargetError. */
  async #ready(): Promise<pg.Client> {
    if (this.#client !== undefined) return this.#client;
    const client = await this.#connect();
    try {
      await this.#requireTable(client);
    } catch (cause) {
      await client.end().catch(() => undefined);
      throw cause instanceof TargetError ? cause : new TargetError(reasonOf(cause), { cause });
    }
    client.on('error', () => void this.close());
    this.#client = client;
    return client;
  }

  async #connect(): Promise<pg.Client> {
    const { sslMode } = this.#address;
    try {
      return await this.#connectWith(sslMode !== 'disable' && sslMode !== 'allow');
    } catch (cause) {
      if (sslMode !== 'prefer' || !NO_TLS.test(reasonOf(cause))) throw new TargetError(reasonOf(cause), { cause });
    }
    try {
      return await this.#connectWith(false);
    } catch (cause) {
      throw new TargetError(reasonOf(cause), { cause });
    }
  }

  async #connectWith(tls: boolean): Promise<pg.Client> {
    const { host, port, user, password, database } = this.#address;
    const { default: driver } = await import('pg');
    const client = new driver.Client({
      host,
      port,
      user,
      password,
      database,
      ssl: tls ? this.#tls() : false,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: TARGET_TIMEOUT_MS,
      application_name: 'portcullis',
    });
    // until somebody listens for more, an error of the connection is what connect() rejects with
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    return client;
  }

  #tls(): ConnectionOptions {
    const { sslMode, sslRootCert, sslCert, sslKey } = this.#address;
    const verify = sslMode === 'verify-ca' || sslMode === 'verify-full';
    return {
      rejectUnauthorized: verify,
      ...(sslRootCert === '' ? {} : { ca: readFileSync(sslRootCert, 'utf8') }),
      ...(sslCert === '' ? {} : { cert: readFileSync(sslCert, 'utf8') }),
      ...(sslKey === '' ? {} : { key: readFileSync(sslKey, 'utf8') }),
      // verify-ca trusts the authority whatever the name
      ...(sslMode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    };
  }

  async #requireTable(client: pg.Client): Promise<void> {
    const { format, table } = this.#settings;
    // a table that is there is asked for first: who may write into it need not be allowed to make one
    let columns = await columnsOf(client, this.#table);
    if (columns.length === 0) {
      await client.query(CREATE[format](this.#table));
      columns = await columnsOf(client, this.#table);
    }
    const names = new Set(columns.map(({ name }) => name));
    const key = ['key', 'key_name'].find((name) => names.has(name)) ?? 'key';
    const needed = format === 'namespace' ? [key, 'value'] : ['event_time', 'event_data'];
    const missing = needed.filter((name) => !names.has(name));
    if (missing.length > 0) {
      throw new TargetError(`the table ${table} has no column ${missing.join(' and ')}, which format ${format} needs`);
    }
    const demanded = columns.filter(({ name, needed: must }) => must && !needed.includes(name));
    if (demanded.length > 0) {
      const others = demanded.map(({ name }) => name).join(' and ');
      throw new TargetError(`the table ${table} demands a value for ${others}, which events do not have`);
    }
    this.#keyColumn = key;
    if (format === 'access') return;
    const sql = `SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indnatts = 1 AND a.attname = $2`;
    const { rowCount } = await client.query(sql, [this.#table, key]);
    if (rowCount === 0) {
      throw new TargetError(`the table ${table} has no unique key on ${key}, which format namespace needs`);
    }
  }
}

interface Column {
  readonly name: string;
  /** A row must have a value for it. */
  readonly needed: boolean;
}

/** None when there is no such table. */
async function columnsOf(client: pg.Client, table: string): Promise<Column[]> {
  const sql = `SELECT attname AS name, attnotnull AND NOT atthasdef AND attidentity = '' AS needed FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`;
  const { rows } = await client.query<Column>(sql, [table]);
  return rows;
}

/** A table, with or without its schema, as SQL reads it without quotes. Throws TargetSettingsError. */
function checkedTable(table: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_$]{0,62}(?:\.[A-Za-z_][A-Za-z0-9_$]{0,62})?$/.test(table)) {
    throw new TargetSettingsError(
      `table must be the name of a table (A-Z, a-z, 0-9, '_'), not ${JSON.stringify(table)}`,
    );
  }
  return table;
}
