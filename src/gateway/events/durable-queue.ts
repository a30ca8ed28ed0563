// A durable queue whose directory may not be usable yet: read-only, or not there. It is tried again until it is; meanwhile events are
// not taken, and counted.
import { setTimeout as pause } from 'node:timers/promises';
import type { EventQueue, Queued, QueuedEvent } from './event-queue.ts';
import { type LeftoverLog, takeOverMinioQueue } from './minio-queue.ts';
import type { QueueDirectory, QueueDirectoryOptions } from './queue-directory.ts';
import { openSharedQueue, takeOverAbandoned } from './shared-queue-dir.ts';

/** Between two attempts to open a directory. */
export const REOPEN_MS = 1_000;

export interface DurableQueueOptions extends QueueDirectoryOptions {
  readonly leftovers: LeftoverLog;
  /** The directory is open; `sequencer` is the last one that it knows of, '' = none. */
  readonly onOpen: (sequencer: string) => void;
}

export class DurableQueue implements EventQueue {
  #directory: QueueDirectory | undefined;
  #limit: number;
  readonly #closing = new AbortController();
  readonly #opening: Promise<void>;

  constructor(options: DurableQueueOptions) {
    this.#limit = options.limit;
    const opened = this.#open(options, true);
    this.#opening = opened ? Promise.resolve() : this.#keepTrying(options);
  }

  get size(): number {
    return this.#directory?.size ?? 0;
  }

  append(event: QueuedEvent): Queued | Promise<Queued> {
    return this.#directory?.append(event) ?? 'failed';
  }

  async peek(most: number): Promise<readonly QueuedEvent[]> {
    return (await this.#directory?.peek(most)) ?? [];
  }

  async remove(count: number): Promise<void> {
    await this.#directory?.remove(count);
  }

  useLimit(limit: number): void {
    this.#limit = limit;
    this.#directory?.useLimit(limit);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening;
    await this.#directory?.close();
  }

  #open(options: DurableQueueOptions, first: boolean): boolean {
    try {
      const shared = { ...options, limit: this.#limit };
      const directory = openSharedQueue(shared);
      takeOverAbandoned(directory, shared, options.leftovers);
      if (directory.path === options.path) takeOverMinioQueue(directory, options.path, options.leftovers);
      this.#directory = directory;
    } catch (error) {
      if (first) options.log.failed(error);
      return false;
    }
    if (!first) options.log.recovered();
    options.onOpen(this.#directory.lastSequencer);
    return true;
  }

  async #keepTrying(options: DurableQueueOptions): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await pause(REOPEN_MS, undefined, { signal });
      } catch {
        return; // closed
      }
      if (this.#open(options, false)) return;
    }
  }
}
