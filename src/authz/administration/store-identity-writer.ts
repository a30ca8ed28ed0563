// Carries changes out: in the store, under its lock, and then in the snapshot that decisions are made by.
import type { IamDirectory } from '../identity/iam-directory.ts';
import type { IamRecords } from '../store/iam-store.ts';
import {
  merged,
  RECORD_TABLES,
  type RecordChanges,
  type RecordTable,
  type Touched,
  withChanges,
} from '../store/record-changes.ts';
import type { RecordStorage } from '../store/record-storage.ts';
import type { IdentityWriter } from './identity-writer.ts';

export class StoreIdentityWriter implements IdentityWriter {
  readonly #storage: RecordStorage;
  readonly #directory: IamDirectory;

  constructor(storage: RecordStorage, directory: IamDirectory) {
    this.#storage = storage;
    this.#directory = directory;
  }

  async change(touched: Touched, decide: (records: IamRecords) => RecordChanges): Promise<void> {
    await this.#storage.exclusively(async () => {
      const fresh = await this.#readAgain(touched);
      const show = (records: IamRecords, changes: RecordChanges): IamRecords =>
        withChanges(fresh(records), changes, records.revision);
      const changes = decide(show(this.#directory.current.records, {}));
      if (Object.values(changes).every((table) => table.size === 0)) return;
      try {
        await this.#storage.write(changes);
      } catch (error) {
        await this.#directory.refresh();
        throw error;
      }
      this.#directory.apply((records, revision) => ({ ...show(records, changes), revision }));
    });
  }

  /** Reads the touched records; answers what puts them in place of the ones in memory. */
  async #readAgain(touched: Touched): Promise<(records: IamRecords) => IamRecords> {
    const found = new Map<RecordTable, Map<string, object | string | undefined>>();
    for (const table of RECORD_TABLES) {
      const records = new Map<string, object | string | undefined>();
      for (const name of touched[table] ?? []) records.set(name, await this.#storage.read(table, name));
      if (records.size > 0) found.set(table, records);
    }
    return (records) => {
      const tables = [...found].map(([table, read]) => [table, merged<object | string>(records[table], read)]);
      return { ...records, ...Object.fromEntries(tables) };
    };
  }
}
