// What a watch of etcd has told and nobody has taken yet, so that a reader who was told of a change need not search all entries for it.
// It knows from where to where it knows everything, and answers for nothing else.
import type { EtcdChange } from '../../etcd/etcd-watch.ts';

/** Changes kept; a reader that is further behind reads the entries. */
const MOST_KEPT = 5_000;

/** An entry as it is now; without a value it was removed. */
export interface WatchedEntry {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

export class WatchedChanges {
  /** By key, the newest each. */
  #kept = new Map<string, { readonly entry: WatchedEntry; readonly revision: bigint }>();
  /** All changes behind this revision, up to `#to`, are kept. Undefined: something may have been missed. */
  #from: bigint | undefined;
  #to = 0n;

  /** @param from the watch tells all changes behind it */
  constructor(from: bigint) {
    this.#from = from;
    this.#to = from;
  }

  add(changes: readonly EtcdChange[]): void {
    for (const change of changes) {
      const [key, value, revision] =
        change.type === 'put'
          ? [change.entry.key, change.entry.value, change.entry.modRevision]
          : [change.key, undefined, change.modRevision];
      this.#kept.set(key.toString('latin1'), { entry: { key, value }, revision });
      if (revision > this.#to) this.#to = revision;
    }
    if (this.#kept.size <= MOST_KEPT) return;
    this.#kept.clear();
    if (this.#from !== undefined) this.#from = this.#to;
  }

  /** Something may have been missed. */
  miss(): void {
    this.#kept.clear();
    this.#from = undefined;
  }

  /** Somebody has read everything up to this revision by himself, after whatever was missed. */
  caughtUp(revision: bigint): void {
    this.#forget(revision);
    if (this.#from === undefined || this.#from < revision) this.#from = revision;
    if (this.#to < revision) this.#to = revision;
  }

  /**
   * The entries that changed behind `cursor`, and up to where; undefined when not everything up to `least` is known here.
   * They are forgotten here.
   */
  take(
    cursor: bigint,
    least: bigint,
  ): { readonly entries: readonly WatchedEntry[]; readonly revision: bigint } | undefined {
    if (this.#from === undefined || cursor < this.#from || this.#to < least) return undefined;
    const entries = [...this.#kept.values()].filter(({ revision }) => revision > cursor).map(({ entry }) => entry);
    const revision = this.#to > cursor ? this.#to : cursor;
    this.#forget(revision);
    this.#from = revision;
    return { entries, revision };
  }

  #forget(revision: bigint): void {
    for (const [key, kept] of this.#kept) if (kept.revision <= revision) this.#kept.delete(key);
  }
}
