// What the volume needs of an object store. Keys are full keys, volume name included.

import type { ReadBuffers } from './read-buffers.ts';

/** An object as a listing shows it. */
export interface StoredObject {
  readonly key: string;
  /** Bytes as stored: after compression and encryption. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly mtimeMs: number;
}

/** Part of an object that was never finished, under a name of its own. */
export interface UnfinishedObject extends StoredObject {
  remove(): Promise<void>;
}

/** What somebody writes at is not older than this: a writer that waits long says in between that it is there. */
export const UNFINISHED_YOUNG_MS = 10 * 60_000;

/** What a store holds unfinished; nothing where it can hold no such thing. */
export async function* unfinishedIn(store: ObjectStore, folder: string): AsyncGenerator<UnfinishedObject> {
  if (store.unfinished !== undefined) yield* store.unfinished(folder);
}

/** `renew` of any store: where it must, an object is read and stored again. */
export async function renewObject(store: ObjectStore, key: string): Promise<void> {
  if (store.renew !== undefined) return store.renew(key);
  try {
    await store.put(key, await store.get(key));
  } catch (error) {
    if (!(error instanceof ObjectMissingError)) throw error;
  }
}

export interface ByteRange {
  readonly start: number;
  /** Not included. */
  readonly end: number;
}

/** The bytes of an object: in one piece, or in several that follow each other. */
export type ObjectBody = Uint8Array | readonly Uint8Array[];

/** A body's pieces. */
export function piecesOf(body: ObjectBody): readonly Uint8Array[] {
  return body instanceof Uint8Array ? [body] : body;
}

/** A body in one piece; copied unless it is one already. */
export function wholeOf(body: ObjectBody): Uint8Array {
  const [first, ...more] = piecesOf(body);
  return first !== undefined && more.length === 0 ? first : Buffer.concat(piecesOf(body));
}

/** Bytes of a body. */
export function bytesOf(body: ObjectBody): number {
  return piecesOf(body).reduce((total, { length }) => total + length, 0);
}

/** An object that nobody sees yet. */
export interface ObjectDraft {
  /** Adds bytes; one call at a time. */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** Makes the object be there under its key, whole. */
  publish(key: string): Promise<void>;
  /** Leaves nothing; also after a call that failed. */
  discard(): Promise<void>;
}

export interface ObjectStore {
  /** For messages, without secrets. */
  readonly description: string;
  /** Bytes worth asking for at once where parts of an object may be read. */
  readonly readUnit: number;
  /**
   * True where objects are files of this machine: a read cannot be broken off, and the operating system fetches ahead and keeps
   * what was read lately, so that little is to be gained from doing the same here.
   */
  readonly local?: boolean;
  /** Stores an object whole, or not at all. */
  put(key: string, body: ObjectBody, signal?: AbortSignal): Promise<void>;
  /**
   * As `put`, of an object that nobody looks for before this has ended: until then, and when it fails, a part of it may be there.
   * Undefined where that would be no quicker.
   */
  putUnseen?(key: string, body: ObjectBody): Promise<void> | undefined;
  /**
   * The object's bytes, or [start, end) of them, cut where the object ends. `ObjectMissingError` when there is none.
   * A store that reads into memory of its own may take that from `buffers`, and what it answers then may be given back there.
   */
  get(key: string, range?: ByteRange, signal?: AbortSignal, buffers?: ReadBuffers): Promise<Uint8Array>;
  /**
   * Begins an object whose bytes come bit by bit, and whose key is known in full at its end: the one given but for the end of its last
   * part. Undefined where objects are stored whole only.
   */
  draft?(key: string): ObjectDraft | undefined;
  /** The object without its bytes; undefined when there is none. */
  head(key: string): Promise<StoredObject | undefined>;
  /** Fine when there is none. */
  delete(key: string): Promise<void>;
  /** Makes an object as young as if it were stored now; fine when there is none. Absent where only storing it again does. */
  renew?(key: string): Promise<void>;
  /** All objects whose key begins with the prefix, in any order, in bounded memory. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /**
   * What writers that were killed left of objects below a folder (a key that ends with '/') and no listing shows, and what writers at
   * work have not finished: that is never older than `UNFINISHED_YOUNG_MS`. Absent where nothing can be left.
   */
  unfinished?(folder: string): AsyncIterable<UnfinishedObject>;
  /** Makes the bucket or directory if it is not there. */
  createBucket(): Promise<void>;
  close(): Promise<void>;
}

/** There is no object of that key. */
export class ObjectMissingError extends Error {
  constructor(key: string, options?: { cause?: unknown }) {
    super(`there is no object ${key}`, options);
    this.name = 'ObjectMissingError';
  }
}

/** The store refuses for good: trying again cannot help. */
export class ObjectRefusedError extends Error {
  /** What the store calls it, as in `AccessDenied`. */
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ObjectRefusedError';
    this.code = code;
  }
}
