// What waits for one target: in memory, or on disk (queue-directory.ts).

/** An event as it waits: the record's JSON, and what the queue needs of it. */
export interface QueuedEvent {
  readonly json: string;
  readonly timeMs: number;
}

/** The number by which the events of a key are ordered; '' when it cannot be told. */
export function sequencerOf(event: QueuedEvent | undefined): string {
  return /"sequencer":"([0-9A-F]+)"/.exec(event?.json ?? '')?.[1] ?? '';
}

/** What became of an event that was to be queued. */
export type Queued = 'queued' | 'full' | 'failed';

/** Events of one target, first in, first out. One reader. */
export interface EventQueue {
  /**
   * Takes an event. Resolves once it is as safe as the queue can make it. Never rejects: 'full' and 'failed' say that the event
   * was not taken.
   */
  append(event: QueuedEvent): Queued | Promise<Queued>;
  /** The first events, at most so many; fewer when reading on would be slow; empty when none wait. */
  peek(most: number): Promise<readonly QueuedEvent[]>;
  /** Removes the first events, which `peek` gave. */
  remove(count: number): Promise<void>;
  readonly size: number;
  /** Takes so many events from now on; 0 = the default. */
  useLimit(limit: number): void;
  /** Stops; what is on disk stays there. */
  close(): Promise<void>;
}

/** Most events that wait in memory for one target. */
export const MEMORY_QUEUE_EVENTS = 10_000;
/** Most bytes of them. */
export const MEMORY_QUEUE_BYTES = 32 * 1024 * 1024;

export class MemoryQueue implements EventQueue {
  #limit: number;
  #events: QueuedEvent[] = [];
  #first = 0;
  #bytes = 0;

  /** @param limit most events; 0 or more than MEMORY_QUEUE_EVENTS = that many */
  constructor(limit: number) {
    this.#limit = limitOf(limit);
  }

  useLimit(limit: number): void {
    this.#limit = limitOf(limit);
  }

  /** All that wait. */
  get events(): readonly QueuedEvent[] {
    return this.#events.slice(this.#first);
  }

  get size(): number {
    return this.#events.length - this.#first;
  }

  append(event: QueuedEvent): Queued {
    if (this.size >= this.#limit || this.#bytes + event.json.length > MEMORY_QUEUE_BYTES) return 'full';
    this.#events.push(event);
    this.#bytes += event.json.length;
    return 'queued';
  }

  async peek(most: number): Promise<readonly QueuedEvent[]> {
    return this.#events.slice(this.#first, this.#first + most);
  }

  async remove(count: number): Promise<void> {
    for (const { json } of this.#events.slice(this.#first, this.#first + count)) this.#bytes -= json.length;
    this.#first += count;
    if (this.#first * 2 < this.#events.length && this.#first < 1_000) return;
    this.#events = this.#events.slice(this.#first);
    this.#first = 0;
  }

  async close(): Promise<void> {
    // what waits here is lost with the process; whoever closes counts it
  }
}

function limitOf(limit: number): number {
  return limit === 0 ? MEMORY_QUEUE_EVENTS : Math.min(limit, MEMORY_QUEUE_EVENTS);
}
