// Documents in etcd: one key each below a prefix, and one key that every change writes, by which changes are put in order.
import { setTimeout as sleep } from 'node:timers/promises';
import { EtcdClient, type EtcdEntry, type EtcdOperation, prefixEnd } from '../../etcd/etcd-client.ts';
import type { EtcdAddress } from '../../etcd/etcd-url.ts';
import {
  CHANGE_TIMEOUT_MS,
  type Document,
  type DocumentChanges,
  type DocumentDatabase,
  type DocumentKey,
  type DocumentTransaction,
  REMEMBER_REMOVED_MS,
} from './document-database.ts';
import { ProcessLock } from './process-lock.ts';
import { RECORD_TABLES, type RecordTable } from './record-changes.ts';
import { StoreBusy } from './record-storage.ts';
import { WatchedChanges, type WatchedEntry } from './watched-changes.ts';

export const DEFAULT_ETCD_PREFIX = '/portcullis';
/** Operations of one transaction; a server takes 128 unless told otherwise. */
const BATCH_OPERATIONS = 100;
/** And bytes; a server takes 1.5 MiB. */
const BATCH_BYTES = 1024 * 1024;
/** Entries of one answer. */
const PAGE = 2_000;
const FIRST_PAUSE_MS = 2;
const MOST_PAUSE_MS = 100;

/** Before the text of a document; what begins otherwise says when it was removed. */
const PRESENT = '=';
const REMOVED = '-';

export class EtcdDocuments implements DocumentDatabase {
  readonly description: string;
  readonly #client: EtcdClient;
  readonly #root: Buffer;
  /** All documents lie below it. */
  readonly #prefix: Buffer;
  /** Written by every change. */
  readonly #guard: Buffer;
  readonly #lock = new ProcessLock();
  /** Up to where the documents were read. */
  #reached: bigint | undefined;
  #watched: WatchedChanges | undefined;

  private constructor(client: EtcdClient, prefix: string, description: string) {
    this.#client = client;
    this.#root = Buffer.from(`${prefix}/`);
    this.#prefix = Buffer.from(`${prefix}/documents/`);
    this.#guard = Buffer.from(`${prefix}/changed`);
    this.description = description;
  }

  /** Connects. Throws EtcdError. */
  static async open(address: EtcdAddress): Promise<EtcdDocuments> {
    const prefix = address.prefix.replace(/\/+$/, '') || DEFAULT_ETCD_PREFIX;
    const client = new EtcdClient(address);
    const documents = new EtcdDocuments(client, prefix, `etcd ${address.endpoints.join(',')}${prefix}`);
    try {
      await documents.#guardEntry();
    } catch (error) {
      client.close();
      throw error;
    }
    return documents;
  }

  async changesSince(cursor: bigint | undefined): Promise<DocumentChanges> {
    const told = cursor === undefined ? undefined : await this.#toldSince(cursor);
    if (told !== undefined) return told;
    const { entries, revision } = await this.#entriesSince(cursor);
    // A cursor of another cluster's history.
    if (cursor !== undefined && revision < cursor) return this.changesSince(undefined);
    const documents = entries.flatMap((entry) => this.#documentOf(entry));
    if (cursor === undefined) await this.#forgetRemoved(entries);
    this.#reached = revision;
    this.#watched?.caughtUp(revision);
    return { documents, whole: cursor === undefined, cursor: revision };
  }

  /** What the watch has told, if it has told of everything; otherwise the server searches all entries. */
  async #toldSince(cursor: bigint): Promise<DocumentChanges | undefined> {
    const watched = this.#watched;
    if (watched === undefined) return undefined;
    // Every change writes the guard, so that it says how far the watch has to have come.
    const guard = await this.#client.range({ start: this.#guard });
    if (guard.revision < cursor) return undefined;
    const last = guard.entries[0]?.modRevision ?? 0n;
    const told = watched.take(cursor, last > cursor ? last : cursor);
    if (told === undefined) return undefined;
    this.#reached = told.revision;
    const documents = told.entries.flatMap((entry) => this.#documentOf(entry));
    return { documents, whole: false, cursor: told.revision };
  }

  /** Entries written after a revision (undefined: all), as they were at one moment. */
  async #entriesSince(since: bigint | undefined): Promise<{ entries: EtcdEntry[]; revision: bigint }> {
    const entries: EtcdEntry[] = [];
    let start = this.#prefix;
    let revision: bigint | undefined;
    for (;;) {
      const page = await this.#client.range(
        { start, end: prefixEnd(this.#prefix) },
        {
          limit: PAGE,
          ...(revision === undefined ? {} : { revision }),
          ...(since === undefined ? {} : { minModRevision: since + 1n }),
        },
      );
      revision ??= page.revision;
      entries.push(...page.entries);
      const last = page.entries.at(-1);
      if (!page.more || last === undefined) return { entries, revision };
      start = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  exclusively<T>(work: (transaction: DocumentTransaction) => Promise<T>): Promise<T> {
    return this.#lock.hold(async () => {
      const deadline = Date.now() + CHANGE_TIMEOUT_MS;
      for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, MOST_PAUSE_MS)) {
        const guard = { revision: (await this.#guardEntry())?.modRevision ?? 0n };
        try {
          return await work({
            read: (keys) => Promise.all(keys.map((key) => this.#read(key))),
            write: (documents) => this.#write(guard, documents),
          });
        } catch (error) {
          if (!(error instanceof Overtaken)) throw error;
          if (Date.now() >= deadline) {
            throw new StoreBusy('others keep changing the identities in etcd', { cause: error });
          }
        }
        await sleep(pause * (0.5 + Math.random() / 2));
      }
    });
  }

  watch(onChange: () => void): () => void {
    // Behind what was read last, nothing is missed.
    const from = this.#reached;
    const watched = from === undefined ? undefined : new WatchedChanges(from);
    this.#watched = watched;
    const watch = this.#client.watch(
      { start: this.#root, end: prefixEnd(this.#root) },
      from === undefined ? 0n : from + 1n,
      {
        onChanges: (changes) => {
          watched?.add(changes);
          onChange();
        },
        // What changed while nobody was told is looked for.
        onMissed: () => {
          watched?.miss();
          onChange();
        },
        onInterrupted: () => undefined,
      },
    );
    return () => {
      watch.stop();
      this.#watched = undefined;
    };
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  #guardEntry(): Promise<EtcdEntry | undefined> {
    return this.#client.get(this.#guard);
  }

  async #read(key: DocumentKey): Promise<string | undefined> {
    const entry = await this.#client.get(this.#keyOf(key));
    return entry === undefined ? undefined : textOf(entry);
  }

  /** In one transaction where that is possible; every one of them notices when somebody else changed something. */
  async #write(guard: { revision: bigint }, documents: readonly Document[]): Promise<void> {
    const unique = [...new Map(documents.map((document) => [this.#keyOf(document).toString(), document])).values()];
    let batch: EtcdOperation[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      const answer = await this.#client.transaction(
        [{ key: this.#guard, modRevision: guard.revision }],
        [...batch, { put: this.#guard, value: Buffer.from(String(Date.now())) }],
      );
      if (!answer.succeeded) throw new Overtaken();
      guard.revision = answer.revision;
      batch = [];
      bytes = 0;
    };
    for (const document of unique) {
      const value = Buffer.from(document.text === undefined ? `${REMOVED}${Date.now()}` : `${PRESENT}${document.text}`);
      if (batch.length === BATCH_OPERATIONS || (bytes > 0 && bytes + value.byteLength > BATCH_BYTES)) await flush();
      batch.push({ put: this.#keyOf(document), value });
      bytes += value.byteLength;
    }
    await flush();
  }

  /** Removes what says that documents were removed long ago. */
  async #forgetRemoved(entries: readonly EtcdEntry[]): Promise<void> {
    const before = Date.now() - REMEMBER_REMOVED_MS;
    const old = entries.filter((entry) => {
      const value = entry.value.toString();
      return value.startsWith(REMOVED) && Number(value.slice(REMOVED.length)) < before;
    });
    for (const { key, modRevision } of old) {
      await this.#client.transaction([{ key, modRevision }], [{ remove: { start: key } }]);
    }
  }

  #keyOf({ kind, name }: DocumentKey): Buffer {
    return Buffer.concat([this.#prefix, Buffer.from(`${kind}/${name}`)]);
  }

  #documentOf(entry: WatchedEntry): Document[] {
    // the guard, or what a later release keeps beside the documents
    if (!entry.key.subarray(0, this.#prefix.byteLength).equals(this.#prefix)) return [];
    const path = entry.key.subarray(this.#prefix.byteLength).toString();
    const slash = path.indexOf('/');
    const kind = path.slice(0, slash);
    // Kinds that a later release keeps here are its own.
    return isKind(kind) ? [{ kind, name: path.slice(slash + 1), text: textOf(entry) }] : [];
  }
}

/** Somebody else changed something first. */
class Overtaken extends Error {}

function textOf({ value }: Pick<WatchedEntry, 'value'>): string | undefined {
  if (value === undefined) return undefined;
  const text = value.toString();
  return text.startsWith(REMOVED) ? undefined : text.replace(/^=/, '');
}

function isKind(kind: string): kind is RecordTable {
  return (RECORD_TABLES as readonly string[]).includes(kind);
}
