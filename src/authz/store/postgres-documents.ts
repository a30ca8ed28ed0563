// Documents in PostgreSQL: the store of many sidecars. NOTIFY tells them all of a change as it is committed.
import { Client, type ClientBase, type ClientConfig, Pool } from 'pg';
import {
  CHANGE_TIMEOUT_MS,
  type Document,
  type DocumentChanges,
  type DocumentDatabase,
  type DocumentTransaction,
  REMEMBER_REMOVED_MS,
} from './document-database.ts';
import { ProcessLock } from './process-lock.ts';
import { RECORD_TABLES, type RecordTable } from './record-changes.ts';
import { StoreBusy } from './record-storage.ts';

/** Connections: one changes, one or two read. */
const MAX_CONNECTIONS = 3;
const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 30_000;
/** The listener is lost without a word when a network breaks: it is asked this often whether it is still there. */
const LISTENER_CHECK_MS = 15_000;
const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 5_000;
/** Documents of one statement. */
const BATCH = 1_000;

const CHANNEL = 'portcullis_changed';
/** Keeps two sidecars from making the tables at once. */
const SCHEMA_LOCK = 7_021_845_177_412;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS portcullis_documents (
  kind text NOT NULL, name text NOT NULL, body text, revision bigint NOT NULL, changed_at timestamptz NOT NULL,
  PRIMARY KEY (kind, name)
);
CREATE INDEX IF NOT EXISTS portcullis_documents_revision ON portcullis_documents (revision);
CREATE INDEX IF NOT EXISTS portcullis_documents_removed ON portcullis_documents (changed_at) WHERE body IS NULL;
CREATE TABLE IF NOT EXISTS portcullis_revision (id int PRIMARY KEY CHECK (id = 1), value bigint NOT NULL);
INSERT INTO portcullis_revision VALUES (1, 0) ON CONFLICT DO NOTHING;
`;

/** PostgreSQL: lock_not_available, deadlock_detected, serialization_failure. */
const BUSY_CODES: ReadonlySet<string> = new Set(['55P03', '40P01', '40001']);

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly body: string | null;
}

export class PostgresDocuments implements DocumentDatabase {
  readonly description: string;
  readonly #config: ClientConfig;
  readonly #pool: Pool;
  readonly #listeners = new Set<Listener>();
  readonly #lock = new ProcessLock();

  private constructor(config: ClientConfig, description: string) {
    this.#config = config;
    this.description = description;
    this.#pool = new Pool({ ...config, max: MAX_CONNECTIONS });
    // An idle connection that broke is replaced when it is needed; who needs it hears of an outage.
    this.#pool.on('error', () => undefined);
  }

  /** Connects, and makes the tables if they are missing. Throws what the driver throws. */
  static async open(url: string): Promise<PostgresDocuments> {
    const { host, pathname } = new URL(url);
    const config: ClientConfig = {
      connectionString: url,
      application_name: 'portcullis',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      lock_timeout: CHANGE_TIMEOUT_MS,
      keepAlive: true,
    };
    const documents = new PostgresDocuments(config, `postgres ${host}${pathname}`);
    try {
      await documents.#transaction('BEGIN', async (client) => {
        await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
        await client.query(SCHEMA);
      });
    } catch (error) {
      await documents.close();
      throw error;
    }
    return documents;
  }

  changesSince(cursor: bigint | undefined): Promise<DocumentChanges> {
    return this.#transaction('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', async (client) => {
      const value = await revisionOf(client);
      // A cursor of another database's history.
      const since = cursor === undefined || cursor > value ? undefined : cursor;
      const { rows } =
        since === undefined
          ? await client.query<Row>('SELECT kind, name, body FROM portcullis_documents WHERE body IS NOT NULL')
          : await client.query<Row>(
              'SELECT kind, name, body FROM portcullis_documents WHERE revision > $1 ORDER BY revision',
              [since.toString()],
            );
      return { documents: rows.flatMap(documentOf), whole: since === undefined, cursor: value };
    });
  }

  exclusively<T>(work: (transaction: DocumentTransaction) => Promise<T>): Promise<T> {
    // Those of this process wait here, and not with a connection each.
    return this.#lock.hold(() => this.#exclusively(work));
  }

  async #exclusively<T>(work: (transaction: DocumentTransaction) => Promise<T>): Promise<T> {
    try {
      return await this.#transaction('BEGIN', async (client) => {
        // Whoever changes anything holds this row until it is committed.
        await client.query('SELECT value FROM portcullis_revision FOR UPDATE');
        return work({
          read: async (keys) => {
            const { rows } = await client.query<Row>(
              'SELECT kind, name, body FROM portcullis_documents JOIN unnest($1::text[], $2::text[]) AS k (kind, name) USING (kind, name)',
              [keys.map(({ kind }) => kind), keys.map(({ name }) => name)],
            );
            return keys.map(
              ({ kind, name }) => rows.find((row) => row.kind === kind && row.name === name)?.body ?? undefined,
            );
          },
          write: (documents) => writeDocuments(client, documents),
        });
      });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!BUSY_CODES.has(code)) throw error;
      throw new StoreBusy('others hold the database of identities', { cause: error });
    }
  }

  watch(onChange: () => void): () => void {
    const listener = new Listener(this.#config, onChange);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      listener.stop();
    };
  }

  async close(): Promise<void> {
    for (const listener of this.#listeners) listener.stop();
    this.#listeners.clear();
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #transaction<T>(begin: string, body: (client: ClientBase) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(begin);
      const result = await body(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      try {
        await client.query('ROLLBACK');
      } catch (cause) {
        broken = cause instanceof Error ? cause : new Error(String(cause));
      }
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

/** A connection that waits for notifications, and for another one when it breaks. */
class Listener {
  readonly #config: ClientConfig;
  readonly #onChange: () => void;
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tries = 0;
  #stopped = false;

  constructor(config: ClientConfig, onChange: () => void) {
    this.#config = config;
    this.#onChange = onChange;
    void this.#begin();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  async #begin(): Promise<void> {
    const client = new Client(this.#config);
    this.#client = client;
    const again = (): void => {
      if (this.#client !== client) return;
      this.#drop();
      if (this.#stopped) return;
      const pause = Math.min(RETRY_FIRST_MS * 2 ** this.#tries, RETRY_MOST_MS);
      this.#tries += 1;
      this.#later(() => this.#begin(), pause * (0.5 + Math.random() / 2));
    };
    client.on('error', again);
    client.on('end', again);
    client.on('notification', () => this.#tell());
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
      if (this.#stopped) this.#drop();
      else {
        // What changed while nobody listened is looked for once.
        this.#tries = 0;
        this.#tell();
        this.#check(client, again);
      }
    } catch {
      again();
    }
  }

  #tell(): void {
    if (!this.#stopped) this.#onChange();
  }

  #check(client: Client, again: () => void): void {
    this.#later(async () => {
      try {
        await client.query('SELECT 1');
        if (this.#client === client && !this.#stopped) this.#check(client, again);
      } catch {
        again();
      }
    }, LISTENER_CHECK_MS);
  }

  #later(work: () => Promise<void>, ms: number): void {
    this.#timer = setTimeout(() => void work(), ms);
    this.#timer.unref();
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    // Whatever ending a broken connection says, nobody uses it any more.
    client?.end().catch(() => undefined);
  }
}

async function writeDocuments(client: ClientBase, documents: readonly Document[]): Promise<void> {
  if (documents.length === 0) return;
  const { rows } = await client.query<{ value: string }>(
    'UPDATE portcullis_revision SET value = value + 1 RETURNING value',
  );
  const revision = rows[0]?.value;
  // The last word on a document counts, and a statement may name it once only.
  const unique = [...new Map(documents.map((document) => [`${document.kind}\0${document.name}`, document])).values()];
  for (let from = 0; from < unique.length; from += BATCH) {
    const batch = unique.slice(from, from + BATCH);
    await client.query(
      `INSERT INTO portcullis_documents (kind, name, body, revision, changed_at)
       SELECT kind, name, body, $4, now() FROM unnest($1::text[], $2::text[], $3::text[]) AS d (kind, name, body)
       ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, revision = excluded.revision, changed_at = excluded.changed_at`,
      [batch.map(({ kind }) => kind), batch.map(({ name }) => name), batch.map(({ text }) => text ?? null), revision],
    );
  }
  await client.query(
    "DELETE FROM portcullis_documents WHERE body IS NULL AND changed_at < now() - $1 * interval '1 millisecond'",
    [REMEMBER_REMOVED_MS],
  );
  await client.query(`NOTIFY ${CHANNEL}`);
}

async function revisionOf(client: ClientBase): Promise<bigint> {
  const { rows } = await client.query<{ value: string }>('SELECT value FROM portcullis_revision');
  return BigInt(rows[0]?.value ?? 0);
}

function documentOf({ kind, name, body }: Row): Document[] {
  // Kinds that a later release keeps here are its own.
  return isKind(kind) ? [{ kind, name, text: body ?? undefined }] : [];
}

function isKind(kind: string): kind is RecordTable {
  return (RECORD_TABLES as readonly string[]).includes(kind);
}
