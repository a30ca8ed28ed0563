// What the worker processes use, in the names that Prometheus gives such things; gathered over all workers they are sums.
import { Counter, Gauge, type Registry } from 'prom-client';

/** Adds them to a registry. */
export function addProcessMetrics(registry: Registry): void {
  const gauge = (name: string, help: string, aggregator: 'sum' | 'min' | 'max', read: () => number): void => {
    new Gauge({
      name,
      help,
      aggregator,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  const total = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  const cpuSeconds = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const resident = (): number => process.memoryUsage.rss();
  const startedAt = Math.round(Date.now() / 1000 - process.uptime());
  gauge('portcullis_gateway_workers', 'Worker processes that serve', 'sum', () => 1);
  total('process_cpu_seconds_total', 'CPU time of the worker processes', cpuSeconds);
  gauge('process_resident_memory_bytes', 'Resident memory of the worker processes', 'sum', resident);
  gauge('process_start_time_seconds', 'When the oldest worker started, Unix time', 'min', () => startedAt);
  total('minio_node_process_cpu_total_seconds', 'CPU time of the worker processes', cpuSeconds);
  gauge('minio_node_process_resident_memory_bytes', 'Resident memory of the worker processes', 'sum', resident);
  gauge('minio_node_process_starttime_seconds', 'When the oldest worker started, Unix time', 'min', () => startedAt);
  gauge('minio_node_process_uptime_seconds', 'Age of the oldest worker', 'max', () => process.uptime());
}
