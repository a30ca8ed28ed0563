// The hourly clean-up that any client of a volume does, one of them each hour: removed files whose data is still there,
// slices without references, expired trash, slices that compaction replaced.
import type { BlockStore } from '../chunk/block-store.ts';
import { deleteFileData, deleteSlice, releaseDelayedSlices } from './deleted-data.ts';
import { change, type FilesystemContext } from './filesystem-context.ts';
import { TRASH_INODE, TYPE_DIRECTORY } from './inode.ts';
import { emptyDirectory } from './remove-tree.ts';
import { unixNow } from './session.ts';
import { trashHourOf } from './trash.ts';

const HOUR_MS = 3_600_000;
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
/** A lease is taken again after this part of the hour. */
const LEASE_S = Math.floor(HOUR_S * 0.9);
/** A job stops after this long, to leave the rest to the next hour and other clients. */
const MAX_RUN_MS = 50 * 60_000;
const PAGE = 1000;
const JITTER = 0.1;
/** Hours a trash directory lives beyond its days: it holds removals of a whole hour, and clocks differ. */
const TRASH_GRACE_HOURS = 2;

interface Job {
  readonly name: string;
  readonly lease: string;
  run(fs: FilesystemContext, blocks: BlockStore, goOn: () => boolean): Promise<void>;
}

const JOBS: readonly Job[] = [
  { name: 'removed files', lease: 'lastCleanupFiles', run: cleanDeletedFiles },
  { name: 'unreferenced slices', lease: 'nextCleanupSlices', run: cleanSlices },
  { name: 'trash', lease: 'lastCleanupTrash', run: cleanTrash },
];

/** Runs the jobs about every hour until stopped. */
export class BackgroundJobs {
  readonly #fs: FilesystemContext;
  readonly #blocks: BlockStore;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #running = new Set<Promise<void>>();
  #stopped = false;

  constructor(fs: FilesystemContext, blocks: BlockStore) {
    this.#fs = fs;
    this.#blocks = blocks;
    for (const job of JOBS) this.#plan(job);
  }

  /** A job under way ends at its next step. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#running);
  }

  #plan(job: Job): void {
    if (this.#stopped) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        const run = this.#run(job).finally(() => {
          this.#running.delete(run);
          this.#plan(job);
        });
        this.#running.add(run);
      },
      HOUR_MS * (1 - JITTER + 2 * JITTER * Math.random()),
    );
    timer.unref();
    this.#timers.add(timer);
  }

  async #run(job: Job): Promise<void> {
    try {
      const mine = await this.#fs.engine.write(async (tx) => tx.setCounterIfSmall(job.lease, unixNow(), LEASE_S));
      const end = Date.now() + MAX_RUN_MS;
      if (mine) await job.run(this.#fs, this.#blocks, () => !this.#stopped && Date.now() < end);
    } catch (error) {
      this.#fs.options.log.warn(`cleaning up ${job.name} failed; it is tried again in an hour`, {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** Deletes the data of files removed more than an hour ago. */
export async function cleanDeletedFiles(
  fs: FilesystemContext,
  blocks: BlockStore,
  goOn: () => boolean,
  queuedBefore = unixNow() - HOUR_S,
): Promise<void> {
  const tried = new Set<bigint>();
  while (goOn()) {
    const files = await fs.engine.look(async (reader) => reader.deletedFiles(queuedBefore, PAGE));
    const fresh = files.filter((file) => !tried.has(file.inode));
    if (fresh.length === 0) return;
    for (const file of fresh) {
      if (!goOn()) return;
      tried.add(file.inode);
      if (!fs.openFiles.has(file.inode)) await deleteFileData(fs, blocks, file);
    }
  }
}

/** Deletes slices without references. */
export async function cleanSlices(fs: FilesystemContext, blocks: BlockStore, goOn: () => boolean): Promise<void> {
  if (fs.options.maxDeletes === 0) return;
  while (goOn()) {
    const slices = await fs.engine.look(async (reader) => reader.unreferencedSlices(PAGE));
    for (const slice of slices) {
      if (!goOn()) return;
      await deleteSlice(fs, blocks, slice);
    }
    if (slices.length < PAGE) return;
  }
}

/** Empties the trash directories whose days (and some grace hours) are over, and gives up replaced slices of the same age. */
export async function cleanTrash(
  fs: FilesystemContext,
  blocks: BlockStore,
  goOn: () => boolean,
  graceHours = TRASH_GRACE_HOURS,
): Promise<void> {
  const days = fs.format.trashDays;
  const edge = Date.now() - (24 * days + graceHours) * HOUR_MS;
  const hours = await fs.engine.look(async (reader) => reader.entries(TRASH_INODE, {}, PAGE));
  for (const hour of hours) {
    const name = Buffer.from(hour.name).toString('latin1');
    const start = trashHourOf(name);
    if (start === undefined || start >= edge) continue;
    if (!goOn()) return;
    await emptyDirectory(fs, hour.inode, { skipTrash: true });
    await removeHour(fs, hour.name, hour.inode);
  }
  while (goOn()) {
    if ((await releaseDelayedSlices(fs, blocks, unixNow() - days * DAY_S, PAGE)) < PAGE) return;
  }
}

async function removeHour(fs: FilesystemContext, name: Uint8Array, inode: bigint): Promise<void> {
  await change(fs, async (current) => {
    const { tx } = current;
    const node = await tx.lockNode(inode);
    if (node === undefined || (await tx.hasEntries(inode))) return;
    await tx.deleteEdge(TRASH_INODE, name, { inode, type: TYPE_DIRECTORY }, node);
    await tx.deleteDirectoryUsage(inode);
    await tx.deleteNode(inode);
    current.addUsage(node, -node.length, -1);
  });
}
