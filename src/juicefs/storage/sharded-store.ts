// One volume over several buckets of the same kind: a hash of the full key says which holds an object.
import {
  type ByteRange,
  type ObjectBody,
  type ObjectStore,
  renewObject,
  type StoredObject,
  type UnfinishedObject,
  unfinishedIn,
} from './object-store.ts';
import type { ReadBuffers } from './read-buffers.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class ShardedStore implements ObjectStore {
  readonly description: string;
  readonly readUnit: number;
  readonly local: boolean;
  readonly #stores: readonly ObjectStore[];

  constructor(stores: readonly [ObjectStore, ...ObjectStore[]]) {
    this.#stores = stores;
    this.description = `shard${stores.length}://${stores[0].description}`;
    this.readUnit = stores[0].readUnit;
    this.local = stores.every(({ local }) => local === true);
  }

  #pick(key: string): ObjectStore {
    const store = this.#stores[fnv1a(key) % this.#stores.length];
    if (store === undefined) throw new Error('a sharded store has no shards');
    return store;
  }

  put(key: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    return this.#pick(key).put(key, body, signal);
  }

  putUnseen(key: string, body: ObjectBody): Promise<void> | undefined {
    return this.#pick(key).putUnseen?.(key, body);
  }

  get(key: string, range?: ByteRange, signal?: AbortSignal, buffers?: ReadBuffers): Promise<Uint8Array> {
    return this.#pick(key).get(key, range, signal, buffers);
  }

  head(key: string): Promise<StoredObject | undefined> {
    return this.#pick(key).head(key);
  }

  delete(key: string): Promise<void> {
    return this.#pick(key).delete(key);
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    for (const store of this.#stores) yield* store.list(prefix);
  }

  renew(key: string): Promise<void> {
    return renewObject(this.#pick(key), key);
  }

  async *unfinished(folder: string): AsyncGenerator<UnfinishedObject> {
    for (const store of this.#stores) yield* unfinishedIn(store, folder);
  }

  async createBucket(): Promise<void> {
    for (const store of this.#stores) await store.createBucket();
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
  }
}

/** FNV-1a, 32 bits, over the key's UTF-8. */
export function fnv1a(key: string): number {
  let hash = FNV_OFFSET;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  return hash;
}
