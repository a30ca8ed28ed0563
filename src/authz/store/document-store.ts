// A store of identities on a database of documents: reads only what changed since it last looked, and changes documents together.
import { changedDocuments, type DocumentSeal, isSealed, parseDocumentText } from './document-codec.ts';
import type { Document, DocumentDatabase, DocumentTransaction } from './document-database.ts';
import { REMEMBER_REMOVED_MS } from './document-database.ts';
import type { IamRecords, IamStore } from './iam-store.ts';
import { EMPTY_RECORDS } from './memory-store.ts';
import type { RecordTable } from './record-changes.ts';
import type { RecordAccess, RecordStorage } from './record-storage.ts';

/** Changes are asked for in one go up to this age; whoever was away longer reads everything. */
const MOST_AWAY_MS = REMEMBER_REMOVED_MS / 2;

export class DocumentIamStore implements IamStore, RecordStorage {
  readonly name: string;
  readonly loadsChanges = true;
  readonly #database: DocumentDatabase;
  readonly #seal: DocumentSeal | undefined;
  #records: IamRecords = { ...EMPTY_RECORDS, revision: '' };
  #cursor: bigint | undefined;
  #loadedAt = 0;
  /** One load at a time: each begins where the last one ended. */
  #loading: Promise<unknown> = Promise.resolve();

  /** Owns the database from now on. `seal`: how texts lie there, where the service has a KMS key. */
  constructor(database: DocumentDatabase, seal?: DocumentSeal) {
    this.name = database.description;
    this.#database = database;
    this.#seal = seal;
  }

  load(): Promise<IamRecords> {
    const loaded = this.#loading.then(() => this.#load());
    this.#loading = loaded.catch(() => undefined);
    return loaded;
  }

  watch(onChange: () => void): () => void {
    return this.#database.watch(onChange);
  }

  exclusively<T>(work: (records: RecordAccess) => Promise<T>): Promise<T> {
    return this.#database.exclusively((transaction) => work(this.#access(transaction)));
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #load(): Promise<IamRecords> {
    const startedAt = Date.now();
    const cursor = startedAt - this.#loadedAt > MOST_AWAY_MS ? undefined : this.#cursor;
    const changes = await this.#database.changesSince(cursor);
    const changed = changes.documents.length > 0 || changes.whole;
    if (changed) this.#records = this.#withDocuments(changes.whole, changes.documents, `${changes.cursor}`);
    this.#cursor = changes.cursor;
    this.#loadedAt = startedAt;
    return this.#records;
  }

  #withDocuments(whole: boolean, documents: readonly Document[], revision: string): IamRecords {
    const tables = new Map<RecordTable, Map<string, object | string>>();
    const tableOf = (kind: RecordTable): Map<string, object | string> => {
      let table = tables.get(kind);
      if (table === undefined) {
        table = new Map<string, object | string>(whole ? [] : this.#records[kind]);
        tables.set(kind, table);
      }
      return table;
    };
    for (const { kind, name, text } of documents) {
      if (text === undefined) tableOf(kind).delete(name);
      else tableOf(kind).set(name, this.#parse(kind, name, text));
    }
    return { ...(whole ? EMPTY_RECORDS : this.#records), ...Object.fromEntries(tables), revision };
  }

  #parse(kind: RecordTable, name: string, stored: string): object | string {
    if (!isSealed(stored)) return parseDocumentText(kind, stored);
    if (this.#seal === undefined) {
      return { unreadable: 'it is sealed; start the service with the MINIO_KMS_SECRET_KEY that it was written with' };
    }
    const text = this.#seal.open(kind, name, stored);
    return typeof text === 'string' ? parseDocumentText(kind, text) : text;
  }

  #access(transaction: DocumentTransaction): RecordAccess {
    return {
      read: async (kind, name) => {
        const [text] = await transaction.read([{ kind, name }]);
        // One parser a kind; the compiler can't follow that through the generic.
        const record: unknown = text === undefined ? undefined : this.#parse(kind, name, text);
        return record as Awaited<ReturnType<RecordAccess['read']>> & undefined;
      },
      write: (changes) =>
        transaction.write(
          changedDocuments(changes).map((document) => ({
            ...document,
            text:
              document.text === undefined || this.#seal === undefined
                ? document.text
                : this.#seal.seal(document.kind, document.name, document.text),
          })),
        ),
    };
  }
}
