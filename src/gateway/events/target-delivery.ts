// One target with its queue: takes events, and delivers them in order, as long as it takes. Whatever a target does (refuse, hang, be
// away) is its own affair: nobody else waits for it.
import { type EventQueue, MemoryQueue, type Queued, type QueuedEvent } from './event-queue.ts';
import type { TargetId } from './target-name.ts';
import { DeliveryError, type EventTarget, reasonOf } from './targets/event-target.ts';

/** Most events of one delivery. */
export const DELIVERY_BATCH = 100;
/** Shortest and longest pause before a failed delivery is tried again, milliseconds; each failure doubles it. */
export const RETRY_FIRST_MS = 100;
export const RETRY_MOST_MS = 10_000;

/** How long a target may take to end. */
const END_WITHIN_MS = 1_000;
/** How often a closing delivery looks whether its queue is empty. */
const CLOSE_POLL_MS = 10;

/** Why events of a target were lost. */
export type DropReason = 'queue_full' | 'queue_failed' | 'refused' | 'shutdown';

/** What a delivery tells its operator; each but `delivered`, `failed` and `dropped` on a change of state only. */
export interface DeliveryLog {
  online(id: TargetId): void;
  offline(id: TargetId, reason: string, waiting: number): void;
  /** Events begin to be dropped. */
  dropping(id: TargetId, reason: DropReason): void;
  /** Events are taken again; so many were dropped meanwhile. */
  taking(id: TargetId, dropped: number): void;
  /** An event was refused for what it holds, and is given up. */
  refused(id: TargetId, reason: string, event: QueuedEvent): void;
  delivered(id: TargetId, count: number): void;
  failed(id: TargetId): void;
  dropped(id: TargetId, reason: DropReason, count: number): void;
}

/** The state of a target. */
export interface TargetStatus {
  readonly id: TargetId;
  /** Undefined until the first attempt to reach it. */
  readonly online: boolean | undefined;
  /** Why it is not online; '' otherwise. */
  readonly reason: string;
  readonly waiting: number;
  /** Age of the oldest event that waits, milliseconds; 0 when none does. */
  readonly lagMs: number;
  readonly durable: boolean;
}

export interface TargetDeliveryOptions {
  readonly target: EventTarget;
  readonly queue: EventQueue;
  readonly log: DeliveryLog;
  /** Between 0 and 1; for tests. */
  readonly random?: () => number;
}

export class TargetDelivery {
  readonly id: TargetId;
  #target: EventTarget;
  #queue: EventQueue;
  readonly #log: DeliveryLog;
  readonly #random: () => number;
  #online: boolean | undefined;
  #reason = '';
  /** Why events are being dropped, and how many were. */
  #dropping: { readonly reason: DropReason; count: number } | undefined;
  #oldestMs: number | undefined;
  #wake: () => void = () => undefined;
  #endPause: () => void = () => undefined;
  #closed = false;
  readonly #running: Promise<void>;

  constructor({ target, queue, log, random = Math.random }: TargetDeliveryOptions) {
    this.id = target.id;
    this.#target = target;
    this.#queue = queue;
    this.#log = log;
    this.#random = random;
    this.#running = this.#run();
  }

  get status(): TargetStatus {
    return {
      id: this.id,
      online: this.#online,
      reason: this.#reason,
      waiting: this.#queue.size,
      lagMs: this.#queue.size === 0 || this.#oldestMs === undefined ? 0 : Math.max(0, Date.now() - this.#oldestMs),
      durable: !(this.#queue instanceof MemoryQueue),
    };
  }

  /** Takes an event; a promise when that takes a moment. Never throws: what cannot be taken is counted. */
  take(event: QueuedEvent): Promise<void> | undefined {
    const queued = this.#queue.append(event);
    if (queued instanceof Promise) return queued.then((became) => this.#taken(became, event));
    this.#taken(queued, event);
    return undefined;
  }

  /** The queue takes so many events from now on; 0 = the default. */
  useLimit(limit: number): void {
    this.#queue.useLimit(limit);
  }

  /** Looks at the queue again. */
  wake(): void {
    this.#wake();
  }

  /**
   * Delivers to another target from now on, and out of another queue if one is given. No event is missed meanwhile; what waits in
   * memory goes into the new queue, and may reach the target twice.
   */
  async replace(target: EventTarget, queue: EventQueue | undefined): Promise<void> {
    const before = { target: this.#target, queue: this.#queue };
    this.#target = target;
    if (queue !== undefined) {
      this.#queue = queue;
      if (before.queue instanceof MemoryQueue) for (const event of before.queue.events) void this.take(event);
    }
    this.#online = undefined;
    // ends what the former target is being waited for
    await within(END_WITHIN_MS, before.target.close());
    this.#wake();
    this.#endPause();
    if (queue !== undefined) await before.queue.close();
  }

  /** Delivers what waits for at most so long, then stops. What then waits in memory is lost, and counted. */
  async close(withinMs: number): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (this.#queue.size > 0 && this.#online !== false && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
    }
    this.#closed = true;
    this.#wake();
    this.#endPause();
    // ends what a target that hangs is being waited for; one that hangs at its end as well is left behind
    await within(END_WITHIN_MS, Promise.all([this.#target.close(), this.#running]));
    if (this.#queue instanceof MemoryQueue && this.#queue.size > 0) {
      this.#log.dropping(this.id, 'shutdown');
      this.#log.dropped(this.id, 'shutdown', this.#queue.size);
    }
    await this.#queue.close();
  }

  #taken(queued: Queued, event: QueuedEvent): void {
    if (queued === 'queued') {
      // a full queue is full again in a moment: it is over when its target has caught up
      if (this.#dropping?.reason === 'queue_failed') this.#endDropping();
      this.#oldestMs ??= event.timeMs;
      this.#wake();
      return;
    }
    this.#drop(queued === 'full' ? 'queue_full' : 'queue_failed');
  }

  #drop(reason: DropReason): void {
    if (this.#dropping?.reason !== reason) {
      this.#log.dropping(this.id, reason);
      this.#dropping = { reason, count: 0 };
    }
    this.#dropping.count++;
    this.#log.dropped(this.id, reason, 1);
  }

  #endDropping(): void {
    if (this.#dropping === undefined) return;
    this.#log.taking(this.id, this.#dropping.count);
    this.#dropping = undefined;
  }

  async #run(): Promise<void> {
    let failures = 0;
    let checked: EventTarget | undefined;
    while (!this.#closed) {
      const [target, queue] = [this.#target, this.#queue];
      let went: boolean;
      if (checked !== target) {
        // whoever starts a gateway is told at once whether its targets are there
        went = await this.#attempt(target, () => target.check());
        if (went) checked = target;
        else this.#oldestMs ??= (await this.#peek(queue))[0]?.timeMs;
      } else {
        const events = await this.#peek(queue);
        this.#oldestMs = events[0]?.timeMs;
        if (events.length === 0) {
          if (queue.size === 0 && this.#dropping?.reason === 'queue_full') this.#endDropping();
          // an event that came meanwhile is not slept over, nor another target
          if (this.#queue.size === 0 && this.#target === target) await this.#woken();
          continue;
        }
        went = await this.#attempt(target, () => this.#deliver(target, queue, events));
      }
      failures = went || target !== this.#target ? 0 : failures + 1;
      if (failures > 0) await this.#pause(this.#backOff(failures - 1));
    }
  }

  async #peek(queue: EventQueue): Promise<readonly QueuedEvent[]> {
    try {
      return await queue.peek(DELIVERY_BATCH);
    } catch (error) {
      this.#wentOffline(`the queue cannot be read: ${reasonOf(error)}`);
      await this.#pause(RETRY_MOST_MS);
      return [];
    }
  }

  async #deliver(target: EventTarget, queue: EventQueue, events: readonly QueuedEvent[]): Promise<void> {
    try {
      await target.deliver(events);
      await queue.remove(events.length);
      this.#log.delivered(this.id, events.length);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      await queue.remove(error.delivered);
      if (error.delivered > 0) this.#log.delivered(this.id, error.delivered);
      const refused = events[error.delivered];
      if (!error.unacceptable || refused === undefined) throw error;
      await queue.remove(1);
      this.#log.refused(this.id, reasonOf(error), refused);
      this.#log.dropped(this.id, 'refused', 1);
    }
  }

  /** True when it went well. What becomes of a target that was replaced meanwhile says nothing of the one in its place. */
  async #attempt(target: EventTarget, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
    } catch (error) {
      if (this.#closed || target !== this.#target) return false;
      this.#log.failed(this.id);
      this.#wentOffline(reasonOf(error));
      return false;
    }
    if (target !== this.#target) return false;
    if (this.#online !== true) this.#log.online(this.id);
    this.#online = true;
    this.#reason = '';
    return true;
  }

  #wentOffline(reason: string): void {
    if (this.#online !== false) this.#log.offline(this.id, reason, this.#queue.size);
    this.#online = false;
    this.#reason = reason;
  }

  /** Half of it is chance, so that many gateways do not come back to a target at once. */
  #backOff(failures: number): number {
    const full = Math.min(RETRY_FIRST_MS * 2 ** Math.min(failures, 20), RETRY_MOST_MS);
    return full * (0.5 + this.#random() / 2);
  }

  /** A pause that ends early when the delivery does. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#closed ? 0 : ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#closed) resolve();
    });
  }
}

/** Waits for the end of something, but not for ever. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, patience]);
  clearTimeout(timer);
}
