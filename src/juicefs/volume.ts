// The public face of a JuiceFS volume: what the object layer offers to those who store things in it.
// It speaks of files, directories and attributes; S3, policies and HTTP are unknown here.

/**
 * A path from the root of the volume: its components. Empty = the root itself. Each is 1 to 255 bytes of UTF-8 without
 * '/' and NUL, and neither '.' nor '..'; anything else is refused (EINVAL, ENAMETOOLONG), so that no path can climb.
 * (Other clients may have made names of up to 1024 bytes, and names that are not UTF-8: these are found, listed, read and
 * removed, too, with each stray byte as the lone surrogate U+DC00 + byte. See raw-text.ts.)
 */
export type VolumePath = readonly string[];

export type InodeType = 'file' | 'directory' | 'symlink' | 'fifo' | 'blockdev' | 'chardev' | 'socket';

/** Attributes of an inode. Times are nanoseconds since the epoch. */
export interface Attributes {
  readonly inode: bigint;
  readonly type: InodeType;
  readonly mode: number; // permission bits, & 0o7777
  readonly uid: number;
  readonly gid: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly nlink: number;
  readonly size: number; // bytes; directories 4096
  readonly parent: bigint; // 0 = a file with several links
}

/** One entry of a directory listing. */
export interface DirectoryEntry {
  readonly name: string;
  readonly attributes: Attributes;
}

export interface ListOptions {
  /** Only entries whose name starts with this. */
  readonly prefix?: string;
  /** Only entries whose sort key (see `Volume.list`) is greater than this, bytewise. */
  readonly after?: string;
  /** Entries fetched in one round trip; a hint. */
  readonly pageSize?: number;
}

/** Error numbers of the volume; the codes are POSIX's. */
export type ErrnoCode =
  | 'ENOENT'
  | 'EEXIST'
  | 'ENOTDIR'
  | 'EISDIR'
  | 'ENOTEMPTY'
  | 'EINVAL'
  | 'ENAMETOOLONG'
  | 'EACCES'
  | 'EPERM'
  | 'EROFS'
  | 'ENOSPC'
  | 'EDQUOT'
  | 'ELOOP'
  | 'ENODATA'
  | 'EIO'
  | 'EBUSY'
  | 'ECANCELED';

/** What went wrong in the volume. EIO and EBUSY are faults (an engine, a store, a damaged block); the rest are answers. */
export class VolumeError extends Error {
  readonly code: ErrnoCode;
  constructor(code: ErrnoCode, message: string, options?: { cause?: unknown }) {
    super(`${code}: ${message}`, options);
    this.name = 'VolumeError';
    this.code = code;
  }
}

/**
 * The connection to the metadata engine broke while it was committing: the change may be done, or not. What it refers to must
 * be left alone; the caller has no acknowledgement, and may look or try again.
 */
export class CommitUnknownError extends VolumeError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('EIO', message, options);
    this.name = 'CommitUnknownError';
  }
}

/** Pieces up to this many bytes stay as they are, also when a file is read with `reuse`. */
export const LASTING_PIECE_BYTES = 64 * 1024;

export interface ReadOptions {
  /** The reader is done with a piece, bytes and memory, when it asks for the next. */
  readonly reuse?: boolean;
}

/** Data of a file is missing or damaged where it is stored: trying again cannot help, and other files may be well. */
export class DataLostError extends VolumeError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('EIO', message, options);
    this.name = 'DataLostError';
  }
}

/** An open file; a snapshot of its attributes and slices is taken when it is opened, and its data stays readable until `close`. */
export interface FileReader {
  readonly attributes: Attributes;
  /**
   * Streams [start, end) (bytes; clipped to the size). Read-ahead is bounded; stopping the iteration cancels it. With `reuse`, which
   * saves making memory for each piece, a piece of more than LASTING_PIECE_BYTES may be written over once the next is asked for.
   */
  read(start: number, end: number, signal?: AbortSignal, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** All bytes at once, held by the caller alone: for files known to be small. */
  readAll(signal?: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What decides whether a commit may replace what stands at the path. Runs inside the commit's transaction, so it may run again. */
export type CommitGuard = (existing: ExistingFile | undefined) => void;
export interface ExistingFile {
  readonly attributes: Attributes;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
}

/** A file that was found and opened at once. */
export interface OpenedFile extends ExistingFile {
  /** Undefined for a directory. To be closed. */
  readonly reader: FileReader | undefined;
}

export interface CommitOptions {
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
  /** Throws to refuse the commit; what it throws is what `commit` throws. */
  readonly guard?: CommitGuard;
}

/** A file being written: its blocks are uploaded as they fill, and nothing is visible before `commit`. */
export interface FileWriter {
  /** Bytes written so far. */
  readonly size: number;
  /** Resolves when the writer can take more (bounded memory). The bytes are copied before it resolves. */
  write(data: Uint8Array): Promise<void>;
  /** As `write`, without the copy: the bytes are the writer's, and nobody may write over them any more. */
  take(data: Uint8Array): Promise<void>;
  /**
   * Uploads what is left, then makes the file exist at its path in one transaction, replacing a file there (which goes to the
   * trash if the volume keeps one) and making missing parent directories. Afterwards the writer is done.
   * EISDIR: a directory stands there. ENOTDIR: a parent is a file.
   */
  commit(options?: CommitOptions): Promise<Attributes>;
  /** Forgets the file and deletes its uploaded blocks. Safe after a failed commit, and twice. */
  abort(): Promise<void>;
}

export interface CreateOptions {
  readonly mode?: number; // before umask; default 0o666
  /** Do not put a replaced file into the trash (temporary files, parts). */
  readonly skipTrash?: boolean;
  /** So many of the path's first names must be there when the file is committed: ENOENT. Directories missing after them are made. */
  readonly existingParents?: number;
}

/** A piece of an existing file, for `composeFile`. Bytes [start, end). */
export interface FilePiece {
  readonly inode: bigint;
  readonly start: number;
  readonly end: number;
}

/** A lock that is held. */
export interface FileLock {
  /** Fine when it is not held any more. */
  release(): Promise<void>;
}

export interface VolumeUsage {
  readonly usedBytes: number;
  readonly usedInodes: number;
}

/**
 * A JuiceFS volume, open. Missing things throw VolumeError ENOENT unless said otherwise. Symbolic links are followed
 * (at most 40, never out of the volume). Every change is one transaction of the metadata engine, seen by other clients at once.
 */
export interface Volume {
  readonly name: string;
  readonly uuid: string;
  readonly readOnly: boolean;

  /** Attributes at a path. */
  stat(path: VolumePath): Promise<Attributes>;
  /** As `stat`, with all extended attributes, in one round trip where the engine can. */
  statWithXattrs(path: VolumePath): Promise<ExistingFile>;
  /** Attributes and xattrs of many entries at once, in order; undefined where there is none. */
  xattrsOf(inodes: readonly bigint[]): Promise<ReadonlyMap<string, Uint8Array>[]>;
  /**
   * The entries of a directory in S3's order: bytewise by sort key, which is the UTF-8 name, with '/' after the names of
   * directories (`a-b` before `a/`). Bounded memory at any size. Symbolic links are resolved (dangling ones left out).
   */
  list(path: VolumePath, options?: ListOptions): AsyncIterable<DirectoryEntry>;
  /** True when the directory has no entries. */
  isEmpty(path: VolumePath): Promise<boolean>;

  /** EEXIST if anything stands there. Mode before umask, default 0o777. */
  mkdir(path: VolumePath, options?: { mode?: number }): Promise<Attributes>;
  /** Makes the directory and its missing parents; fine if it exists. ENOTDIR if a component is a file. */
  mkdirs(path: VolumePath, options?: { mode?: number }): Promise<Attributes>;
  /** ENOTEMPTY; ENOTDIR. `guard` as in CommitOptions. */
  rmdir(path: VolumePath, options?: { guard?: CommitGuard; skipTrash?: boolean }): Promise<void>;
  /** EISDIR for a directory. */
  unlink(path: VolumePath, options?: { guard?: CommitGuard; skipTrash?: boolean }): Promise<void>;
  /** Removes many files of one directory in as few transactions as the engine needs; a result each, same order: undefined or the error. */
  unlinkMany(directory: VolumePath, names: readonly string[]): Promise<(VolumeError | undefined)[]>;
  /** Removes a directory and everything in it. Fine if absent. */
  removeTree(path: VolumePath, options?: { skipTrash?: boolean }): Promise<void>;
  /** POSIX rename; a file may replace a file, a directory an empty directory. */
  rename(from: VolumePath, to: VolumePath): Promise<Attributes>;

  setTimes(path: VolumePath, times: { atimeNs?: bigint; mtimeNs?: bigint }): Promise<void>;
  /** Sets and removes (undefined) extended attributes, all in one transaction. `expectInode`: ESTALE-like ENOENT when another inode stands there now. */
  setXattrs(
    path: VolumePath,
    xattrs: ReadonlyMap<string, Uint8Array | undefined>,
    options?: { expectInode?: bigint },
  ): Promise<void>;

  open(path: VolumePath, options?: { expectInode?: bigint }): Promise<FileReader>;
  /** What `statWithXattrs` says of a path, and the very file open, in one round trip where the engine can. */
  openWithXattrs(path: VolumePath): Promise<OpenedFile>;
  /** Opens by inode (a part that was just listed); ENOENT when it is gone. */
  openInode(inode: bigint): Promise<FileReader>;
  /** Opens many files by inode, in as few round trips as the engine can; same order, undefined for those that are gone or no files. */
  openInodes(inodes: readonly bigint[]): Promise<(FileReader | undefined)[]>;
  /** Attributes of the entry of that name in each directory, in as few round trips; same order. Symbolic links are not followed. */
  childrenNamed(directories: readonly bigint[], name: string): Promise<(Attributes | undefined)[]>;
  create(path: VolumePath, options?: CreateOptions): FileWriter;
  /**
   * Makes a file at `path` out of pieces of other files by reference: no data is copied, slice references are counted. One
   * transaction with the guard, the xattrs and the replacement, as FileWriter.commit. `removeAfter`: a tree removed (without trash) afterwards.
   */
  composeFile(
    path: VolumePath,
    pieces: readonly FilePiece[],
    options?: CommitOptions & CreateOptions & { removeAfter?: VolumePath },
  ): Promise<Attributes>;

  /**
   * Takes the exclusive BSD lock (flock) of a file, which all clients of the volume honour, for this session; undefined when another
   * client holds one. It is this session's, so whoever shares this volume shares it.
   */
  tryLock(inode: bigint): Promise<FileLock | undefined>;

  usage(): Promise<VolumeUsage>;
  /** Flushes statistics, ends the session, closes engine and store. Idempotent. */
  close(): Promise<void>;
}
