// Holds the current snapshot and makes the next: on an interval, when the store tells of a change, and when somebody presents an
// access key that is not known yet. A load that fails leaves the snapshot that stands.
import type { IamRecords, IamStore } from '../store/iam-store.ts';
import type { RootUser, SnapshotProblem } from './known-identities.ts';
import type { PolicySettings } from './policy-program.ts';
import { IamSnapshot } from './snapshot.ts';

/** Least time between two loads that unknown access keys cause. */
export const UNKNOWN_KEY_RELOAD_GAP_MS = 1_000;
/** How many times longer than a load the time to the next is at least, where requests cause it. */
const RELOAD_SHARE = 20;

/** A shorter interval than this would only load the store. */
const MIN_REFRESH_MS = 100;
/** What timers can count to. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What the directory tells its operator. */
export interface DirectoryLog {
  problem(problem: SnapshotProblem): void;
  loaded(revision: string, store: string): void;
  failed(error: unknown): void;
}

export interface DirectoryOptions {
  readonly store: IamStore;
  readonly root: RootUser;
  readonly settings: PolicySettings;
  /** Between two loads, milliseconds; 0 = only when asked. */
  readonly refreshMs: number;
  readonly log: DirectoryLog;
  readonly nowMs: () => number;
}

export class IamDirectory {
  readonly #options: DirectoryOptions;
  #snapshot: IamSnapshot;
  #loading: Promise<void> | undefined;
  #again = false;
  /** Counts changes made here, so that a load which began before one is not taken for news. */
  #changes = 0;
  #reloadedForUnknownAt = Number.NEGATIVE_INFINITY;
  /** How long the last load took: strangers must not keep the process busy with loading. */
  #loadMs = 0;
  /** When the load that stands, and the last one, whatever came of it, were begun; of a clock that never goes back. */
  #loadedAt = performance.now();
  #triedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #unwatch: () => void = () => undefined;
  #reported = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #loads = { done: 1, failed: 0 };

  private constructor(options: DirectoryOptions, snapshot: IamSnapshot) {
    this.#options = options;
    this.#snapshot = snapshot;
  }

  /** Loads the first snapshot; throws when the store cannot be read. The directory owns the store. */
  static async open(options: DirectoryOptions): Promise<IamDirectory> {
    const snapshot = new IamSnapshot(await options.store.load(), options.root, options.settings);
    const directory = new IamDirectory(options, snapshot);
    directory.#report(snapshot);
    directory.#unwatch = options.store.watch(() => void directory.refresh());
    if (options.refreshMs > 0) {
      const every = Math.min(Math.max(options.refreshMs, MIN_REFRESH_MS), MAX_TIMER_MS);
      directory.#timer = setInterval(() => void directory.refresh(), every);
      directory.#timer.unref();
    }
    return directory;
  }

  /** The state to decide by. */
  get current(): IamSnapshot {
    return this.#snapshot;
  }

  /** How often the store was read, and could not be. */
  get loads(): { readonly done: number; readonly failed: number } {
    return this.#loads;
  }

  /** Calls `listener` whenever the snapshot is another one. Answers how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Loads again; joins a load under way, and follows it with another if it might have missed what the caller knows of. Never throws. */
  async refresh(): Promise<void> {
    if (this.#loading !== undefined) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = this.#load();
    try {
      await this.#loading;
    } finally {
      this.#loading = undefined;
    }
  }

  /** Shows a change that was just written to the store. `change` gets the records that stand and the revision of the next. */
  apply(change: (records: IamRecords, revision: string) => IamRecords): void {
    const { root, settings } = this.#options;
    this.#changes += 1;
    const records = change(this.#snapshot.records, `${this.#snapshot.revision.split('+')[0]}+${this.#changes}`);
    this.#show(new IamSnapshot(records, root, settings, this.#snapshot));
  }

  /** Loads because of an access key that is not known. Undefined when it is too soon: then the key is unknown. */
  refreshForUnknownKey(): Promise<void> | undefined {
    const now = this.#options.nowMs();
    const gap = Math.max(UNKNOWN_KEY_RELOAD_GAP_MS, this.#loadMs * RELOAD_SHARE);
    if (Math.abs(now - this.#reloadedForUnknownAt) < gap) return undefined;
    this.#reloadedForUnknownAt = now;
    return this.refresh();
  }

  /** Loads again what was read longer ago. Undefined when it is that young, or was tried in vain since. */
  refreshIfOlder(milliseconds: number): Promise<void> | undefined {
    const gap = Math.max(milliseconds, this.#loadMs * RELOAD_SHARE);
    const now = performance.now();
    if (now - this.#loadedAt < gap) return undefined;
    if (this.#loading !== undefined) return this.#loading;
    return now - this.#triedAt < gap ? undefined : this.refresh();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#unwatch();
    await this.#loading;
    await this.#options.store.close();
  }

  async #load(): Promise<void> {
    const { store, root, settings, log } = this.#options;
    do {
      this.#again = false;
      try {
        const changes = this.#changes;
        const startedAt = performance.now();
        this.#triedAt = startedAt;
        const records = await store.load();
        this.#loadMs = performance.now() - startedAt;
        this.#loads.done += 1;
        this.#loadedAt = startedAt;
        if (changes !== this.#changes) {
          this.#again = true;
          continue;
        }
        if (records.revision === this.#snapshot.revision) continue;
        this.#show(new IamSnapshot(records, root, settings, this.#snapshot));
      } catch (error) {
        this.#loads.failed += 1;
        log.failed(error);
      }
    } while (this.#again);
  }

  #show(snapshot: IamSnapshot): void {
    this.#snapshot = snapshot;
    this.#report(snapshot);
    for (const listener of this.#listeners) listener();
  }

  /** Each problem once, until it went away and came back. */
  #report(snapshot: IamSnapshot): void {
    const { log, store } = this.#options;
    log.loaded(snapshot.revision, store.name);
    const now = new Set<string>();
    for (const problem of snapshot.problems) {
      const id = `${problem.subject}\0${problem.problem}`;
      now.add(id);
      if (!this.#reported.has(id)) log.problem(problem);
    }
    this.#reported = now;
  }
}
