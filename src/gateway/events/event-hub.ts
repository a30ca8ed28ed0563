// The primary process's side of events: gives each its place in the order, and hands it to the targets and listeners that want it.
// Events of all workers meet here, so that those of one object stay in the order in which its requests were answered.
import { type EventRule, filterMatches } from './event-filter.ts';
import type { EventInterest, EventsFromWorker, EventsToWorker, ListenFilter } from './event-messages.ts';
import { type EventDraft, type EventRecord, eventRecord, withPlainKey } from './event-record.ts';
import { Sequencer } from './sequencer.ts';
import type { TargetDelivery, TargetStatus } from './target-delivery.ts';
import type { TargetId } from './target-name.ts';

/** How long a call waits for all workers to follow. */
const FOLLOW_TIMEOUT_MS = 2_000;
/** Longest time that the targets of a former configuration may take for what waits in memory. */
const REPLACE_WITHIN_MS = 2_000;

/** A worker, as the hub sees it. */
export interface WorkerChannel {
  send(message: EventsToWorker): void;
}

export interface EventHubOptions {
  /** URL of the gateway. */
  readonly endpoint: string;
  /** The rules of a bucket as they are stored now. */
  readonly rulesOf: (bucket: string) => Promise<readonly EventRule[]>;
  readonly log: { warn(fields: object, message: string): void };
}

interface Listener {
  readonly worker: WorkerChannel;
  readonly id: number;
  readonly filter: ListenFilter;
}

export class EventHub {
  readonly sequencer = new Sequencer();
  readonly #options: EventHubOptions;
  #region = '';
  #targets: ReadonlyMap<TargetId, TargetDelivery> = new Map();
  #buckets = new Map<string, readonly EventRule[]>();
  readonly #workers = new Set<WorkerChannel>();
  #listeners: Listener[] = [];
  /** Workers that are still to say that they follow, by round. */
  readonly #rounds = new Map<number, { readonly missing: Set<WorkerChannel>; readonly done: () => void }>();
  #nextRound = 1;

  constructor(options: EventHubOptions) {
    this.#options = options;
  }

  get targets(): readonly TargetDelivery[] {
    return [...this.#targets.values()];
  }

  get status(): readonly TargetStatus[] {
    return this.targets.map(({ status }) => status);
  }

  /** Puts targets in place of those that were; these deliver what waits for a while and end. */
  async useTargets(region: string, targets: readonly TargetDelivery[]): Promise<void> {
    this.#region = region;
    this.#targets = new Map(targets.map((target) => [target.id, target]));
    this.#tellInterest();
  }

  /** Takes targets out, so that others may use their queues: what waits in memory is delivered if that goes quickly. */
  async removeTargets(): Promise<void> {
    const before = this.targets;
    this.#targets = new Map();
    await Promise.all(before.map((target) => target.close(REPLACE_WITHIN_MS)));
  }

  /** The rules of all buckets that have some. */
  useBuckets(buckets: ReadonlyMap<string, readonly EventRule[]>): void {
    this.#buckets = new Map(buckets);
    this.#tellInterest();
  }

  /** A worker that starts; the answered function is for its end. */
  connect(worker: WorkerChannel): () => void {
    this.#workers.add(worker);
    worker.send({ type: 'events-interest', interest: this.#interest() });
    return () => {
      this.#workers.delete(worker);
      for (const round of [...this.#rounds.keys()]) this.#follows(worker, round);
      if (!this.#listeners.some((listener) => listener.worker === worker)) return;
      this.#listeners = this.#listeners.filter((listener) => listener.worker !== worker);
      void this.#tellListeners();
    };
  }

  /** Takes what a worker says. */
  receive(worker: WorkerChannel, message: EventsFromWorker): void {
    switch (message.type) {
      case 'events-happened':
        this.#happened(worker, message.events);
        break;
      case 'events-following':
        this.#follows(worker, message.round);
        break;
      case 'events-unlisten':
        this.#listeners = this.#listeners.filter(({ id }) => id !== message.listener);
        void this.#tellListeners();
        break;
      case 'events-listen':
        this.#listeners.push({ worker, id: message.listener, filter: message.filter });
        void this.#tellListeners().then(() => worker.send({ type: 'events-done', id: message.id }));
        break;
      case 'events-changed':
        this.#changed(worker, message.id, message.bucket).catch((error: unknown) =>
          // the worker's call runs into its deadline, and its client is told
          this.#options.log.warn({ err: error, bucket: message.bucket }, 'the events of a bucket could not be read'),
        );
        break;
    }
  }

  async close(withinMs: number): Promise<void> {
    await Promise.all(this.targets.map((target) => target.close(withinMs)));
  }

  #happened(worker: WorkerChannel, events: readonly (readonly [number, EventDraft])[]): void {
    const taken: number[] = [];
    for (const [id, draft] of events) {
      const taking = this.#publish(draft);
      if (taking.length === 0) taken.push(id);
      else void Promise.all(taking).then(() => this.#taken(worker, id));
    }
    if (taken.length > 0) worker.send({ type: 'events-taken', ids: taken });
  }

  readonly #takenIds = new Map<WorkerChannel, number[]>();

  /** What a batch of a queue made safe is told in one message. */
  #taken(worker: WorkerChannel, id: number): void {
    const ids = this.#takenIds.get(worker);
    if (ids !== undefined) {
      ids.push(id);
      return;
    }
    this.#takenIds.set(worker, [id]);
    setImmediate(() => {
      const all = this.#takenIds.get(worker) ?? [];
      this.#takenIds.delete(worker);
      worker.send({ type: 'events-taken', ids: all });
    });
  }

  /** Hands an event to who wants it; answers what has to be awaited before it is safe. */
  #publish(draft: EventDraft): Promise<void>[] {
    const { name, bucket, key } = draft.event;
    const wanted = new Set<TargetId>();
    for (const rule of this.#buckets.get(bucket) ?? []) if (filterMatches(rule, name, key)) wanted.add(rule.target);
    const listeners = this.#listeners.filter(
      ({ filter }) => (filter.bucket === '' || filter.bucket === bucket) && filterMatches(filter, name, key),
    );
    if (wanted.size === 0 && listeners.length === 0) return [];
    const time = new Date();
    const record = eventRecord(draft, {
      time,
      sequencer: this.sequencer.next(time),
      region: this.#region,
      endpoint: this.#options.endpoint,
    });
    if (listeners.length > 0) tell(listeners, record);
    const json = JSON.stringify(record);
    return [...wanted].flatMap((id) => this.#targets.get(id)?.take({ json, timeMs: time.getTime() }) ?? []);
  }

  async #changed(worker: WorkerChannel, id: number, bucket: string): Promise<void> {
    const rules = await this.#options.rulesOf(bucket);
    if (rules.length === 0) this.#buckets.delete(bucket);
    else this.#buckets.set(bucket, rules);
    await this.#everyone((round) => ({ type: 'events-bucket', round, bucket, rules }));
    worker.send({ type: 'events-done', id });
  }

  #tellListeners(): Promise<void> {
    const listeners = this.#listeners.map(({ filter }) => filter);
    return this.#everyone((round) => ({ type: 'events-listeners', round, listeners }));
  }

  /** Tells all workers, and waits until they follow; not for ever for one that hangs. */
  #everyone(message: (round: number) => EventsToWorker): Promise<void> {
    const round = this.#nextRound++;
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#rounds.delete(round);
        resolve();
      };
      const timer = setTimeout(done, FOLLOW_TIMEOUT_MS);
      this.#rounds.set(round, { missing: new Set(this.#workers), done });
      for (const worker of this.#workers) worker.send(message(round));
      if (this.#workers.size === 0) done();
    });
  }

  #follows(worker: WorkerChannel, round: number): void {
    const waiting = this.#rounds.get(round);
    if (waiting === undefined) return;
    waiting.missing.delete(worker);
    if (waiting.missing.size === 0) waiting.done();
  }

  #tellInterest(): void {
    const interest = this.#interest();
    for (const worker of this.#workers) worker.send({ type: 'events-interest', interest });
  }

  #interest(): EventInterest {
    return {
      region: this.#region,
      targets: [...this.#targets.keys()],
      buckets: [...this.#buckets],
      listeners: this.#listeners.map(({ filter }) => filter),
    };
  }
}

function tell(listeners: readonly Listener[], record: EventRecord): void {
  const json = JSON.stringify(withPlainKey(record));
  for (const { worker, id } of listeners) worker.send({ type: 'events-heard', listener: id, records: [json] });
}
