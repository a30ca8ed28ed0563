// The primary's and the workers' sides of events, over channels that carry what they say as JSON.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { eventually } from '../../../test/harness/waiting.ts';
import type { EventRule } from './event-filter.ts';
import { EventHub, HOLD_MS, type WorkerChannel } from './event-hub.ts';
import type { EventsFromWorker, EventsToWorker } from './event-messages.ts';
import { EventPublisher, TAKE_TIMEOUT_MS } from './event-publisher.ts';
import { MemoryQueue } from './event-queue.ts';
import { TargetDelivery } from './target-delivery.ts';
import type { TargetId } from './target-name.ts';

afterEach(() => {
  vi.useRealTimers();
});

const PUT = 's3:ObjectCreated:Put';
const CAUSE = { requestId: 'r', accessKey: 'a', sourceAddress: '::1', userAgent: 'u', contentLength: 0 };
const put = (key: string, bucket = 'bucket') => [{ name: PUT, bucket, key, size: 1 }] as const;
const rule = (target: TargetId): EventRule => ({ events: [PUT], prefix: '', suffix: '', target });

/** A hub, and workers of it. */
class House {
  readonly said: string[] = [];
  lost = 0;
  rules: readonly EventRule[] = [];
  readonly hub = new EventHub({
    endpoint: 'http://here',
    rulesOf: async () => this.rules,
    log: { warn: (fields, message) => this.said.push(`${message} ${JSON.stringify(fields)}`) },
    onLost: (count) => {
      this.lost += count;
    },
  });

  /** A worker; the primary hears it as long as `hears` says. */
  worker(hears: () => boolean = () => true): EventPublisher {
    const channel: WorkerChannel = {
      send: (message) => publisher.receive(JSON.parse(JSON.stringify(message)) as EventsToWorker),
    };
    const publisher: EventPublisher = new EventPublisher({
      send: (message) => {
        if (hears() || message.type === 'events-lost')
          this.hub.receive(channel, JSON.parse(JSON.stringify(message)) as EventsFromWorker);
      },
      log: { warn: (fields, message) => this.said.push(`${message} ${JSON.stringify(fields)}`) },
    });
    this.hub.connect(channel);
    return publisher;
  }
}

/** A target that keeps the keys that it is told. */
function target(id: TargetId) {
  const keys: string[] = [];
  const nothing = (): undefined => undefined;
  const delivery = new TargetDelivery({
    target: {
      id,
      check: async () => undefined,
      deliver: async (events) => {
        for (const { json } of events) keys.push(JSON.parse(json).s3.object.key);
      },
      close: async () => undefined,
    },
    queue: new MemoryQueue(0),
    log: {
      online: nothing,
      offline: nothing,
      dropping: nothing,
      taking: nothing,
      refused: nothing,
      delivered: nothing,
      failed: nothing,
      dropped: nothing,
    },
  });
  return { delivery, keys };
}

describe('events that happen before the configuration is known', () => {
  it('are held, with their requests, and told in their order to who wants them', async () => {
    const house = new House();
    const worker = house.worker();
    let answered = 0;
    for (const key of ['a', 'b', 'c']) void worker.publish(put(key), CAUSE)?.then(() => answered++);
    void worker.publish(put('x', 'other'), CAUSE)?.then(() => answered++);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(answered).toBe(0);
    const { delivery, keys } = target('1:redis');
    house.hub.useBuckets(new Map([['bucket', [rule('1:redis')]]]));
    await house.hub.useTargets('', [delivery]);
    await eventually('all are answered', () => answered === 4);
    await eventually('all are told', () => keys.length === 3);
    expect(keys).toEqual(['a', 'b', 'c']);
    // from now on only what is wanted is spoken of
    expect(worker.publish(put('x', 'other'), CAUSE)).toBeUndefined();
    expect(house.said).toEqual([]);
    await house.hub.close(0);
  });

  it('are let go when it stays unknown, which is said', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const house = new House();
    const worker = house.worker();
    const answered = worker.publish(put('a'), CAUSE);
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(HOLD_MS);
    await answered;
    expect(house.said[0]).toContain('the configuration of events is not known yet');
    expect(worker.publish(put('b'), CAUSE)).toBeUndefined();
    expect(house.lost).toBe(0);
  });
});

describe('a primary process that does not answer', () => {
  it('keeps no request for ever; what is lost is counted, and said once until it answers again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const house = new House();
    let hears = true;
    const worker = house.worker(() => hears);
    const { delivery } = target('1:redis');
    house.hub.useBuckets(new Map([['bucket', [rule('1:redis')]]]));
    await house.hub.useTargets('', [delivery]);
    const publish = async (): Promise<void> => {
      const answered = worker.publish(put('a'), CAUSE);
      await new Promise((resolve) => setImmediate(resolve));
      vi.advanceTimersByTime(hears ? 0 : TAKE_TIMEOUT_MS);
      await answered;
    };
    hears = false;
    await publish();
    await publish();
    expect(house.lost).toBe(2);
    expect(house.said).toHaveLength(1);
    hears = true;
    await publish();
    hears = false;
    await publish();
    expect(house.said).toHaveLength(2);
    expect(house.lost).toBe(3);
  });
});

describe('a rule whose target is not configured', () => {
  it('is named once, until it is gone', async () => {
    const house = new House();
    const { delivery } = target('1:redis');
    const rules = new Map([['bucket', [rule('1:redis'), rule('2:redis')]]]);
    house.hub.useBuckets(rules);
    await house.hub.useTargets('', [delivery]);
    house.hub.useBuckets(rules);
    expect(house.said).toEqual([
      'a bucket notifies a target that is not configured {"bucket":"bucket","target":"2:redis"}',
    ]);
    house.hub.useBuckets(new Map());
    house.hub.useBuckets(rules);
    expect(house.said).toHaveLength(2);
    await house.hub.close(0);
  });
});
