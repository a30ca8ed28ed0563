// Carries changes out: in the store, under its lock, and then in the snapshot that decisions are made by.
import type { IamDirectory } from '../identity/iam-directory.ts';
import type { IamRecords } from '../store/iam-store.ts';
import { ProcessLock } from '../store/process-lock.ts';
import {
  merged,
  RECORD_TABLES,
  type RecordChanges,
  type RecordTable,
  type Touched,
  withChanges,
} from '../store/record-changes.ts';
import type { RecordAccess, RecordStorage } from '../store/record-storage.ts';
import type { IdentityWriter } from './identity-writer.ts';

export class StoreIdentityWriter implements IdentityWriter {
  readonly #storage: RecordStorage;
  readonly #directory: IamDirectory;
  readonly #order = new ProcessLock();

  constructor(storage: RecordStorage, directory: IamDirectory) {
    this.#storage = storage;
    this.#directory = directory;
  }

  change(touched: Touched, decide: (records: IamRecords) => RecordChanges): Promise<void> {
    // One after the other here as well: what was stored last must be shown last.
    return this.#order.hold(() => this.#change(touched, decide));
  }

  async #change(touched: Touched, decide: (records: IamRecords) => RecordChanges): Promise<void> {
    let carriedOut: ((records: IamRecords) => IamRecords) | undefined;
    try {
      await this.#storage.exclusively(async (stored) => {
        carriedOut = undefined;
        // What others changed meanwhile is seen, where that is cheap to find out.
        if (this.#storage.loadsChanges) await this.#directory.refresh();
        const fresh = await readAgain(stored, touched);
        const changes = decide(fresh(this.#directory.current.records));
        if (Object.values(changes).every((table) => table.size === 0)) return;
        carriedOut = (records) => withChanges(fresh(records), changes, records.revision);
        await stored.write(changes);
      });
    } catch (error) {
      // A part of it may have been made.
      if (carriedOut !== undefined) await this.#directory.refresh();
      throw error;
    }
    const show = carriedOut;
    if (show !== undefined) this.#directory.apply((records, revision) => ({ ...show(records), revision }));
  }
}

/** Reads the touched records; answers what puts them in place of the ones in memory. */
async function readAgain(stored: RecordAccess, touched: Touched): Promise<(records: IamRecords) => IamRecords> {
  const found = new Map<RecordTable, Map<string, object | string | undefined>>();
  for (const table of RECORD_TABLES) {
    const records = new Map<string, object | string | undefined>();
    for (const name of touched[table] ?? []) records.set(name, await stored.read(table, name));
    if (records.size > 0) found.set(table, records);
  }
  return (records) => {
    const tables = [...found].map(([table, read]) => [table, merged<object | string>(records[table], read)]);
    return { ...records, ...Object.fromEntries(tables) };
  };
}
