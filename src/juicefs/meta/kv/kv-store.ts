// What a transactional key-value store must offer to hold a volume: reads with versions, ordered scans, and a commit that
// happens only if what was read still has its version. Keys are given and answered without the volume's own prefix.

export interface KvEntry {
  readonly key: Buffer;
  readonly value: Buffer;
  /** Changes with every write of the key. */
  readonly version: bigint;
}

/** Keys from `start` until before `end`. */
export interface KvRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

/** Ranges that a store reads as of one moment. */
export const MAX_RANGES = 64;

/** The range of one key. */
export function keyRange(key: Buffer): KvRange {
  return { start: key, end: Buffer.concat([key, Buffer.alloc(1)]) };
}

/** What must hold for a commit: a key has its version (0n = it is not there), or a range holds no key. */
export type KvCondition = { readonly key: Buffer; readonly version: bigint } | { readonly empty: KvRange };

/** A write; without a value, the key goes. */
export interface KvWrite {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

export interface KvStore {
  /** For messages: kind and place, without secrets. */
  readonly description: string;
  /** Most conditions, and most writes, of one commit. */
  readonly maxCommit: number;
  /** Entries of some keys, in one round trip; undefined where there is none. */
  get(keys: readonly Buffer[]): Promise<(KvEntry | undefined)[]>;
  /** At most `limit` entries of a range, in bytewise order of their keys. */
  scan(range: KvRange, limit: number): Promise<readonly KvEntry[]>;
  /** Entries of some ranges as of one moment, in one round trip. At most `MAX_RANGES` ranges; for those that hold few entries. */
  together(ranges: readonly KvRange[]): Promise<readonly (readonly KvEntry[])[]>;
  hasAny(range: KvRange): Promise<boolean>;
  /** All writes at once if all conditions hold; false, and nothing, if not. */
  commit(conditions: readonly KvCondition[], writes: readonly KvWrite[]): Promise<boolean>;
  /** Removes every key of the volume. */
  clear(): Promise<void>;
  /** 'lost': worth another try, nothing was done. 'unknown': a commit may have been done. */
  classify(error: unknown): 'lost' | 'unknown' | 'other';
  close(): void;
}

/** The end of the range of all keys that begin with a prefix. */
export function afterPrefix(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] ?? 0xff;
    if (byte < 0xff) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  return Buffer.from([0xff, 0xff]);
}

/** All keys that begin with a prefix. */
export function prefixRange(prefix: Buffer): KvRange {
  return { start: prefix, end: afterPrefix(prefix) };
}
