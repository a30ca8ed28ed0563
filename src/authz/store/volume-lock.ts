// Keeps identities of a volume from being changed by two at once: by the lock file that `juicefs gateway` takes as well.
import { setTimeout as sleep } from 'node:timers/promises';
import { type FileLock, type Volume, VolumeError } from '../../juicefs/volume.ts';
import { ProcessLock, type StoreLock } from './process-lock.ts';
import { StoreBusy } from './record-storage.ts';
import { LOCK_FILE } from './volume-layout.ts';

/**
 * How long a change waits for another gateway. One that died holds its lock until its session ends, about a minute later: somebody
 * who waits that long is better told.
 */
export const LOCK_TIMEOUT_MS = 20_000;
/** Between two tries; a try is one transaction. */
const FIRST_PAUSE_MS = 5;
const MOST_PAUSE_MS = 100;

/** Keeps every client of the volume out. Throws StoreBusy when another one does not let go. */
export class VolumeLock implements StoreLock {
  readonly #volume: Pick<Volume, 'stat' | 'create' | 'tryLock'>;
  readonly #timeoutMs: number;
  /** The lock is the session's: within it, changes wait for each other here. */
  readonly #process = new ProcessLock();

  constructor(volume: Pick<Volume, 'stat' | 'create' | 'tryLock'>, timeoutMs: number = LOCK_TIMEOUT_MS) {
    this.#volume = volume;
    this.#timeoutMs = timeoutMs;
  }

  hold<T>(work: () => Promise<T>): Promise<T> {
    return this.#process.hold(async () => {
      const lock = await this.#take();
      try {
        return await work();
      } finally {
        await lock.release();
      }
    });
  }

  async #take(): Promise<FileLock> {
    const deadline = Date.now() + this.#timeoutMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, MOST_PAUSE_MS)) {
      const lock = await this.#volume.tryLock(await this.#inode());
      if (lock !== undefined) return lock;
      if (Date.now() >= deadline) {
        throw new StoreBusy('another gateway holds the lock on the identities of the volume');
      }
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  /** The lock file's; the file is made if it is missing. */
  async #inode(): Promise<bigint> {
    try {
      return (await this.#volume.stat(LOCK_FILE)).inode;
    } catch (error) {
      if (!(error instanceof VolumeError) || error.code !== 'ENOENT') throw error;
    }
    const writer = this.#volume.create(LOCK_FILE);
    try {
      const guard = (existing: unknown): void => {
        if (existing !== undefined) throw new VolumeError('EEXIST', 'another client made the lock file');
      };
      return (await writer.commit({ guard })).inode;
    } catch (error) {
      await writer.abort();
      if (error instanceof VolumeError && error.code === 'EEXIST') return this.#inode();
      throw error;
    }
  }
}
