// One target with its queue: takes events, and delivers them in order, as long as it takes. Whatever a target does (refuse, hang, be
// away) is its own affair: nobody else waits for it.
import type { EventQueue, Queued, QueuedEvent } from './event-queue.ts';
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
  readonly durable: boolean;
  readonly log: DeliveryLog;
  /** Between 0 and 1; for tests. */
  readonly random?: () => number;
}

export class TargetDelivery {
  readonly id: TargetId;
  readonly #target: EventTarget;
  readonly #queue: EventQueue;
  readonly #durable: boolean;
  readonly #log: DeliveryLog;
  readonly #random: () => number;
  #online: boolean | undefined;
  #reason = '';
  #dropping: DropReason | undefined;
  #oldestMs: number | undefined;
  #wake: () => void = () => undefined;
  #endPause: () => void = () => undefined;
  #closed = false;
  readonly #running: Promise<void>;

  constructor({ target, queue, durable, log, random = Math.random }: TargetDeliveryOptions) {
    this.id = target.id;
    this.#target = target;
    this.#queue = queue;
    this.#durable = durable;
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
      durable: this.#durable,
    };
  }

  /** Takes an event; a promise when that takes a moment. Never throws: what cannot be taken is counted. */
  take(event: QueuedEvent): Promise<void> | undefined {
    const queued = this.#queue.append(event);
    if (queued instanceof Promise) return queued.then((became) => this.#taken(became, event));
    this.#taken(queued, event);
    return undefined;
  }

  /** Looks at the queue again. */
  wake(): void {
    this.#wake();
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
    const ended = Promise.all([this.#target.close(), this.#running]);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, END_WITHIN_MS);
    });
    await Promise.race([ended, patience]);
    clearTimeout(timer);
    if (!this.#durable && this.#queue.size > 0) {
      this.#log.dropping(this.id, 'shutdown');
      this.#log.dropped(this.id, 'shutdown', this.#queue.size);
    }
    await this.#queue.close();
  }

  #taken(queued: Queued, event: QueuedEvent): void {
    if (queued === 'queued') {
      this.#dropping = undefined;
      this.#oldestMs ??= event.timeMs;
      this.#wake();
      return;
    }
    this.#drop(queued === 'full' ? 'queue_full' : 'queue_failed');
  }

  #drop(reason: DropReason): void {
    if (this.#dropping !== reason) this.#log.dropping(this.id, reason);
    this.#dropping = reason;
    this.#log.dropped(this.id, reason, 1);
  }

  async #run(): Promise<void> {
    let failures = 0;
    // whoever starts a gateway is told at once whether its targets are there
    while (!this.#closed && this.#online !== true && !(await this.#attempt(() => this.#target.check()))) {
      await this.#pause(this.#backOff(failures++));
    }
    failures = 0;
    while (!this.#closed) {
      const events = await this.#peek();
      this.#oldestMs = events[0]?.timeMs;
      if (events.length === 0) {
        // an event that came meanwhile is not slept over
        if (this.#queue.size === 0) await this.#woken();
        continue;
      }
      failures = (await this.#attempt(() => this.#deliver(events))) ? 0 : failures + 1;
      if (failures > 0) await this.#pause(this.#backOff(failures - 1));
    }
  }

  async #peek(): Promise<readonly QueuedEvent[]> {
    try {
      return await this.#queue.peek(DELIVERY_BATCH);
    } catch (error) {
      this.#wentOffline(`the queue cannot be read: ${reasonOf(error)}`);
      await this.#pause(RETRY_MOST_MS);
      return [];
    }
  }

  async #deliver(events: readonly QueuedEvent[]): Promise<void> {
    try {
      await this.#target.deliver(events);
      await this.#queue.remove(events.length);
      this.#log.delivered(this.id, events.length);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      await this.#queue.remove(error.delivered);
      if (error.delivered > 0) this.#log.delivered(this.id, error.delivered);
      const refused = events[error.delivered];
      if (!error.unacceptable || refused === undefined) throw error;
      await this.#queue.remove(1);
      this.#log.refused(this.id, reasonOf(error), refused);
      this.#log.dropped(this.id, 'refused', 1);
    }
  }

  /** True when it went well. */
  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
    } catch (error) {
      if (this.#closed) return false;
      this.#log.failed(this.id);
      this.#wentOffline(reasonOf(error));
      return false;
    }
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
