// Dumps of the metadata that a client stores among the volume's objects from time to time (`meta/dump-….json.gz`), and which of
// them stay. All clients of a volume agree on whose turn it is by an extended attribute of the root. JuiceFS: vfs.Backup.
import { once } from 'node:events';
import { createGzip } from 'node:zlib';
import type { FilesystemContext } from '../meta/filesystem-context.ts';
import { ROOT_INODE } from '../meta/inode.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { VolumeError } from '../volume.ts';
import { dumpVolume } from './dump.ts';

const LAST_BACKUP = 'lastBackup';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A volume with more inodes is not dumped every hour, or more often. */
const MAX_INODES_AN_HOUR = 1_000_000;
/** Whether it is time is looked at this often an interval. */
const LOOKS = 10;
const JITTER = 0.1;
/** The compressed dump is put together in memory. */
const MAX_BACKUP_BYTES = 256 * 1024 * 1024;
const NAME = /^dump-(\d{4}-\d\d-\d\d)-(\d\d)(\d\d)(\d\d)\.json\.gz$/;

export interface BackupParts {
  readonly fs: FilesystemContext;
  readonly objects: ObjectStore;
  /** The dump reads over a connection of its own. */
  readonly metaUrl: string;
}

/** Backs up at `backupIntervalMs`, with all other clients, until stopped. */
export class BackgroundBackup {
  readonly #parts: BackupParts;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: BackupParts) {
    this.#parts = parts;
    this.#plan();
  }

  /** A dump under way is given up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #plan(): void {
    if (this.#stopped) return;
    const { backupIntervalMs, log } = this.#parts.fs.options;
    const wait = (backupIntervalMs / LOOKS) * (1 - JITTER + 2 * JITTER * Math.random());
    this.#timer = setTimeout(() => {
      this.#running = backUpWhenDue(this.#parts, () => this.#stopped)
        .then((name) => {
          if (name !== undefined) log.info('the metadata was backed up', { object: name });
        })
        .catch((error: unknown) => {
          if (this.#stopped) return;
          log.warn('the metadata could not be backed up', {
            reason: error instanceof Error ? error.message : String(error),
          });
        })
        .finally(() => this.#plan());
    }, wait);
    this.#timer.unref();
  }
}

/** Backs up if no client has within the interval; the key of the object, or undefined. */
export async function backUpWhenDue(parts: BackupParts, stopped: () => boolean): Promise<string | undefined> {
  const { fs, objects } = parts;
  const now = new Date();
  if (!(await takeTurn(fs, now))) return undefined;
  const folder = `${fs.format.name}/meta/`;
  const key = `${folder}${backupName(now)}`;
  await objects.put(key, await compressedDump(parts, stopped));
  const names: string[] = [];
  for await (const object of objects.list(folder)) names.push(object.key.slice(folder.length));
  for (const name of backupsToRemove(names, now)) await objects.delete(`${folder}${name}`);
  return key;
}

/** Whether it is this client's turn; it then is nobody else's for the interval. */
async function takeTurn(fs: FilesystemContext, now: Date): Promise<boolean> {
  const { backupIntervalMs, log } = fs.options;
  return fs.engine.write(async (tx) => {
    // Where rows can be held, two clients do not both find it due; elsewhere two may in the same moment, which costs a dump.
    if ((await tx.lockNode(ROOT_INODE)) === undefined) return false;
    const [xattrs] = await tx.xattrs([ROOT_INODE]);
    const last = Date.parse(Buffer.from(xattrs?.get(LAST_BACKUP) ?? []).toString());
    if (now.getTime() - last < backupIntervalMs) return false;
    const inodes = await tx.counter('totalInodes');
    if (backupIntervalMs <= HOUR_MS && inodes > MAX_INODES_AN_HOUR) {
      log.warn('the metadata is not backed up: too many inodes for this interval; a longer --backup-meta backs it up', {
        inodes,
      });
      return false;
    }
    await tx.setXattr(ROOT_INODE, LAST_BACKUP, Buffer.from(`${now.toISOString().slice(0, 19)}Z`));
    return true;
  });
}

async function compressedDump({ fs, metaUrl }: BackupParts, stopped: () => boolean): Promise<Uint8Array> {
  const { environment, log, backupSkipTrash } = fs.options;
  const gzip = createGzip({ level: 1 });
  const parts: Buffer[] = [];
  let bytes = 0;
  gzip.on('data', (part: Buffer) => {
    bytes += part.length;
    parts.push(part);
  });
  await dumpVolume(metaUrl, {
    environment,
    log,
    skipTrash: backupSkipTrash,
    write: async (text) => {
      if (stopped()) throw new VolumeError('ECANCELED', 'the volume is being closed');
      if (bytes > MAX_BACKUP_BYTES) throw new VolumeError('EIO', 'the dump is too large to be stored; use `dump`');
      if (!gzip.write(text)) await once(gzip, 'drain');
    },
  });
  const end = once(gzip, 'end');
  gzip.end();
  await end;
  return Buffer.concat(parts);
}

/** dump-2026-01-31-235959.json.gz, in UTC. */
export function backupName(time: Date): string {
  const text = time.toISOString();
  return `dump-${text.slice(0, 10)}-${text.slice(11, 19).replaceAll(':', '')}.json.gz`;
}

/**
 * Which backups go: all of two days stay, then the first of each day for two weeks, of each week for two months, of each 30 days
 * for two years. Other names are left alone.
 */
export function backupsToRemove(names: readonly string[], now: Date): string[] {
  const kept = new Set<string>();
  return [...names].sort().filter((name) => {
    const match = NAME.exec(name);
    const time = Date.parse(`${match?.[1]}T${match?.[2]}:${match?.[3]}:${match?.[4]}Z`);
    if (Number.isNaN(time)) return false;
    const span = spanOf((now.getTime() - time) / DAY_MS);
    if (span === undefined) return true;
    if (span === '' || !kept.has(span)) {
      kept.add(span);
      return false;
    }
    return true;
  });
}

/** The span of time that one backup stands for, by its age in days; '' = itself alone; undefined = too old for any. */
function spanOf(days: number): string | undefined {
  if (days < 2) return '';
  if (days < 14) return `day ${Math.floor(days)}`;
  if (days < 60) return `week ${Math.floor((days - 14) / 7)}`;
  return days < 730 ? `month ${Math.floor((days - 60) / 30)}` : undefined;
}
