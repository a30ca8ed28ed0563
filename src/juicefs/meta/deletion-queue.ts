// Deletes the data of removed files in the background: after a grace for readers in other processes, when nobody in this
// one reads the file, a few at a time. What is not done when the process ends is found again by the hourly job.
import type { BlockStore } from '../chunk/block-store.ts';
import type { Change } from './change.ts';
import { deleteFileData } from './deleted-data.ts';
import type { DeletedFile } from './engine.ts';
import { change, type FilesystemContext } from './filesystem-context.ts';
import { removeSustained } from './removal.ts';

/** Files whose data is deleted at a time; more wait. */
const MAX_AT_A_TIME = 4;
/** Files that may wait in memory; those beyond are left to the hourly job. */
const MAX_WAITING = 100_000;

export class DeletionQueue {
  readonly #fs: FilesystemContext;
  readonly #blocks: BlockStore;
  readonly #timers = new Map<NodeJS.Timeout, DeletedFile>();
  readonly #ready: DeletedFile[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(fs: FilesystemContext, blocks: BlockStore) {
    this.#fs = fs;
    this.#blocks = blocks;
  }

  /** Takes over what a committed change removed. */
  accept(committed: Change): void {
    for (const file of committed.deletedFiles) this.#schedule(file);
    for (const inode of committed.orphans) {
      this.#fs.openFiles.whenClosed(inode, () => this.#track(this.#endOrphan(inode)));
    }
  }

  /** Deletes what still waits, for at most the given time, and stops. */
  async drain(deadlineMs: number): Promise<void> {
    for (const [timer, file] of this.#timers) {
      clearTimeout(timer);
      this.#ready.push(file);
    }
    this.#timers.clear();
    const deadline = Date.now() + deadlineMs;
    this.#startReady();
    while (this.#running.size > 0) {
      await Promise.race(this.#running);
      if (Date.now() > deadline) this.#ready.length = 0;
    }
  }

  #schedule(file: DeletedFile): void {
    if (this.#timers.size + this.#ready.length >= MAX_WAITING) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      // It may have been opened just before it was removed.
      this.#fs.openFiles.whenClosed(file.inode, () => {
        this.#ready.push(file);
        this.#startReady();
      });
    }, this.#fs.options.deleteGraceMs);
    timer.unref();
    this.#timers.set(timer, file);
  }

  #startReady(): void {
    while (this.#running.size < MAX_AT_A_TIME) {
      const file = this.#ready.shift();
      if (file === undefined) return;
      this.#track(deleteFileData(this.#fs, this.#blocks, file));
    }
  }

  async #endOrphan(inode: bigint): Promise<void> {
    await change(this.#fs, (current) => removeSustained(current, this.#fs.session, inode));
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => {
        this.#fs.options.log.warn('deleting the data of a removed file failed; it is tried again later', {
          reason: error instanceof Error ? error.message : String(error),
        });
      })
      .finally(() => {
        this.#running.delete(tracked);
        this.#startReady();
      });
    this.#running.add(tracked);
  }
}
