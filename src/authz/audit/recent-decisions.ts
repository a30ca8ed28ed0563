// The decisions of the last while, kept in memory for people who look at them as they happen, or look up a request that was refused.
import type { AuditEntry, AuditSink } from './audit-log.ts';

/** Decisions kept; older ones are forgotten. */
export const KEPT_DECISIONS = 5_000;
/** Decisions of one answer. */
export const MAX_ANSWERED = 500;

export interface RecentDecision extends AuditEntry {
  /** Grows by one with each decision. */
  readonly sequence: number;
}

/** Keeps what is written, and hands it on to the sink behind it. */
export class RecentDecisions implements AuditSink {
  readonly #behind: AuditSink | undefined;
  /** A ring: decision number n lies at n modulo its size. */
  readonly #ring: (RecentDecision | undefined)[] = new Array(KEPT_DECISIONS);
  #next = 1;

  constructor(behind: AuditSink | undefined) {
    this.#behind = behind;
  }

  write(entry: AuditEntry): void {
    this.#ring[this.#next % KEPT_DECISIONS] = { ...entry, sequence: this.#next };
    this.#next += 1;
    this.#behind?.write(entry);
  }

  /** Decisions after a sequence number, oldest first; the latest ones when more were made than are answered. */
  after(sequence: number): { readonly lines: readonly RecentDecision[]; readonly next: number } {
    const last = this.#next - 1;
    const first = Math.max(sequence + 1, last - MAX_ANSWERED + 1, this.#next - KEPT_DECISIONS, 1);
    const lines: RecentDecision[] = [];
    for (let number = first; number <= last; number++) {
      const line = this.#ring[number % KEPT_DECISIONS];
      if (line !== undefined) lines.push(line);
    }
    return { lines, next: last };
  }

  /** All that are kept, oldest first. */
  all(): readonly RecentDecision[] {
    return this.#ring
      .filter((line): line is RecentDecision => line !== undefined)
      .sort((a, b) => a.sequence - b.sequence);
  }

  /** The decisions of one request that are still kept. */
  ofRequest(requestId: string): readonly RecentDecision[] {
    return this.all().filter((line) => line.requestId === requestId);
  }

  async close(): Promise<void> {
    await this.#behind?.close();
  }
}
