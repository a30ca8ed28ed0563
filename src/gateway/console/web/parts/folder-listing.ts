// What is in a folder of a bucket: read page by page, and put into an order.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiError, messageOf } from '../api/request.ts';
import { listPage, type StoredObject } from '../api/s3.ts';

/** Entries kept of one folder; beyond them the filter has to narrow it. */
const MAX_ENTRIES = 500_000;
/** Names of more entries than this stay in the order of the store, which costs nothing: 10 before 9. */
const MAX_COLLATED = 20_000;

/** A row of a folder; `name` is what its key has beyond the folder's. */
export type Entry =
  | { readonly kind: 'folder'; readonly key: string; readonly name: string }
  | { readonly kind: 'object'; readonly key: string; readonly name: string; readonly object: StoredObject };

export interface Listing {
  readonly entries: readonly Entry[];
  readonly isComplete: boolean;
  readonly isLoading: boolean;
  readonly error: string | undefined;
}

/**
 * Reads a folder page by page, on and on, so that what is seen first is there first. What has come is shown whenever it has doubled, so that
 * the work of showing stays in proportion; a folder that is read again stays as it was until all of it is there.
 */
export function useListing(bucket: string, prefix: string): Listing & { readonly reload: () => void } {
  const [listing, setListing] = useState<Listing>({
    entries: [],
    isComplete: false,
    isLoading: true,
    error: undefined,
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      setListing((before) => ({ ...before, isLoading: true }));
      const entries: Entry[] = [];
      let shown = 0;
      let after: string | undefined;
      do {
        const page = await listPage(bucket, { prefix, after, signal: abort.signal });
        for (const key of page.folders) entries.push({ kind: 'folder', key, name: key.slice(prefix.length) });
        for (const object of page.objects) {
          if (object.key !== prefix) {
            entries.push({ kind: 'object', key: object.key, name: object.key.slice(prefix.length), object });
          }
        }
        after = page.next;
        const isComplete = after === undefined || entries.length >= MAX_ENTRIES;
        if (!isComplete && (round > 0 || entries.length < 2 * shown)) continue;
        shown = entries.length;
        setListing({ entries: [...entries], isComplete, isLoading: !isComplete, error: undefined });
        if (isComplete) return;
      } while (after !== undefined);
    };
    read().catch((error: unknown) => {
      if (abort.signal.aborted) return;
      // What is not there any more is not shown any more.
      const isGone = error instanceof ApiError && error.status === 404;
      setListing((before) => ({
        entries: isGone ? [] : before.entries,
        isComplete: false,
        isLoading: false,
        error: messageOf(error),
      }));
    });
    return () => abort.abort();
  }, [bucket, prefix, round]);
  return { ...listing, reload: useCallback(() => setRound((before) => before + 1), []) };
}

export type SortBy = 'name' | 'size' | 'modified';
export interface Sort {
  readonly by: SortBy;
  readonly down: boolean;
}

/** Folders before objects, those whose names hold the filter. */
export function sorted(entries: readonly Entry[], filter: string, { by, down }: Sort): readonly Entry[] {
  const wanted = filter.toLowerCase();
  const seen = wanted === '' ? entries : entries.filter(({ name }) => name.toLowerCase().includes(wanted));
  const value = (entry: Entry): number =>
    entry.kind === 'folder' ? -1 : by === 'size' ? entry.object.size : entry.object.modified.getTime();
  const direction = down ? -1 : 1;
  const collator = new Intl.Collator(undefined, { numeric: true });
  const compareNames =
    seen.length <= MAX_COLLATED ? collator.compare : (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  return [...seen].sort((a, b) => {
    if (a.kind !== b.kind) return a.kind === 'folder' ? -1 : 1;
    const difference = by === 'name' ? compareNames(a.name, b.name) : value(a) - value(b);
    return difference * direction;
  });
}
