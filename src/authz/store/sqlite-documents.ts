// Documents in a SQLite file: the store of a sidecar on one machine. Several sidecars there may share the file.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
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

/** How long the driver may hold the event loop for a lock; longer waits are asynchronous. */
const BUSY_TIMEOUT_MS = 3;
const FIRST_PAUSE_MS = 2;
const MOST_PAUSE_MS = 50;
/** How often other processes' changes are looked for: SQLite tells nobody, and looking takes some microseconds. */
export const WATCH_INTERVAL_MS = 20;

const SQLITE_BUSY = 5;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS documents (
  kind TEXT NOT NULL, name TEXT NOT NULL, text TEXT, revision INTEGER NOT NULL, changed_ms INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID, STRICT;
CREATE INDEX IF NOT EXISTS documents_revision ON documents (revision);
CREATE INDEX IF NOT EXISTS documents_removed ON documents (changed_ms) WHERE text IS NULL;
CREATE TABLE IF NOT EXISTS revision (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO revision VALUES (1, 0);
`;

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly text: string | null;
}

export class SqliteDocuments implements DocumentDatabase {
  readonly description: string;
  readonly #db: DatabaseSyncInstance;
  /** Sees what is committed, while a change is under way on the other. */
  readonly #reading: DatabaseSyncInstance;
  readonly #dataVersion: ReturnType<DatabaseSyncInstance['prepare']>;
  readonly #lock = new ProcessLock();
  readonly #timers = new Set<NodeJS.Timeout>();

  private constructor(path: string, db: DatabaseSyncInstance, reading: DatabaseSyncInstance) {
    this.description = `sqlite ${path}`;
    this.#db = db;
    this.#reading = reading;
    this.#dataVersion = reading.prepare('PRAGMA data_version');
  }

  /** Opens the file, and makes it if it is missing, for this user alone. */
  static async open(file: string): Promise<SqliteDocuments> {
    const path = resolve(file);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Whatever the umask: secrets lie in it. SQLite gives the files beside it the same permissions.
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    await untilFree(() => db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${SCHEMA}`));
    return new SqliteDocuments(path, db, new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true }));
  }

  async changesSince(cursor: bigint | undefined): Promise<DocumentChanges> {
    const db = this.#reading;
    return untilFree(() => {
      db.exec('BEGIN');
      try {
        const value = revisionOf(db);
        // A cursor of another file's history.
        const since = cursor === undefined || cursor > BigInt(value) ? undefined : Number(cursor);
        const rows =
          since === undefined
            ? db.prepare('SELECT kind, name, text FROM documents WHERE text IS NOT NULL').all()
            : db.prepare('SELECT kind, name, text FROM documents WHERE revision > ? ORDER BY revision').all(since);
        return {
          documents: (rows as Row[]).flatMap(documentOf),
          whole: since === undefined,
          cursor: BigInt(value),
        };
      } finally {
        db.exec('COMMIT');
      }
    });
  }

  exclusively<T>(work: (transaction: DocumentTransaction) => Promise<T>): Promise<T> {
    return this.#lock.hold(async () => {
      await untilFree(() => this.#db.exec('BEGIN IMMEDIATE'));
      try {
        const result = await work({
          read: async (keys) =>
            keys.map(({ kind, name }) => {
              const row = this.#db.prepare('SELECT text FROM documents WHERE kind = ? AND name = ?').get(kind, name);
              return (row as { text: string | null } | undefined)?.text ?? undefined;
            }),
          write: async (documents) => this.#write(documents),
        });
        await untilFree(() => this.#db.exec('COMMIT'));
        return result;
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  watch(onChange: () => void): () => void {
    let seen = this.#version();
    const timer = setInterval(() => {
      const version = this.#version();
      if (version === seen) return;
      seen = version;
      onChange();
    }, WATCH_INTERVAL_MS);
    timer.unref();
    this.#timers.add(timer);
    return () => {
      clearInterval(timer);
      this.#timers.delete(timer);
    };
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#lock.hold(async () => {
      for (const db of [this.#reading, this.#db]) if (db.isOpen) db.close();
    });
  }

  #write(documents: readonly Document[]): void {
    if (documents.length === 0) return;
    const now = Date.now();
    const revision = revisionOf(this.#db) + 1;
    this.#db.prepare('UPDATE revision SET value = ?').run(revision);
    const upsert = this.#db.prepare(
      'INSERT INTO documents VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text, revision = excluded.revision, changed_ms = excluded.changed_ms',
    );
    for (const { kind, name, text } of documents) upsert.run(kind, name, text ?? null, revision, now);
    this.#db
      .prepare('DELETE FROM documents WHERE text IS NULL AND changed_ms < ? AND revision < ?')
      .run(now - REMEMBER_REMOVED_MS, revision);
  }

  /** Another number once another connection has changed the file. */
  #version(): number {
    return this.#reading.isOpen ? Number(Object.values(this.#dataVersion.get() ?? {})[0]) : 0;
  }
}

function revisionOf(db: DatabaseSyncInstance): number {
  return (db.prepare('SELECT value FROM revision').get() as { value: number }).value;
}

function documentOf({ kind, name, text }: Row): Document[] {
  // Kinds that a later release keeps here are its own.
  return isKind(kind) ? [{ kind, name, text: text ?? undefined }] : [];
}

function isKind(kind: string): kind is RecordTable {
  return (RECORD_TABLES as readonly string[]).includes(kind);
}

/** Tries again while others hold the file. Throws StoreBusy. */
async function untilFree<T>(attempt: () => T): Promise<T> {
  const deadline = Date.now() + CHANGE_TIMEOUT_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, MOST_PAUSE_MS)) {
    try {
      return attempt();
    } catch (error) {
      const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
      if (code !== SQLITE_BUSY) throw error;
      if (Date.now() >= deadline) throw new StoreBusy('others hold the database of identities', { cause: error });
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }
}
