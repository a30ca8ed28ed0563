import { Gauge, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { type MetricsFromWorker, WorkerMetrics } from './gateway-metrics.ts';

describe('WorkerMetrics', () => {
  const worker = (collect: () => void) => {
    const registry = new Registry();
    new Gauge({ name: 'a_gauge', help: 'a gauge', registers: [registry], collect });
    const sent: MetricsFromWorker[] = [];
    const logged: string[] = [];
    const metrics = new WorkerMetrics((message) => void sent.push(message), {
      error: (_fields: unknown, message?: string) => void logged.push(message ?? ''),
    });
    metrics.serve(registry);
    return { metrics, sent, logged };
  };

  it('tells its figures', async () => {
    const { metrics, sent, logged } = worker(() => undefined);
    await metrics.receive({ type: 'tellMetrics', id: 7 });
    expect(sent).toMatchObject([{ type: 'figures', id: 7, figures: [{ name: 'a_gauge' }] }]);
    expect(logged).toEqual([]);
  });

  it('says in the log that they cannot be read, and answers nothing', async () => {
    const { metrics, sent, logged } = worker(() => {
      throw new Error('no figures');
    });
    await metrics.receive({ type: 'tellMetrics', id: 7 });
    expect(sent).toEqual([]);
    expect(logged).toEqual(['the metrics of this worker cannot be read']);
  });
});
