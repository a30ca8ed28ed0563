// Notifications of a gateway, in its primary process: follows the configuration that the sidecar keeps, opens the targets, and runs the
// hub that the workers talk to. Targets are those of the start until a reload is asked for; rules of buckets are followed at once.
import { setTimeout as pause } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import { z } from 'zod';
import type { BucketConfigurationRpc } from '../authz-client/index.ts';
import { DurableQueue } from './durable-queue.ts';
import type { EventRule } from './event-filter.ts';
import { EventHub } from './event-hub.ts';
import { EventMetrics } from './event-metrics.ts';
import { type EventQueue, MemoryQueue } from './event-queue.ts';
import { type EventLog, leftoverLog, queueLog } from './event-queue-log.ts';
import { readNotificationXml, rulesOf } from './notification-configuration.ts';
import { type DeliveryLog, TargetDelivery, type TargetStatus } from './target-delivery.ts';
import { type TargetId, targetArn } from './target-name.ts';
import { type ConfiguredTargets, enabledTargets, type TargetKeys, type TargetSettings } from './target-settings.ts';
import { type EventTarget, reasonOf } from './targets/event-target.ts';
import { openTarget, queuePath } from './targets/open-target.ts';

/** How long a reload waits for the configuration. */
export const READ_CONFIGURATION_MS = 10_000;
/** Between two attempts to follow the configuration. */
const FOLLOW_AGAIN_MS = 500;

/** How often the sidecar is told how the targets are, beside when that changes. */
const REPORT_MS = 15_000;

/** What the sidecar says of targets: sub-system → name → key → value. */
const NotifyDocument = z.record(z.string(), z.record(z.string(), z.record(z.string(), z.string())));

type Environment = Readonly<Record<string, string | undefined>>;

export interface EventServiceOptions {
  readonly buckets: Pick<BucketConfigurationRpc, 'read' | 'watch' | 'reportEventTargets'>;
  /** MINIO_NOTIFY_* and MINIO_REGION* are read. */
  readonly env: Environment;
  /** URL of the gateway. */
  readonly endpoint: string;
  /** File or folder of certificate authorities that webhooks are trusted by unless they have their own. */
  readonly authorities?: string | undefined;
  readonly log: EventLog & { debug(fields: object, message: string): void };
}

export class EventService {
  readonly hub: EventHub;
  readonly #options: EventServiceOptions;
  readonly #metrics: EventMetrics;
  readonly #ending = new AbortController();
  readonly #buckets = new Map<string, readonly EventRule[]>();
  /** Of the targets that are open. */
  #settings: ReadonlyMap<TargetId, TargetSettings> = new Map();
  #documents: Readonly<Record<string, string>> = {};
  #configured = false;
  #following: Promise<void> = Promise.resolve();
  #applying: Promise<void> = Promise.resolve();
  #reporting: NodeJS.Timeout | undefined;
  #onComplete: () => void = () => undefined;

  constructor(options: EventServiceOptions) {
    this.#options = options;
    this.hub = new EventHub({
      endpoint: options.endpoint,
      rulesOf: (bucket) => this.#readRules(bucket),
      log: options.log,
      onLost: (count) => this.#metrics.lost(count),
    });
    this.#metrics = new EventMetrics(() => this.hub.status);
  }

  get metrics(): Registry {
    return this.#metrics.registry;
  }

  get status(): readonly TargetStatus[] {
    return this.hub.status;
  }

  /** ARNs of the targets, sorted. */
  get arns(): string[] {
    return this.hub.targets.map(({ id }) => targetArn({ region: this.#region, target: id })).sort();
  }

  /**
   * Follows the configuration; resolves when the targets of it are open, or after so long: a gateway without a sidecar serves
   * health checks and refusals all the same, and gets its targets later.
   */
  async start(withinMs: number): Promise<void> {
    const complete = new Promise<void>((resolve) => {
      this.#onComplete = resolve;
    });
    this.#following = this.#follow();
    this.#reporting = setInterval(() => this.#report(), REPORT_MS).unref();
    const waited = pause(withinMs, undefined, { signal: this.#ending.signal, ref: false }).catch(() => undefined);
    await Promise.race([complete, waited]);
    await this.#applying;
  }

  /** Opens the targets as they are configured now, in place of those that are open. */
  reload(): Promise<void> {
    const reloading = this.#applying.then(async () => {
      await this.#readDocuments();
      await this.#apply();
    });
    this.#applying = reloading.catch(() => undefined);
    return reloading;
  }

  /** Delivers what waits for at most so long. */
  async stop(withinMs: number): Promise<void> {
    clearInterval(this.#reporting);
    this.#ending.abort();
    await this.#following;
    await this.#applying;
    await this.hub.close(withinMs);
  }

  get #region(): string {
    const { env } = this.#options;
    return env.MINIO_REGION || env.MINIO_REGION_NAME || (this.#documents.region ?? '');
  }

  async #follow(): Promise<void> {
    const { buckets, log } = this.#options;
    const { signal } = this.#ending;
    let failing = false;
    while (!signal.aborted) {
      try {
        const fresh = new Set<string>();
        let complete = false;
        for await (const message of buckets.watch(['notification'], signal)) {
          if (message.server !== undefined) this.#documents = message.server.documents;
          for (const { bucket, documents } of message.buckets) {
            fresh.add(bucket);
            this.#setRules(bucket, documents.notification);
          }
          if (message.complete && !complete) {
            complete = true;
            // what went away while nobody was following
            for (const bucket of this.#buckets.keys()) if (!fresh.has(bucket)) this.#buckets.delete(bucket);
          }
          if (!complete) continue;
          this.hub.useBuckets(this.#buckets);
          failing = false;
          if (this.#configured) continue;
          this.#configured = true;
          await this.#apply();
          this.#onComplete();
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!failing) log.warn({ err: error }, 'the configuration of events cannot be followed at the moment');
        failing = true;
      }
      await pause(FOLLOW_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** What is being followed may lag behind what was just configured. */
  async #readDocuments(): Promise<void> {
    const reading = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(READ_CONFIGURATION_MS)]);
    for await (const { server, complete } of this.#options.buckets.watch(['notification'], reading)) {
      if (server !== undefined) this.#documents = server.documents;
      if (complete) return;
    }
  }

  /** For people who ask the sidecar; whether it is heard matters to nobody else. */
  #report(): void {
    if (this.#ending.signal.aborted) return;
    const targets = this.status.map(({ id, online, waiting }) => {
      const [name = '', type = ''] = id.split(':');
      return { type, name, online: online === true, waiting: BigInt(waiting) };
    });
    this.#options.buckets
      .reportEventTargets({ gateway: this.#options.endpoint, targets })
      .catch((error: unknown) => this.#options.log.debug({ err: error }, 'the sidecar was not told of event targets'));
  }

  #setRules(bucket: string, xml: string | undefined): readonly EventRule[] {
    let rules: readonly EventRule[] = [];
    try {
      if (xml !== undefined && xml !== '') rules = rulesOf(readNotificationXml(Buffer.from(xml)));
    } catch (error) {
      this.#options.log.error(
        { bucket, reason: reasonOf(error) },
        'the notification configuration of a bucket cannot be used',
      );
    }
    if (rules.length === 0) this.#buckets.delete(bucket);
    else this.#buckets.set(bucket, rules);
    return rules;
  }

  async #readRules(bucket: string): Promise<readonly EventRule[]> {
    const { documents } = await this.#options.buckets.read(bucket);
    return this.#setRules(bucket, documents.notification);
  }

  async #apply(): Promise<void> {
    const { env, log, authorities } = this.#options;
    const defaults = authorities === undefined ? {} : { ca_cert: authorities };
    const { targets, problems } = enabledTargets(this.#configuredTargets(), env, defaults);
    for (const problem of problems) log.error(problem, 'an event target cannot be used as it is configured');
    if (this.#ending.signal.aborted) return;
    const opened: TargetDelivery[] = [];
    const replacing: Promise<void>[] = [];
    const settingsNow = new Map<TargetId, TargetSettings>();
    for (const settings of targets) {
      const before = { delivery: this.hub.target(settings.id), settings: this.#settings.get(settings.id) };
      const target = this.#open(settings);
      if (target === undefined) continue;
      settingsNow.set(settings.id, settings);
      if (before.delivery === undefined || before.settings === undefined) opened.push(this.#deliver(settings, target));
      else {
        opened.push(before.delivery);
        replacing.push(this.#replace(before.delivery, before.settings, settings, target));
      }
    }
    this.#settings = settingsNow;
    await Promise.all([this.hub.useTargets(this.#region, opened), ...replacing]);
    this.#report();
  }

  #configuredTargets(): ConfiguredTargets {
    const text = this.#documents.notify;
    if (text === undefined) return new Map();
    const parsed = NotifyDocument.safeParse(JSON.parse(text));
    if (!parsed.success) throw new Error('the sidecar says of event targets what cannot be understood');
    const targets = Object.entries(parsed.data).map(
      ([subSystem, named]) => [subSystem, new Map<string, TargetKeys>(Object.entries(named))] as const,
    );
    return new Map(targets);
  }

  #open(settings: TargetSettings): EventTarget | undefined {
    try {
      return openTarget(settings);
    } catch (error) {
      const problem = { target: settings.id, problem: reasonOf(error) };
      this.#options.log.error(problem, 'an event target cannot be used as it is configured');
      return undefined;
    }
  }

  #deliver(settings: TargetSettings, target: EventTarget): TargetDelivery {
    this.#metrics.add(settings.id);
    // a queue may be open before there is somebody to tell
    let delivery: TargetDelivery | undefined;
    const queue = this.#queue(settings, () => delivery?.wake());
    delivery = new TargetDelivery({ target, queue, log: this.#deliveryLog() });
    return delivery;
  }

  /** The queue stays unless its place changes; what waits in a place on disk that is given up stays there. */
  async #replace(
    delivery: TargetDelivery,
    before: TargetSettings,
    settings: TargetSettings,
    target: EventTarget,
  ): Promise<void> {
    const { log } = this.#options;
    const { id } = settings;
    if (before.queueDir === settings.queueDir) {
      delivery.useLimit(settings.queueLimit);
      await delivery.replace(target, undefined);
      return;
    }
    const { waiting } = delivery.status;
    if (before.queueDir !== '' && waiting > 0) {
      const left = { target: id, queue: queuePath(before.queueDir, id), waiting };
      log.warn(left, 'events stay in a queue that is not used any more; they are delivered when it is again');
    }
    await delivery.replace(
      target,
      this.#queue(settings, () => delivery.wake()),
    );
  }

  /** @param wake tells that the queue can be read now */
  #queue({ id, queueDir, queueLimit }: TargetSettings, wake: () => void): EventQueue {
    if (queueDir === '') return new MemoryQueue(queueLimit);
    return new DurableQueue({
      path: queuePath(queueDir, id),
      limit: queueLimit,
      log: queueLog(id, this.#options.log),
      leftovers: leftoverLog(id, this.#options.log),
      onOpen: (sequencer) => {
        this.hub.sequencer.follow(sequencer);
        wake();
      },
    });
  }

  #deliveryLog(): DeliveryLog {
    const { log } = this.#options;
    const metrics = this.#metrics;
    return {
      online: (target) => {
        log.info({ target }, 'an event target is reachable');
        setImmediate(() => this.#report());
      },
      offline: (target, reason, waiting) => {
        log.warn({ target, reason, waiting }, 'an event target is not reachable; its events wait');
        setImmediate(() => this.#report());
      },
      dropping: (target, reason) => log.error({ target, reason }, 'events of a target are lost'),
      taking: (target, lost) => log.warn({ target, lost }, 'events of a target are taken again'),
      refused: (target, reason, event) =>
        log.error(
          { target, reason, event: event.json.slice(0, 2_048) },
          'an event was refused by its target and is given up',
        ),
      delivered: (target, count) => metrics.delivered(target, count),
      failed: (target) => metrics.failed(target),
      dropped: (target, reason, count) => metrics.dropped(target, reason, count),
    };
  }
}
