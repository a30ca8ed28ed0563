// A store that can be written to, one record at a time.
import type { IamRecords, Unreadable } from './iam-store.ts';
import type { RecordChanges, RecordTable } from './record-changes.ts';

type Stored<T extends RecordTable> = IamRecords[T] extends ReadonlyMap<string, infer R> ? R | Unreadable : never;

export interface RecordStorage {
  /** Runs `work` while nobody else changes the store, as far as the store can keep others from it. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** A record as it is stored now; undefined when there is none. */
  read<T extends RecordTable>(table: T, name: string): Promise<Stored<T> | undefined>;
  /**
   * Writes and removes records, durably once it resolves. Each record is changed whole or not at all; identities are changed
   * before what hangs on them, so that a change which stops on the way has taken rights and not given any. Removing what is not
   * there is fine.
   */
  write(changes: RecordChanges): Promise<void>;
}

/** Thrown when others keep the store from being changed; trying again later may help. */
export class StoreBusy extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreBusy';
  }
}
