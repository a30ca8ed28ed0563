import { describe, expect, it } from 'vitest';
import { eventually } from '../../../test/harness/waiting.ts';
import { MemoryQueue } from './event-queue.ts';
import { type DropReason, TargetDelivery } from './target-delivery.ts';
import { DeliveryError, type EventTarget, TargetError } from './targets/event-target.ts';

const event = (i: number) => ({ json: String(i), timeMs: i });

/** A target whose deliveries go as a test says. */
class ScriptedTarget implements EventTarget {
  readonly id = 't:redis';
  readonly got: number[] = [];
  up = true;
  /** Refused for what it holds. */
  bad = -1;
  attempts = 0;
  async check(): Promise<void> {
    this.attempts++;
    if (!this.up) throw new TargetError('away');
  }
  async deliver(events: readonly { readonly json: string }[]): Promise<void> {
    this.attempts++;
    for (const [delivered, { json }] of events.entries()) {
      if (!this.up) throw new DeliveryError('away', { delivered });
      if (Number(json) === this.bad) throw new DeliveryError('not this one', { delivered, unacceptable: true });
      this.got.push(Number(json));
    }
  }
  async close(): Promise<void> {}
}

function deliver(target: ScriptedTarget, limit = 0, queue = new MemoryQueue(limit)) {
  const said: string[] = [];
  const dropped = new Map<DropReason, number>();
  const delivery = new TargetDelivery({
    target,
    queue,
    random: () => 0,
    log: {
      online: () => said.push('online'),
      offline: (_, reason) => said.push(`offline: ${reason}`),
      dropping: (_, reason) => said.push(`dropping: ${reason}`),
      taking: (_, lost) => said.push(`taking again after ${lost}`),
      refused: (_, reason, { json }) => said.push(`refused ${json}: ${reason}`),
      delivered: () => undefined,
      failed: () => undefined,
      dropped: (_, reason, count) => dropped.set(reason, (dropped.get(reason) ?? 0) + count),
    },
  });
  return { delivery, said, dropped };
}

describe('TargetDelivery', () => {
  it('delivers in order, and says once that its target went and once that it came', async () => {
    const target = new ScriptedTarget();
    const { delivery, said } = deliver(target);
    for (let i = 0; i < 5; i++) delivery.take(event(i));
    await eventually('five', () => target.got.length === 5);
    target.up = false;
    for (let i = 5; i < 250; i++) delivery.take(event(i));
    await eventually('three attempts more', () => target.attempts >= 5);
    expect(delivery.status).toMatchObject({ online: false, reason: 'away', waiting: 245 });
    expect(delivery.status.lagMs).toBeGreaterThan(0);
    target.up = true;
    await eventually('all', () => target.got.length === 250);
    expect(target.got).toEqual(Array.from({ length: 250 }, (_, i) => i));
    expect(said).toEqual(['online', 'offline: away', 'online']);
    await delivery.close(1_000);
  });

  it('tells the age of what waited already when it began', async () => {
    const target = new ScriptedTarget();
    target.up = false;
    const queue = new MemoryQueue(0);
    queue.append(event(Date.now() - 60_000));
    const { delivery } = deliver(target, 0, queue);
    await eventually('it was tried', () => target.attempts > 0);
    await eventually('the lag is told', () => delivery.status.lagMs >= 60_000);
    await delivery.close(0);
  });

  it('counts what its queue does not take, and what is lost at the end', async () => {
    const target = new ScriptedTarget();
    target.up = false;
    const { delivery, said, dropped } = deliver(target, 10);
    await eventually('it was tried', () => target.attempts > 0);
    for (let i = 0; i < 13; i++) delivery.take(event(i));
    expect(dropped.get('queue_full')).toBe(3);
    await delivery.close(100);
    expect(dropped.get('shutdown')).toBe(10);
    expect(said).toEqual(['offline: away', 'dropping: queue_full', 'dropping: shutdown']);
  });

  it('says that events are taken again once its target has caught up, not whenever there is room for one', async () => {
    const target = new ScriptedTarget();
    target.up = false;
    const { delivery, said } = deliver(target, 10);
    for (let i = 0; i < 12; i++) delivery.take(event(i));
    target.up = true;
    await eventually('ten', () => target.got.length === 10);
    await eventually('it is said', () => said.includes('taking again after 2'));
    delivery.take(event(12));
    await eventually('the next', () => target.got.length === 11);
    expect(said.filter((line) => !line.startsWith('o'))).toEqual(['dropping: queue_full', 'taking again after 2']);
    await delivery.close(1_000);
  });

  it('goes over to another target with everything that waits, although the former hangs until it is closed', async () => {
    const former = new ScriptedTarget();
    let end: (error: Error) => void = () => undefined;
    former.deliver = () =>
      new Promise((_, reject) => {
        end = reject;
      });
    former.close = async () => end(new DeliveryError('closed', { delivered: 0 }));
    const { delivery, said } = deliver(former);
    delivery.take(event(0));
    await eventually('it is reachable', () => delivery.status.online === true);
    const next = new ScriptedTarget();
    const replaced = delivery.replace(next, undefined);
    delivery.take(event(1));
    await replaced;
    await eventually('both', () => next.got.length === 2);
    expect(next.got).toEqual([0, 1]);
    expect(said).toEqual(['online', 'online']);
    await delivery.close(1_000);
  });

  it('takes what waits in memory into another queue, in order', async () => {
    const away = new ScriptedTarget();
    away.up = false;
    const { delivery, said } = deliver(away);
    for (let i = 0; i < 3; i++) delivery.take(event(i));
    await eventually('it was tried', () => away.attempts > 0);
    const next = new ScriptedTarget();
    const replaced = delivery.replace(next, new MemoryQueue(0));
    delivery.take(event(3));
    await replaced;
    await eventually('four', () => next.got.length === 4);
    expect(next.got).toEqual([0, 1, 2, 3]);
    expect(said).toEqual(['offline: away', 'online']);
    await delivery.close(1_000);
  });

  it('ends although its target hangs', async () => {
    const target = new ScriptedTarget();
    target.deliver = () => new Promise(() => undefined);
    const { delivery, dropped } = deliver(target);
    delivery.take(event(0));
    await eventually('it is reachable', () => delivery.status.online === true);
    await delivery.close(50);
    expect(dropped.get('shutdown')).toBe(1);
  });

  it('gives up an event that its target refuses for what it holds, and goes on', async () => {
    const target = new ScriptedTarget();
    target.bad = 2;
    const { delivery, said, dropped } = deliver(target);
    for (let i = 0; i < 4; i++) delivery.take(event(i));
    await eventually('three', () => target.got.length === 3);
    expect(target.got).toEqual([0, 1, 3]);
    expect(said).toEqual(['online', 'refused 2: not this one']);
    expect(dropped.get('refused')).toBe(1);
    await delivery.close(1_000);
  });
});
