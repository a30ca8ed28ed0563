// A worker's side of events: picks those that somebody wants, and hands them to the primary process, which has the queues of all
// workers. A request is answered once the primary says that its events are as safe as their queues make them.
import { randomInt } from 'node:crypto';
import { S3Error } from '../s3/errors.ts';
import type { EventCause, EventSink, ObjectEvent } from '../s3/object-event.ts';
import { type EventRule, filterMatches } from './event-filter.ts';
import type { EventInterest, EventsFromWorker, EventsToWorker, ListenFilter } from './event-messages.ts';
import type { EventDraft } from './event-record.ts';

/** Longest wait for the primary's word that events are taken; the request is answered all the same, the object being there. */
export const TAKE_TIMEOUT_MS = 10_000;
/** Longest wait for a call: the primary asks the sidecar. */
export const CALL_TIMEOUT_MS = 10_000;
/** Events on their way to the primary at once; more are not sent. */
export const MAX_EVENTS_IN_FLIGHT = 20_000;
/** Listeners of one worker. */
export const MAX_LISTENERS = 256;

/** What the notification operations need. */
export interface NotificationHub {
  /** The region and the targets of now. */
  readonly known: { readonly region: string; readonly targets: ReadonlySet<string> };
  /** Aborts when this process ends: listeners are let go. */
  readonly closing: AbortSignal;
  /** All workers follow the configuration of a bucket as it is stored now. Throws S3Error ServiceUnavailable. */
  changed(bucket: string): Promise<void>;
  /** Hears of events, as JSON records, until the answered function is called. Throws S3Error. */
  listen(filter: ListenFilter, hear: (records: readonly string[]) => void): Promise<() => void>;
}

export interface EventPublisherOptions {
  readonly send: (message: EventsFromWorker) => void;
  readonly log: { warn(fields: object, message: string): void };
}

export class EventPublisher implements EventSink, NotificationHub {
  readonly #options: EventPublisherOptions;
  #known = false;
  #region = '';
  #targets: ReadonlySet<string> = new Set();
  readonly #buckets = new Map<string, readonly EventRule[]>();
  #listening: readonly ListenFilter[] = [];
  /** Calls and events under way, by id. */
  readonly #pending = new Map<number, () => void>();
  readonly #heard = new Map<number, (records: readonly string[]) => void>();
  #batch: [number, EventDraft][] = [];
  #nextId = 1;
  #losing = false;
  readonly #closing = new AbortController();

  constructor(options: EventPublisherOptions) {
    this.#options = options;
  }

  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Lets listeners go. Events are taken as before. */
  endListening(): void {
    this.#closing.abort();
  }

  get known(): { readonly region: string; readonly targets: ReadonlySet<string> } {
    return { region: this.#region, targets: this.#targets };
  }

  publish(events: readonly ObjectEvent[], cause: EventCause): Promise<void> | undefined {
    const wanted = events.filter((event) => this.#isWanted(event));
    if (wanted.length === 0) return undefined;
    if (this.#pending.size + wanted.length > MAX_EVENTS_IN_FLIGHT) {
      this.#lose(wanted.length, 'too many are on their way');
      return undefined;
    }
    return Promise.all(wanted.map((event) => this.#happened({ event, cause }))).then(() => undefined);
  }

  async changed(bucket: string): Promise<void> {
    await this.#call((id) => ({ type: 'events-changed', id, bucket }));
  }

  async listen(filter: ListenFilter, hear: (records: readonly string[]) => void): Promise<() => void> {
    if (this.#heard.size >= MAX_LISTENERS) throw new S3Error('SlowDown', 'There are too many listeners.');
    const listener = randomInt(2 ** 47);
    this.#heard.set(listener, hear);
    const stop = (): void => {
      if (this.#heard.delete(listener)) this.#options.send({ type: 'events-unlisten', listener });
    };
    try {
      await this.#call((id) => ({ type: 'events-listen', id, listener, filter }));
    } catch (error) {
      stop();
      throw error;
    }
    return stop;
  }

  /** Takes what the primary says. */
  receive(message: EventsToWorker): void {
    switch (message.type) {
      case 'events-interest':
        this.#follow(message.interest);
        break;
      case 'events-bucket':
        if (message.rules.length === 0) this.#buckets.delete(message.bucket);
        else this.#buckets.set(message.bucket, message.rules);
        this.#options.send({ type: 'events-following', round: message.round });
        break;
      case 'events-listeners':
        this.#listening = message.listeners;
        this.#options.send({ type: 'events-following', round: message.round });
        break;
      case 'events-taken':
        this.#losing = false;
        for (const id of message.ids) this.#settle(id);
        break;
      case 'events-done':
        this.#settle(message.id);
        break;
      case 'events-heard':
        this.#heard.get(message.listener)?.(message.records);
        break;
    }
  }

  #follow({ known, region, targets, buckets, listeners }: EventInterest): void {
    this.#known = known;
    this.#region = region;
    this.#targets = new Set(targets);
    this.#buckets.clear();
    for (const [bucket, rules] of buckets) this.#buckets.set(bucket, rules);
    this.#listening = listeners;
  }

  #isWanted({ name, bucket, key }: ObjectEvent): boolean {
    const rules = this.#buckets.get(bucket);
    return (
      !this.#known ||
      (rules?.some((rule) => filterMatches(rule, name, key)) ?? false) ||
      this.#listening.some(
        (filter) => (filter.bucket === '' || filter.bucket === bucket) && filterMatches(filter, name, key),
      )
    );
  }

  #happened(draft: EventDraft): Promise<void> {
    return new Promise((resolve) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#lose(1, 'the primary process does not answer');
        this.#settle(id);
      }, TAKE_TIMEOUT_MS);
      this.#pending.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
      this.#batch.push([id, draft]);
      // what happens in the same turn of the event loop shares a message
      if (this.#batch.length === 1)
        setImmediate(() => this.#options.send({ type: 'events-happened', events: this.#batch.splice(0) }));
    });
  }

  #call(message: (id: number) => EventsFromWorker): Promise<void> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(
          new S3Error('ServiceUnavailable', undefined, { cause: new Error('the primary process does not answer') }),
        );
      }, CALL_TIMEOUT_MS);
      this.#pending.set(id, () => {
        clearTimeout(timer);
        resolve();
      });
      this.#options.send(message(id));
    });
  }

  #settle(id: number): void {
    const settled = this.#pending.get(id);
    this.#pending.delete(id);
    settled?.();
  }

  #lose(count: number, why: string): void {
    if (!this.#losing) this.#options.log.warn({ why }, 'events are lost on the way to their queues');
    this.#losing = true;
    this.#options.send({ type: 'events-lost', count });
  }
}
