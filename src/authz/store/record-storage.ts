// A store that can be written to, one record at a time.
import type { IamRecords, Unreadable } from './iam-store.ts';
import type { RecordChanges, RecordTable } from './record-changes.ts';

type Stored<T extends RecordTable> = IamRecords[T] extends ReadonlyMap<string, infer R> ? R | Unreadable : never;

/** The records as they are stored now. */
export interface RecordAccess {
  /** A record; undefined when there is none. */
  read<T extends RecordTable>(table: T, name: string): Promise<Stored<T> | undefined>;
  /**
   * Writes and removes records, durably once it resolves and the work ends. Each record is changed whole or not at all; identities
   * are changed before what hangs on them, so that a change which stops on the way has taken rights and not given any. Removing
   * what is not there is fine.
   */
  write(changes: RecordChanges): Promise<void>;
}

export interface RecordStorage {
  /** The store can tell what changed since it was last read, so that reading it anew costs little. */
  readonly loadsChanges: boolean;
  /**
   * Runs `work` while nobody else changes the store, as far as the store can keep others from it. It may run again when others were
   * faster, so it must not act outside. Throws StoreBusy.
   */
  exclusively<T>(work: (records: RecordAccess) => Promise<T>): Promise<T>;
}

/** Thrown when others keep the store from being changed; trying again later may help. */
export class StoreBusy extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreBusy';
  }
}
