// A limit on bytes a second: who takes bytes waits until the second they fit in. Short bursts pass at once.
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes of so much time pass at once after a pause. */
const BURST_MS = 1000;

export class Bandwidth {
  readonly #bytesPerSecond: number;
  /** Until when what was taken so far keeps the line busy. */
  #busyUntil = 0;

  /** 0 = unlimited. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  async take(bytes: number, signal?: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond <= 0) return;
    const now = performance.now();
    const from = Math.max(this.#busyUntil, now - BURST_MS);
    this.#busyUntil = from + (bytes / this.#bytesPerSecond) * 1000;
    const wait = this.#busyUntil - now;
    if (wait > 0) await delay(wait, undefined, signal === undefined ? {} : { signal });
  }
}

/** Bytes a second of a limit in Mbps, as the setting record has it. */
export function bytesPerSecond(mbps: number): number {
  return (mbps * 1e6) / 8;
}
