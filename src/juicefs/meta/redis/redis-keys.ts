// The names of the keys and fields of a volume in Redis. JuiceFS: pkg/meta/redis.go.
import type { SliceName } from '../engine.ts';

/** Counters whose key is spelled otherwise. */
const COUNTER_KEYS: Readonly<Record<string, string>> = {
  nextInode: 'nextinode',
  nextChunk: 'nextchunk',
  nextSession: 'nextsession',
};
/** Counters that hold the last used value, one less than what they mean elsewhere. */
const LAST_USED = new Set(['nextInode', 'nextChunk']);

export class RedisKeys {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  of(name: string): string {
    return this.prefix + name;
  }
  node(inode: bigint): string {
    return `${this.prefix}i${inode}`;
  }
  directory(inode: bigint): string {
    return `${this.prefix}d${inode}`;
  }
  parents(inode: bigint): string {
    return `${this.prefix}p${inode}`;
  }
  chunk(inode: bigint, index: number): string {
    return `${this.prefix}c${inode}_${index}`;
  }
  symlink(inode: bigint): string {
    return `${this.prefix}s${inode}`;
  }
  xattrs(inode: bigint): string {
    return `${this.prefix}x${inode}`;
  }
  flocks(inode: bigint): string {
    return `${this.prefix}lockf${inode}`;
  }
  sustained(session: bigint): string {
    return `${this.prefix}session${session}`;
  }
  locked(session: bigint): string {
    return `${this.prefix}locked${session}`;
  }
  counter(name: string): string {
    return this.prefix + (COUNTER_KEYS[name] ?? name);
  }
}

/** What is added to a stored counter to get its meaning. */
export function counterOffset(name: string): number {
  return LAST_USED.has(name) ? 1 : 0;
}

/** The field of a slice's reference count. */
export function sliceField({ id, size }: SliceName): string {
  return `k${id}_${size}`;
}

export function parseSliceField(field: string): SliceName | undefined {
  const match = /^k(\d+)_(\d+)$/.exec(field);
  return match === null ? undefined : { id: BigInt(match[1] ?? 0), size: Number(match[2]) };
}

/** The key of a chunk without its prefix: c{inode}_{index}. */
export function parseChunkKey(key: string): { inode: bigint; index: number } | undefined {
  const match = /^c(\d+)_(\d+)$/.exec(key);
  return match === null ? undefined : { inode: BigInt(match[1] ?? 0), index: Number(match[2]) };
}

/** Keys of a volume, without their prefix: what `clear` may remove, and nothing else of the database. */
export const VOLUME_KEY =
  /^(setting|[idpsx]\d+|c\d+_\d+|sliceRef|delfiles|detachedNodes|delSlices|allSessions|sessionInfos|sessions|session\d+|locked\d+|lock[fp]\d+|dir(DataLength|UsedSpace|UsedInodes)|(dir|user|group)Quota(UsedSpace|UsedInodes)?|acl|aclMaxId|krbToken|krbTokenMaxId|txnLog|txnLastLog|next(inode|chunk|session|Trash|CleanupSlices)|usedSpace|totalInodes|lastCleanup\w+)$/;
