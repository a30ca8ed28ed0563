// Measuring: throughput at a fixed concurrency, latency percentiles, and the CPU time that given processes used meanwhile.
import { readFileSync } from 'node:fs';

/** Clock ticks a second of /proc/PID/stat on Linux. */
const TICKS = 100;

/** User and system time of processes, seconds. Linux. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((total, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return total + (Number(fields[11]) + Number(fields[12])) / TICKS;
  }, 0);
}

export interface Measured {
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU microseconds of the given processes for one operation. */
  readonly cpuMicrosPerOp: number;
  /** CPU microseconds of this process, which asks, for one operation. */
  readonly askerMicrosPerOp: number;
}

/** Runs `operation` from `concurrency` loops for `milliseconds`, after `warmUp` milliseconds or a fifth of that as warm-up. */
export async function measure(
  operation: () => Promise<void>,
  options: { concurrency: number; milliseconds: number; warmUp?: number | undefined; pids: readonly number[] },
): Promise<Measured> {
  const run = async (milliseconds: number): Promise<number[]> => {
    const times: number[] = [];
    const until = performance.now() + milliseconds;
    await Promise.all(
      Array.from({ length: options.concurrency }, async () => {
        while (performance.now() < until) {
          const start = performance.now();
          await operation();
          times.push(performance.now() - start);
        }
      }),
    );
    return times;
  };
  await run(options.warmUp ?? options.milliseconds / 5);
  const cpuBefore = cpuSeconds(options.pids);
  const ownBefore = process.cpuUsage();
  const start = performance.now();
  const times = await run(options.milliseconds);
  const seconds = (performance.now() - start) / 1000;
  const cpu = cpuSeconds(options.pids) - cpuBefore;
  const own = process.cpuUsage(ownBefore);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    opsPerSecond: times.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuMicrosPerOp: (cpu / times.length) * 1e6,
    askerMicrosPerOp: (own.user + own.system) / times.length,
  };
}

/** One line of a table: the measured thing beside its reference. */
export function row(name: string, ours: Measured, reference: Measured): string {
  const figures = (m: Measured): string =>
    `${m.opsPerSecond.toFixed(0).padStart(7)}/s  cpu ${m.cpuMicrosPerOp.toFixed(1).padStart(6)} µs  p50 ${(m.p50Ms * 1000).toFixed(0).padStart(5)} µs  p99 ${m.p99Ms.toFixed(2).padStart(6)} ms`;
  const ratio = reference.cpuMicrosPerOp === 0 ? Number.NaN : ours.cpuMicrosPerOp / reference.cpuMicrosPerOp;
  return `${name.padEnd(24)} ${figures(ours)}   reference ${figures(reference)}   cpu ratio ${ratio.toFixed(2)}`;
}
