// What a metadata engine offers to the filesystem rules: small primitives over rows, inside a transaction. The rules
// (what a rename does, when a file goes to the trash) are written once above this and know no database.

/** Engines may answer at once or later; the rules await either. */
export type Awaitable<T> = T | Promise<T>;

/** One inode's row. Times are nanoseconds since the epoch; type, mode and flags as stored. */
export interface Node {
  inode: bigint;
  type: number;
  flags: number;
  mode: number;
  uid: number;
  gid: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  nlink: number;
  length: number;
  rdev: number;
  /** 0n = a file that has, or had, several links. */
  parent: bigint;
  accessAcl: number;
  defaultAcl: number;
  tier: number;
}

/** A directory entry: what a name in a directory points to. The type repeats the node's. */
export interface Edge {
  readonly inode: bigint;
  readonly type: number;
}

/** A directory entry with its name and node; the node is absent when the volume is damaged. */
export interface Entry extends Edge {
  readonly name: Uint8Array;
  readonly node: Node | undefined;
}

/** Names to scan: those greater than `after` (or not less than `from`), and less than `before`; bytewise. */
export interface NameRange {
  readonly after?: Uint8Array;
  readonly from?: Uint8Array;
  readonly before?: Uint8Array;
}

/** How far a walk got: `consumed` names were followed, ending at `edge` in directory `parent`. */
export interface Walk {
  /** Names followed; the last of them is not a directory unless all were. */
  readonly consumed: number;
  /** Where the last followed name leads; undefined when none was. */
  readonly edge: Edge | undefined;
  /** The directory that holds the last followed name. */
  readonly parent: bigint;
  /** True when the walk stopped because the next name does not exist. */
  readonly missing: boolean;
  /** The node that a walk to the end of its names arrived at, where the engine had it in the same round trip. */
  readonly node?: Node | undefined;
  /** Of the same node, as of the same moment, if asked for and where the engine had it. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
  /** All chunks of the same node, as of the same moment, if asked for and where the engine had them. */
  readonly chunks?: readonly ChunkRow[] | undefined;
}

/** What a walk should bring along of the node it arrives at, where that takes no step more. */
export type WalkBrings = 'node' | 'xattrs' | 'xattrs and chunks';

/** A chunk's slice records, oldest first, as stored (24 bytes each). */
export interface ChunkRow {
  readonly index: number;
  readonly slices: Uint8Array;
}

/** A file removed from the tree whose data is still to be deleted. */
export interface DeletedFile {
  readonly inode: bigint;
  readonly length: number;
}

/** A deleted file with the unix second of its removal. */
export interface QueuedFile extends DeletedFile {
  readonly queued: number;
}

/** A slice's stored size and reference count. */
export interface SliceRef {
  readonly id: bigint;
  readonly size: number;
  readonly refs: number;
}

/** A slice, as objects and reference counts name it. */
export interface SliceName {
  readonly id: bigint;
  readonly size: number;
}

/** Slices that compaction replaced, kept until the trash expires: 12 bytes each {id u64, size u32}. */
export interface DelayedSlices {
  readonly key: bigint;
  /** When they were replaced, in unix seconds. */
  readonly deleted: number;
  readonly slices: Uint8Array;
}

/** Limits and usage of a directory tree, a user or a group; a limit of 0 or less is none. */
export interface Quota {
  readonly key: bigint;
  readonly maxSpace: number;
  readonly maxInodes: number;
  readonly usedSpace: number;
  readonly usedInodes: number;
}

export type OwnerKind = 'user' | 'group';

/** Usage of a directory's direct children. */
export interface DirectoryUsage {
  length: number;
  space: number;
  inodes: number;
}

/** A chunk and the file it belongs to. */
export interface FileChunk extends ChunkRow {
  readonly inode: bigint;
}

/** Part of a scan over everything of a kind. `next` continues it; undefined = the scan is over. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** A registered client: its number, when it is dead to others (unix seconds), and its JSON description. */
export interface Session {
  readonly id: bigint;
  readonly expire: number;
  readonly info: Uint8Array;
}

/** The counters of what a volume holds. */
export type UsageCounter = 'usedSpace' | 'totalInodes';

/** A BSD lock on a file: who holds it (a session and an owner within it), for reading by several or writing by one. */
export interface Flock {
  readonly session: bigint;
  readonly owner: bigint;
  readonly kind: 'R' | 'W';
}

/** An access control list as stored; 0xffff = not given. */
export interface AclContent {
  readonly owner: number;
  readonly group: number;
  readonly mask: number;
  readonly other: number;
  readonly users: readonly AclEntry[];
  readonly groups: readonly AclEntry[];
}
export interface AclRule extends AclContent {
  readonly id: number;
}
export interface AclEntry {
  readonly id: number;
  readonly perm: number;
}

/** Reads; inside a transaction they see its own changes and nothing half done by others. */
/** A file's attributes and chunks; no node, no file. */
export interface FileState {
  readonly node: Node | undefined;
  readonly chunks: readonly ChunkRow[];
}

export interface MetaReader {
  setting(): Awaitable<string | undefined>;
  node(inode: bigint): Awaitable<Node | undefined>;
  edge(parent: bigint, name: Uint8Array): Awaitable<Edge | undefined>;
  /** Follows names from a directory as far as each leads to a directory; the last may lead to anything. One round trip. */
  walk(start: bigint, names: readonly Uint8Array[], brings?: WalkBrings): Awaitable<Walk>;
  /** Entries in bytewise order of name, at most `limit`. */
  entries(parent: bigint, range: NameRange, limit: number): Awaitable<Entry[]>;
  /** Some entries of a directory, in any order; none when there are none. For removing them all, page by page. */
  someEntries(parent: bigint, limit: number): Awaitable<Entry[]>;
  hasEntries(parent: bigint): Awaitable<boolean>;
  /** The directories holding a link to this inode, one a link; for engines without an index of entries, one a directory. */
  parentsOf(inode: bigint): Awaitable<bigint[]>;
  symlink(inode: bigint): Awaitable<Uint8Array | undefined>;
  /** All extended attributes of each inode, same order; empty maps where there are none. */
  xattrs(inodes: readonly bigint[]): Awaitable<Map<string, Uint8Array>[]>;
  /** A file's chunks in order of index, within [first, last]. */
  chunks(inode: bigint, first?: number, last?: number): Awaitable<ChunkRow[]>;
  /** What `node` and `chunks` say of a file, as of one moment and in one step; undefined where that takes more. */
  file?(inode: bigint): Awaitable<FileState | undefined>;
  /** As `file`, of many, same order; absent where that takes as many steps as files. */
  files?(inodes: readonly bigint[]): Awaitable<FileState[]>;
  /** The node of the entry of that name in each directory, same order; absent where that takes as many steps as directories. */
  childrenNamed?(parents: readonly bigint[], name: Uint8Array): Awaitable<(Node | undefined)[]>;
  /** The chunks that a removed file may still have: by its rows, or where there is no index of them, by its length. */
  chunksOfDeleted(file: DeletedFile): Awaitable<ChunkRow[]>;
  /** 0 when the counter does not exist. */
  counter(name: string): Awaitable<number>;
  sliceRefs(slices: readonly SliceName[]): Awaitable<SliceRef[]>;
  /** Slices nobody refers to any more. */
  unreferencedSlices(limit: number): Awaitable<SliceRef[]>;
  delayedSlices(deletedBefore: number, limit: number): Awaitable<DelayedSlices[]>;
  /** Deleted files queued before this unix second. */
  deletedFiles(queuedBefore: number, limit: number): Awaitable<QueuedFile[]>;
  staleSessions(expiredBefore: number, limit: number): Awaitable<bigint[]>;
  /** Inodes a session keeps alive although they have no link. */
  sustained(session: bigint): Awaitable<bigint[]>;
  /** Roots of trees that an interrupted clone left outside the tree of the volume, begun before this unix second. */
  detachedNodes(begunBefore: number, limit: number): Awaitable<bigint[]>;
  directoryQuotas(): Awaitable<Quota[]>;
  ownerQuota(kind: OwnerKind, id: number): Awaitable<Quota | undefined>;
  ownerQuotas(kind: OwnerKind): Awaitable<Quota[]>;
  /** A directory's statistics; undefined when it has none yet. */
  directoryUsage(inode: bigint): Awaitable<DirectoryUsage | undefined>;
  /** All sessions, live and stale. */
  sessions(): Awaitable<Session[]>;
  aclRules(): Awaitable<AclRule[]>;
  /**
   * About `limit` chunks of any files, in any order, from where `cursor` (a page's `next`) says. A scan gives every chunk that
   * is there from its start to its end at least once.
   */
  scanChunks(cursor: string | undefined, limit: number): Awaitable<Page<FileChunk>>;
  /** As `scanChunks`, for reference counts; engines that keep no row for a slice with one reference leave those out. */
  scanSliceRefs(cursor: string | undefined, limit: number): Awaitable<Page<SliceRef>>;
  /** Whether the database holds nothing that belongs to a volume (under this prefix). */
  isEmpty(): Awaitable<boolean>;
}

/** Changes; all of a transaction's become visible at once, or none. */
export interface MetaTransaction extends MetaReader {
  /**
   * Says that these entries of a directory and the nodes they lead to are read next, so that an engine that pays for each round
   * trip fetches them together. `edge` and `lockNode` answer as they would without it.
   */
  foresee?(parent: bigint, names: readonly Uint8Array[]): Promise<void>;
  /** As `foresee`, of a path from the root: its entries, the nodes of the last two, and another entry elsewhere. */
  foreseePath?(
    names: readonly Uint8Array[],
    other: { readonly parent: bigint; readonly name: Uint8Array },
  ): Promise<void>;
  /** As `foresee`, of the statistics of directories and of the quotas. */
  foreseeUsage?(directories: readonly bigint[]): Promise<void>;
  /** As `node`, held against other writers until the transaction ends. */
  lockNode(inode: bigint): Awaitable<Node | undefined>;
  /**
   * A directory's node as it is now, kept from being removed by others until the transaction ends, while they may still put
   * entries into it. `changedLater`: this transaction is going to touch it. `known`: the node as this transaction has read it,
   * which is the answer where transactions exclude each other.
   */
  holdNode(inode: bigint, changedLater: boolean, known?: Node): Awaitable<Node | undefined>;
  insertNode(node: Node): Awaitable<void>;
  /** Writes every column of an existing node. */
  updateNode(node: Node): Awaitable<void>;
  /** Adds to a directory's link count and sets its mtime and ctime. False when the directory is gone. */
  touchDirectory(inode: bigint, nlinkDelta: number, timeNs: bigint): Awaitable<boolean>;
  deleteNode(inode: bigint): Awaitable<void>;
  /** Adds an entry for a node; a conflict when the name is taken. The node's `parent` is as it is with the entry there. */
  insertEdge(parent: bigint, name: Uint8Array, node: Pick<Node, 'inode' | 'type' | 'parent'>): Awaitable<void>;
  /** Removes an entry; a conflict when it is not there any more, or leads elsewhere. `node` as it was with the entry. */
  deleteEdge(parent: bigint, name: Uint8Array, edge: Edge, node: Pick<Node, 'parent'> | undefined): Awaitable<void>;
  setSymlink(inode: bigint, target: Uint8Array): Awaitable<void>;
  deleteSymlink(inode: bigint): Awaitable<void>;
  setXattr(inode: bigint, name: string, value: Uint8Array): Awaitable<void>;
  deleteXattr(inode: bigint, name: string): Awaitable<void>;
  deleteXattrs(inode: bigint): Awaitable<void>;
  /** Appends slice records to a chunk, making its row when missing. */
  appendSlices(inode: bigint, index: number, records: Uint8Array): Awaitable<void>;
  deleteChunk(inode: bigint, index: number): Awaitable<void>;
  /** As `chunks`, held against other writers until the transaction ends. */
  lockChunks(inode: bigint, first: number, last: number): Awaitable<ChunkRow[]>;
  /** A chunk's records, held against other writers until the transaction ends; undefined when there is no such chunk. */
  lockChunk(inode: bigint, index: number): Awaitable<Uint8Array | undefined>;
  /** Replaces all records of a chunk, making its row when missing. */
  putChunk(inode: bigint, index: number, records: Uint8Array): Awaitable<void>;
  insertSliceRef(id: bigint, size: number): Awaitable<void>;
  addSliceRefs(id: bigint, size: number, delta: number): Awaitable<void>;
  /** Forgets a slice if nobody refers to it. */
  deleteSliceRef(id: bigint, size: number): Awaitable<void>;
  /** False when another client has given them up already. */
  deleteDelayedSlices(row: Pick<DelayedSlices, 'key' | 'deleted'>): Awaitable<boolean>;
  /** Remembers slices that the compaction into slice `key` replaced at this unix second. */
  putDelayedSlices(key: bigint, unixSeconds: number, slices: Uint8Array): Awaitable<void>;
  queueDeletedFile(file: DeletedFile, unixSeconds: number): Awaitable<void>;
  dequeueDeletedFile(file: DeletedFile): Awaitable<void>;
  sustain(session: bigint, inode: bigint): Awaitable<void>;
  release(session: bigint, inode: bigint): Awaitable<void>;
  /** Forgets that a node is outside the tree. */
  deleteDetachedNode(inode: bigint): Awaitable<void>;
  /** Adds to a counter, making it when missing; the new value. */
  addToCounter(name: string, delta: number): Awaitable<number>;
  /** Adds to a counter of usage, which many clients change at the same time without waiting for each other where possible. */
  adjustUsage(name: UsageCounter, delta: number): Awaitable<void>;
  /** Sets a counter to a value, by the meaning it has in `counter` and `addToCounter`. */
  setCounter(name: string, value: number): Awaitable<void>;
  /** Stores `value` and answers true unless the stored one is greater than `value - margin`. */
  setCounterIfSmall(name: string, value: number, margin: number): Awaitable<boolean>;
  /** Adds to a directory's statistics; false when it has none yet. */
  addDirectoryUsage(inode: bigint, delta: DirectoryUsage): Awaitable<boolean>;
  /** Stores a directory's first statistics; a conflict when it has some. */
  insertDirectoryUsage(inode: bigint, usage: DirectoryUsage): Awaitable<void>;
  putDirectoryUsage(inode: bigint, usage: DirectoryUsage): Awaitable<void>;
  deleteDirectoryUsage(inode: bigint): Awaitable<void>;
  addDirectoryQuotaUsage(inode: bigint, space: number, inodes: number): Awaitable<void>;
  deleteDirectoryQuota(inode: bigint): Awaitable<void>;
  /** Stores a directory's quota with its usage; `key` is the inode. */
  putDirectoryQuota(quota: Quota): Awaitable<void>;
  /** Stores a user's or group's quota with its usage; `key` is the uid or gid. */
  putOwnerQuota(kind: OwnerKind, quota: Quota): Awaitable<void>;
  /** Stores an access control list under its number, and keeps that number from being given out again. */
  putAclRule(rule: AclRule): Awaitable<void>;
  /** Stores a new access control list; the number it gets. */
  addAclRule(rule: AclContent): Awaitable<number>;
  addOwnerUsage(kind: OwnerKind, id: number, space: number, inodes: number): Awaitable<void>;
  /** Stores a session; false when the number is taken. */
  insertSession(session: bigint, expire: number, info: Uint8Array): Awaitable<boolean>;
  /** False when the session was cleaned up by others. */
  refreshSession(session: bigint, expire: number): Awaitable<boolean>;
  /** The BSD locks on an inode, held against other writers until the transaction ends. */
  flocks(inode: bigint): Awaitable<Flock[]>;
  putFlock(inode: bigint, lock: Flock): Awaitable<void>;
  deleteFlock(inode: bigint, lock: Pick<Flock, 'session' | 'owner'>): Awaitable<void>;
  /** Removes the session's row and its locks. */
  deleteSession(session: bigint): Awaitable<void>;
  putSetting(text: string): Awaitable<void>;
  deleteAllDirectoryUsage(): Awaitable<void>;
}

/**
 * What a transaction was built on is not true any more: another client was faster. The engine runs the transaction again, so
 * nobody outside an engine sees this.
 */
export class MetaConflict extends Error {
  constructor(what: string) {
    super(`conflict: ${what}`);
    this.name = 'MetaConflict';
  }
}

/** A metadata engine: transactions over one volume's rows. */
export interface MetaEngine {
  /** For messages: the kind and place of the database, without secrets. */
  readonly description: string;
  /** Most entries that one transaction should remove; undefined = any number. */
  readonly removalBatch?: number;
  /** Makes tables and columns that an older volume lacks. */
  prepareForWriting(): Promise<void>;
  /** Reads from one consistent state. */
  read<T>(body: (reader: MetaReader) => Promise<T>): Promise<T>;
  /** Reads of any number: from one consistent state where the database keeps one for free (SQL), each of its own state elsewhere. */
  survey<T>(body: (reader: MetaReader) => Promise<T>): Promise<T>;
  /** Runs a transaction; the body runs again when the engine reports a conflict, so it must not act outside `tx`. */
  write<T>(body: (tx: MetaTransaction) => Promise<T>): Promise<T>;
  /** Reads, each statement of its own state; cheaper than `read`. The body may run again. */
  look<T>(body: (reader: MetaReader) => Promise<T>): Promise<T>;
  /** Removes everything of the volume from the database: tables, or the keys under its prefix. Not to be undone. */
  clear(): Promise<void>;
  close(): Promise<void>;
}
