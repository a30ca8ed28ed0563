// Ordered pages of a directory's names. A small directory is read whole each time. Of a large one, one scan collects the names,
// which are kept for the following pages while the directory does not change, or not by much against the cost of a scan.
import { LRUCache } from 'lru-cache';
import type { NameRange } from '../engine.ts';
import { NameList } from './name-list.ts';
import type { RedisConnection } from './redis-connection.ts';
import { asArray, asBuffer, asNumber } from './redis-reply.ts';

/** Directories up to this many entries are read whole. */
export const SMALL_DIRECTORY = 2000;
const SCAN_COUNT = 5000;
/** Memory that kept names may take, all directories together. */
const MAX_KEPT_BYTES = 128 << 20;
/** A directory's mtime is not written again within this time of the last change (the Go client's --skip-dir-mtime and clocks apart). */
const MTIME_SLACK_NS = 2_000_000_000n;
/** Names of a changing directory are kept for this many times as long as it took to collect them. */
const STALE_FACTOR = 10;

interface Kept {
  readonly names: NameList;
  readonly mtimeNs: bigint;
  readonly entries: number;
  readonly began: number;
  readonly took: number;
}

export class RedisListing {
  readonly #kept = new LRUCache<string, Kept>({ maxSize: MAX_KEPT_BYTES, sizeCalculation: ({ names }) => names.size });
  readonly #scans = new Map<string, Promise<Kept>>();

  /** At most `limit` names of the hash, in order. `mtimeNs`: of the directory, read before. */
  async names(
    connection: RedisConnection,
    key: string,
    mtimeNs: bigint,
    range: NameRange,
    limit: number,
  ): Promise<Buffer[]> {
    const entries = asNumber(await connection.call('HLEN', key));
    const continues = (range.after?.length ?? 0) > 0;
    const kept = entries <= SMALL_DIRECTORY ? undefined : this.#usable(key, mtimeNs, entries, continues);
    const names = (kept ?? (await this.#collect(connection, key, mtimeNs, entries))).names;
    const page: Buffer[] = [];
    const from =
      range.from === undefined
        ? names.placeAfter(range.after ?? Buffer.of(), false)
        : names.placeAfter(range.from, true);
    for (let place = from; page.length < limit; place++) {
      const name = names.at(place);
      if (name === undefined || (range.before !== undefined && Buffer.compare(name, range.before) >= 0)) break;
      page.push(name);
    }
    return page;
  }

  #usable(key: string, mtimeNs: bigint, entries: number, continues: boolean): Kept | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    const settled = BigInt(kept.began) * 1_000_000n > kept.mtimeNs + MTIME_SLACK_NS;
    if (settled && kept.mtimeNs === mtimeNs && kept.entries === entries) return kept;
    const fresh = Date.now() - kept.began < kept.took * STALE_FACTOR;
    return continues && fresh ? kept : undefined;
  }

  /** One scan at a time of a directory. */
  #collect(connection: RedisConnection, key: string, mtimeNs: bigint, entries: number): Promise<Kept> {
    const running = this.#scans.get(key);
    // A scan that began before this request may have missed what was there when it came.
    if (running !== undefined && entries > SMALL_DIRECTORY)
      return running.then(() => this.#collectNow(connection, key, mtimeNs, entries));
    return this.#collectNow(connection, key, mtimeNs, entries);
  }

  #collectNow(connection: RedisConnection, key: string, mtimeNs: bigint, entries: number): Promise<Kept> {
    const scan = collect(connection, key, mtimeNs, entries).finally(() => {
      if (this.#scans.get(key) === scan) this.#scans.delete(key);
    });
    if (entries > SMALL_DIRECTORY) this.#scans.set(key, scan);
    return scan.then((kept) => {
      if (kept.entries > SMALL_DIRECTORY) this.#kept.set(key, kept);
      return kept;
    });
  }
}

async function collect(connection: RedisConnection, key: string, mtimeNs: bigint, entries: number): Promise<Kept> {
  const began = Date.now();
  const names = new NameList();
  if (entries <= SMALL_DIRECTORY) {
    for (const name of asArray(await connection.call('HKEYS', key))) names.add(asBuffer(name));
  } else {
    for (let cursor = '0', done = false; !done; done = cursor === '0') {
      const [next, page] = asArray(await connection.call('HSCAN', key, cursor, 'COUNT', SCAN_COUNT));
      cursor = String(next);
      asArray(page ?? null).forEach((part, i) => {
        if (i % 2 === 0) names.add(asBuffer(part));
      });
    }
  }
  names.sort();
  return { names, mtimeNs, entries, began, took: Date.now() - began };
}
