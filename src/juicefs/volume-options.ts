// How a volume is opened: every knob with the default of the Go client, and where warnings go.

/** Receives what a person should know; the library itself never prints. */
export interface VolumeLog {
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(message: string, details?: Readonly<Record<string, unknown>>): void;
}

export interface VolumeOptions {
  /** No session, no writes at all. */
  readonly readOnly?: boolean;
  /** Replaces the format's Bucket, as `--bucket`; for `file` storage with a trailing slash. */
  readonly bucket?: string;
  /** Replaces the format's Storage, as `--storage`. */
  readonly storage?: string;
  /** Replaces the format's storage class, as `--storage-class`. */
  readonly storageClass?: string;
  /** Replaces the format's tag of stored objects (`key=value`), as `--tag`. */
  readonly tag?: string;
  /** Replace the format's limits; Mbps, 0 = unlimited. */
  readonly uploadLimit?: number;
  readonly downloadLimit?: number;
  /** Tries of a transfer after the first. */
  readonly ioRetries?: number;
  /** Time limit of one try. */
  readonly getTimeoutMs?: number;
  readonly putTimeoutMs?: number;
  /** Processes of this client that work on the volume: they share its limits. */
  readonly processes?: number;
  /**
   * Variables that the Go client heeds, too: JFS_RSA_PASSPHRASE, META_PASSWORD, AWS_REGION and so on. The library itself reads no
   * environment.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Bits taken from the mode of what is created. */
  readonly umask?: number;
  /** The user and group that act; not root: permission bits are checked. */
  readonly uid?: number;
  readonly gid?: number;
  /** Time between session refreshes; a session not seen for five of them is dead to others. */
  readonly heartbeatMs?: number;
  /** Run the hourly clean-up jobs and the clean-up of dead sessions. */
  readonly backgroundJobs?: boolean;
  /** Name in the session list; also what absolute symbolic links are relative to. */
  readonly mountpoint?: string;
  /** Blocks uploaded at the same time. */
  readonly maxUploads?: number;
  /** Blocks downloaded at the same time. */
  readonly maxDownloads?: number;
  /** Blocks deleted at the same time; 0 leaves deleting to others. */
  readonly maxDeletes?: number;
  /** Directories of a cache of blocks on local disks; none = no cache. Cached blocks are not encrypted. */
  readonly cacheDirectories?: readonly string[];
  /**
   * A block counts as stored once it is on the disk of `stagingDirectory`, and is uploaded later: an object that was acknowledged may be
   * lost with that disk, and other machines cannot read it before.
   */
  readonly writeback?: boolean;
  /** Where blocks wait for their upload with `writeback`; what earlier processes left there is uploaded also without it. */
  readonly stagingDirectory?: string;
  /** Bytes of the cache, over all processes. */
  readonly cacheSize?: number;
  /** Part of the cache's disk that stays free. */
  readonly freeSpaceRatio?: number;
  /** Mode of cached files. */
  readonly cacheMode?: number;
  /** Which of `processes` this is, from 0. */
  readonly rank?: number;
  /** Blocks fetched whole beside the small part that was asked for, at a time, where there is a cache. */
  readonly prefetch?: number;
  /** Bytes of blocks in memory: under way (uploads waiting, reads ahead), and small ones that were read lately. */
  readonly bufferSize?: number;
  /** The part of `bufferSize` for small blocks that were read lately; default a tenth. */
  readonly smallBlockBytes?: number;
  /** A directory's times are left alone when they are newer than this (and its link count stays). */
  readonly skipDirMtimeMs?: number;
  /** Wait between removing a file without trash and deleting its data, for readers in other processes. */
  readonly deleteGraceMs?: number;
  /** A directory of the volume that is served as its root; its components. Made when it is missing. */
  readonly subdir?: readonly string[];
  /** Try the object store before the volume is opened. */
  readonly checkStorage?: boolean;
  /** Time between dumps of the metadata into the object store, over all clients; 0 = this client makes none. */
  readonly backupIntervalMs?: number;
  /** Leave the trash out of these dumps. */
  readonly backupSkipTrash?: boolean;
  /** Bytes read ahead for one reader, at most; 0 = as many as are worth it. */
  readonly maxReadahead?: number;
  readonly log?: VolumeLog;
  /** The volume became unusable (formatted anew, format gone): the process should end. Operations fail with EIO from then on. */
  readonly onLost?: (reason: Error) => void;
}

/** Options that stand in the place of the format's where they are given. */
type FormatOverrides = 'bucket' | 'storage' | 'storageClass' | 'tag' | 'uploadLimit' | 'downloadLimit';

export type ResolvedVolumeOptions = Required<Omit<VolumeOptions, FormatOverrides>> &
  Pick<VolumeOptions, FormatOverrides>;

const MIB = 1024 * 1024;

const SILENT: VolumeLog = {
  info: () => undefined,
  warn: () => undefined,
};

const DEFAULTS = {
  readOnly: false,
  umask: 0o022,
  uid: 0,
  gid: 0,
  heartbeatMs: 12_000,
  backgroundJobs: true,
  mountpoint: 's3gateway',
  ioRetries: 10,
  getTimeoutMs: 60_000,
  putTimeoutMs: 60_000,
  processes: 1,
  rank: 0,
  cacheDirectories: [],
  writeback: false,
  stagingDirectory: '',
  cacheSize: 100 * 1024 * MIB,
  freeSpaceRatio: 0.1,
  cacheMode: 0o600,
  prefetch: 1,
  environment: {},
  maxUploads: 20,
  maxDownloads: 200,
  maxDeletes: 10,
  bufferSize: 300 * MIB,
  skipDirMtimeMs: 100,
  deleteGraceMs: 10_000,
  subdir: [],
  checkStorage: false,
  backupIntervalMs: 0,
  backupSkipTrash: false,
  maxReadahead: 0,
  log: SILENT,
  onLost: () => undefined,
} as const;

/** Small blocks have this fraction of the buffers. */
const SMALL_BLOCK_SHARE = 10;

/** Fills in the defaults. */
export function resolveOptions(options: VolumeOptions): ResolvedVolumeOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const resolved = { ...DEFAULTS, ...given };
  return { smallBlockBytes: Math.floor(resolved.bufferSize / SMALL_BLOCK_SHARE), ...resolved };
}
