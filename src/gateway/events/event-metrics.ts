// What is measured of event targets.
import { Counter, Gauge, Registry } from 'prom-client';
import type { DropReason, TargetStatus } from './target-delivery.ts';
import type { TargetId } from './target-name.ts';

export class EventMetrics {
  readonly registry = new Registry();
  readonly #delivered: Counter<'target'>;
  readonly #failed: Counter<'target'>;
  readonly #dropped: Counter<'target' | 'reason'>;
  readonly #lost: Counter;

  /** @param status asked for whenever the metrics are gathered */
  constructor(status: () => readonly TargetStatus[]) {
    const registers = [this.registry];
    const gauge = (name: string, help: string, read: (target: TargetStatus) => number): void => {
      new Gauge({
        name,
        help,
        labelNames: ['target'],
        registers,
        collect() {
          this.reset();
          for (const target of status()) this.set({ target: target.id }, read(target));
        },
      });
    };
    gauge('portcullis_event_target_up', '1 when the last attempt to reach the target went well', ({ online }) =>
      online ? 1 : 0,
    );
    gauge('portcullis_event_target_queued', 'Events that wait for the target', ({ waiting }) => waiting);
    gauge('portcullis_event_target_lag_seconds', 'Age of the oldest event that waits', ({ lagMs }) => lagMs / 1000);
    this.#delivered = new Counter({
      name: 'portcullis_event_target_delivered_total',
      help: 'Events delivered',
      labelNames: ['target'],
      registers,
    });
    this.#failed = new Counter({
      name: 'portcullis_event_target_failed_total',
      help: 'Deliveries that failed and are tried again',
      labelNames: ['target'],
      registers,
    });
    this.#dropped = new Counter({
      name: 'portcullis_event_target_dropped_total',
      help: 'Events lost, by reason: queue_full, queue_failed, refused, shutdown',
      labelNames: ['target', 'reason'],
      registers,
    });
    this.#lost = new Counter({
      name: 'portcullis_events_lost_total',
      help: 'Events lost between a worker and the queues: the primary process did not take them in time, or too many were on their way',
      registers,
    });
  }

  lost(count: number): void {
    this.#lost.inc(count);
  }

  /** Counters of a target are there from its start, at zero. */
  add(target: TargetId): void {
    this.#delivered.inc({ target }, 0);
    this.#failed.inc({ target }, 0);
    this.#dropped.inc({ target, reason: 'queue_full' }, 0);
  }

  delivered(target: TargetId, count: number): void {
    this.#delivered.inc({ target }, count);
  }

  failed(target: TargetId): void {
    this.#failed.inc({ target });
  }

  dropped(target: TargetId, reason: DropReason, count: number): void {
    this.#dropped.inc({ target, reason }, count);
  }
}
