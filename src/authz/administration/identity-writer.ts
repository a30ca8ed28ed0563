// What changes of identities owe to, and ask of, a store.
import type { IamRecords } from '../store/iam-store.ts';
import type { RecordChanges, Touched } from '../store/record-changes.ts';

/** Makes changes, one at a time. */
export interface IdentityWriter {
  /**
   * Takes the store's lock, reads the touched records again, has `decide` say what to change, writes it, and shows it in this
   * process's snapshot before it resolves. What `decide` throws is thrown, and nothing was changed. When the store fails on the
   * way, the snapshot is read anew and the fault is thrown: a part of the change may be there.
   *
   * Records are written in the order of the tables in RecordChanges' type: identities before what hangs on them.
   */
  change(touched: Touched, decide: (records: IamRecords) => RecordChanges): Promise<void>;
}
