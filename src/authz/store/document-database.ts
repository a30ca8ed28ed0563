// What a database owes to a store of identities: documents by kind and name, changed together, with a cursor over their changes.
import type { RecordTable } from './record-changes.ts';

export interface DocumentKey {
  readonly kind: RecordTable;
  readonly name: string;
}

/** A document; without text it was removed. */
export interface Document extends DocumentKey {
  readonly text: string | undefined;
}

/** What was found since a cursor, and where the next look begins. */
export interface DocumentChanges {
  readonly documents: readonly Document[];
  /** All there is, and not only what changed. */
  readonly whole: boolean;
  readonly cursor: bigint;
}

/** Work on documents that nobody else changes meanwhile. */
export interface DocumentTransaction {
  /** The texts of documents, in order; undefined where there is none. */
  read(keys: readonly DocumentKey[]): Promise<(string | undefined)[]>;
  /** Writes and removes documents, in order where it cannot be at once. Once it resolves, and the work ends, they are durable. */
  write(documents: readonly Document[]): Promise<void>;
}

/** Removed documents are remembered this long, for readers that were away; one that was away longer reads everything. */
export const REMEMBER_REMOVED_MS = 7 * 24 * 60 * 60 * 1000;
/** How long a change waits for others. */
export const CHANGE_TIMEOUT_MS = 20_000;

export interface DocumentDatabase {
  /** For the log: what kind of database and where, no secret. */
  readonly description: string;
  /** What changed since `cursor`; without one, everything. Throws when the database cannot be reached. */
  changesSince(cursor: bigint | undefined): Promise<DocumentChanges>;
  /**
   * Runs `work` while nobody else changes anything. It may run again when others were faster, so it must not act outside.
   * What it throws is thrown, and nothing was changed. Throws StoreBusy when others do not let go.
   */
  exclusively<T>(work: (transaction: DocumentTransaction) => Promise<T>): Promise<T>;
  /** Calls `onChange` soon after any change, by whomever. Answers how to stop. */
  watch(onChange: () => void): () => void;
  /** Idempotent. */
  close(): Promise<void>;
}
