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
/** Longest time that a target which is configured no more may take for what waits in memory. */
const REMOVE_WITHIN_MS = 2_000;
/** Longest wait of events for the first configuration, from the first worker on. */
export const HOLD_MS = 8_000;

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
  /** Events were lost between a worker and the queues. */
  readonly onLost: (count: number) => void;
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
  /** What happened before it is known who wants it; undefined once that is known. */
  #held: (() => void)[] | undefined = [];
  #holding: NodeJS.Timeout | undefined;
  /** Rules whose target is not configured, which was said: bucket and target. */
  #idle: ReadonlySet<string> = new Set();

  constructor(options: EventHubOptions) {
    this.#options = options;
  }

  get targets(): readonly TargetDelivery[] {
    return [...this.#targets.values()];
  }

  get status(): readonly TargetStatus[] {
    return this.targets.map(({ status }) => status);
  }

  target(id: TargetId): TargetDelivery | undefined {
    return this.#targets.get(id);
  }

  /** These are the targets from now on. Those that are not among them end; what waits in their memory is delivered if that goes quickly. */
  async useTargets(region: string, targets: readonly TargetDelivery[]): Promise<void> {
    const gone = this.targets.filter((target) => !targets.includes(target));
    this.#region = region;
    this.#targets = new Map(targets.map((target) => [target.id, target]));
    this.#release();
    this.#tellInterest();
    this.#nameIdleRules();
    await Promise.all(gone.map((target) => target.close(REMOVE_WITHIN_MS)));
  }

  /** The rules of all buckets that have some. */
  useBuckets(buckets: ReadonlyMap<string, readonly EventRule[]>): void {
    this.#buckets = new Map(buckets);
    this.#tellInterest();
    if (this.#held === undefined) this.#nameIdleRules();
  }

  /** A worker that starts; the answered function is for its end. */
  connect(worker: WorkerChannel): () => void {
    this.#workers.add(worker);
    if (this.#held !== undefined) this.#holding ??= setTimeout(() => this.#giveUpHolding(), HOLD_MS).unref();
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
        if (this.#held === undefined) this.#happened(worker, message.events);
        else this.#held.push(() => this.#happened(worker, message.events));
        break;
      case 'events-lost':
        this.#options.onLost(message.count);
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
    clearTimeout(this.#holding);
    await Promise.all(this.targets.map((target) => target.close(withinMs)));
  }

  /** What was held is looked at, in its order. */
  #release(): void {
    clearTimeout(this.#holding);
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const happen of held) happen();
  }

  #giveUpHolding(): void {
    this.#options.log.warn({}, 'the configuration of events is not known yet; until it is, nobody is notified');
    this.#release();
    this.#tellInterest();
  }

  /** Says, once, which buckets notify a target that is not there. */
  #nameIdleRules(): void {
    const idle = new Set<string>();
    for (const [bucket, rules] of this.#buckets) {
      for (const { target } of rules) {
        if (this.#targets.has(target)) continue;
        const rule = `${bucket} ${target}`;
        if (!this.#idle.has(rule) && !idle.has(rule))
          this.#options.log.warn({ bucket, target }, 'a bucket notifies a target that is not configured');
        idle.add(rule);
      }
    }
    this.#idle = idle;
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
      known: this.#held === undefined,
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
