// A store in memory: the one of a service that has none (`none:`, the root user alone), and of tests.
import { createHash } from 'node:crypto';
import type { IamRecords, IamStore } from './iam-store.ts';

export const EMPTY_RECORDS: IamRecords = {
  revision: 'empty',
  users: new Map(),
  serviceAccounts: new Map(),
  sessions: new Map(),
  groups: new Map(),
  policies: new Map(),
  userPolicies: new Map(),
  groupPolicies: new Map(),
  buckets: new Map(),
  server: new Map(),
};

/** Keeps records in memory; `change` replaces some of them and tells who watches. */
export class MemoryIamStore implements IamStore {
  readonly name: string;
  #records: IamRecords;
  #changes = 0;
  readonly #watchers = new Set<() => void>();

  constructor(records: Partial<IamRecords> = {}, name = 'memory') {
    this.name = name;
    this.#records = { ...EMPTY_RECORDS, ...records };
  }

  async load(): Promise<IamRecords> {
    return this.#records;
  }

  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }

  /** Replaces tables of the records. `quietly`: as another process would, unseen until the next load. */
  change(records: Partial<Omit<IamRecords, 'revision'>>, options: { quietly?: boolean } = {}): void {
    this.#changes += 1;
    const revision = createHash('sha256').update(`${this.#changes}`).digest('hex').slice(0, 16);
    this.#records = { ...this.#records, ...records, revision };
    if (options.quietly !== true) for (const watcher of this.#watchers) watcher();
  }

  async close(): Promise<void> {
    this.#watchers.clear();
  }
}
