// What the volume needs of an object store. Keys are full keys, volume name included.

export interface ObjectStore {
  /** For messages, without secrets. */
  readonly description: string;
  /** Bytes worth asking for at once where parts of an object may be read. */
  readonly readUnit: number;
  /** Stores an object whole, or not at all. */
  put(key: string, body: Uint8Array): Promise<void>;
  /**
   * The object's bytes, or [start, end) of them, cut where the object ends. `ObjectMissingError` when there is none.
   */
  get(key: string, range?: { start: number; end: number }, signal?: AbortSignal): Promise<Uint8Array>;
  /** Fine when there is none. */
  delete(key: string): Promise<void>;
  /** Some keys that begin with the prefix, in any order. */
  list(prefix: string, limit: number): Promise<string[]>;
  close(): Promise<void>;
}

/** There is no object of that key. */
export class ObjectMissingError extends Error {
  constructor(key: string, options?: { cause?: unknown }) {
    super(`there is no object ${key}`, options);
    this.name = 'ObjectMissingError';
  }
}
