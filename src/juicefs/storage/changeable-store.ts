// The store of an open volume, which another client's change of the settings may replace while it is in use.
import {
  type ByteRange,
  type ObjectBody,
  type ObjectDraft,
  type ObjectStore,
  renewObject,
  type StoredObject,
  type UnfinishedObject,
  unfinishedIn,
} from './object-store.ts';
import type { ReadBuffers } from './read-buffers.ts';

export class ChangeableStore implements ObjectStore {
  #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** New calls go to `next`; the store before it is closed once what is under way there has ended. */
  async replace(next: ObjectStore): Promise<void> {
    const before = this.#store;
    this.#store = next;
    await before.close();
  }

  get description(): string {
    return this.#store.description;
  }

  get readUnit(): number {
    return this.#store.readUnit;
  }

  get local(): boolean {
    return this.#store.local === true;
  }

  put(key: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    return this.#store.put(key, body, signal);
  }

  putUnseen(key: string, body: ObjectBody): Promise<void> | undefined {
    return this.#store.putUnseen?.(key, body);
  }

  draft(key: string): ObjectDraft | undefined {
    return this.#store.draft?.(key);
  }

  get(key: string, range?: ByteRange, signal?: AbortSignal, buffers?: ReadBuffers): Promise<Uint8Array> {
    return this.#store.get(key, range, signal, buffers);
  }

  head(key: string): Promise<StoredObject | undefined> {
    return this.#store.head(key);
  }

  delete(key: string): Promise<void> {
    return this.#store.delete(key);
  }

  list(prefix: string): AsyncIterable<StoredObject> {
    return this.#store.list(prefix);
  }

  renew(key: string): Promise<void> {
    return renewObject(this.#store, key);
  }

  unfinished(folder: string): AsyncIterable<UnfinishedObject> {
    return unfinishedIn(this.#store, folder);
  }

  createBucket(): Promise<void> {
    return this.#store.createBucket();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
