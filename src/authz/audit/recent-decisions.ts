// The decisions of the last while, kept in memory for people who look at them as they happen, or look up a request that was refused.
import type { AuditEntry, AuditedDecision, AuditSink } from './audit-log.ts';

/** Decisions kept; older ones are forgotten. */
export const KEPT_DECISIONS = 5_000;
/** Decisions of one answer. */
export const MAX_ANSWERED = 500;

export interface RecentDecision extends AuditEntry {
  /** Grows by one with each decision. */
  readonly sequence: number;
}

interface Kept {
  readonly sequence: number;
  readonly decision: AuditedDecision;
}

/** Keeps what is written, and hands it on to the sinks behind it. */
export class RecentDecisions implements AuditSink {
  readonly #behind: readonly AuditSink[];
  /** A ring: decision number n lies at n modulo its size. */
  readonly #ring: (Kept | undefined)[] = new Array(KEPT_DECISIONS);
  #next = 1;

  constructor(behind: readonly AuditSink[]) {
    this.#behind = behind;
  }

  write(decision: AuditedDecision): void {
    this.#remember(decision);
    for (const sink of this.#behind) sink.write(decision);
  }

  /** Kept only when every sink has kept it. */
  async keep(decision: AuditedDecision): Promise<void> {
    this.#remember(decision);
    await Promise.all(this.#behind.map((sink) => sink.keep(decision)));
  }

  #remember(decision: AuditedDecision): void {
    this.#ring[this.#next % KEPT_DECISIONS] = { sequence: this.#next, decision };
    this.#next += 1;
  }

  /** Decisions after a sequence number, oldest first; the latest ones when more were made than are answered. */
  after(sequence: number): { readonly lines: readonly RecentDecision[]; readonly next: number } {
    const last = this.#next - 1;
    const first = Math.max(sequence + 1, last - MAX_ANSWERED + 1, this.#next - KEPT_DECISIONS, 1);
    const lines: RecentDecision[] = [];
    for (let number = first; number <= last; number++) {
      const kept = this.#ring[number % KEPT_DECISIONS];
      if (kept !== undefined) lines.push(lineOf(kept));
    }
    return { lines, next: last };
  }

  /** All that are kept, oldest first. */
  all(): readonly RecentDecision[] {
    return this.#kept(() => true).map(lineOf);
  }

  /** The decisions of one request that are still kept. */
  ofRequest(requestId: string): readonly RecentDecision[] {
    return this.#keptOf(requestId).map(lineOf);
  }

  /** The same, each with how it came about. */
  explain(requestId: string): readonly { readonly line: RecentDecision; readonly explanation: unknown }[] {
    return this.#keptOf(requestId).map((kept) => ({ line: lineOf(kept), explanation: kept.decision.explain() }));
  }

  #keptOf(requestId: string): readonly Kept[] {
    return this.#kept(({ decision }) => decision.entry().requestId === requestId);
  }

  #kept(chosen: (kept: Kept) => boolean): readonly Kept[] {
    return this.#ring
      .filter((kept): kept is Kept => kept !== undefined && chosen(kept))
      .sort((a, b) => a.sequence - b.sequence);
  }

  async close(): Promise<void> {
    for (const sink of this.#behind) await sink.close();
  }
}

function lineOf({ sequence, decision }: Kept): RecentDecision {
  return { ...decision.entry(), sequence };
}
