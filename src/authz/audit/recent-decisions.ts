// The decisions of the last while, kept in memory for people who look at them as they happen, or look up a request that was refused.
import type { AuditEntry, AuditedDecision, AuditSink } from './audit-log.ts';

/** Decisions kept; older ones are forgotten. Refusals are what people look up; a busy service would spend its time on keeping the rest. */
export const KEPT_REFUSALS = 5_000;
export const KEPT_PERMISSIONS = 500;
/** Of those that nobody acted on, whatever was decided: a page asks much more than people do. */
export const KEPT_QUESTIONS = 500;
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
  readonly #refusals = new Ring(KEPT_REFUSALS);
  readonly #permissions = new Ring(KEPT_PERMISSIONS);
  readonly #questions = new Ring(KEPT_QUESTIONS);
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
    const ring = decision.asksOnly ? this.#questions : decision.isRefusal ? this.#refusals : this.#permissions;
    ring.add({ sequence: this.#next, decision });
    this.#next += 1;
  }

  /**
   * Decisions after a sequence number, oldest first; the latest ones when more were made than are answered.
   * @param questions those that nobody acted on, too
   */
  after(
    sequence: number,
    { questions = false }: { questions?: boolean } = {},
  ): { readonly lines: readonly RecentDecision[]; readonly next: number } {
    const isWanted = (one: Kept): boolean => one.sequence > sequence && (questions || !one.decision.asksOnly);
    const kept = this.#kept(isWanted).slice(-MAX_ANSWERED);
    return { lines: kept.map(lineOf), next: this.#next - 1 };
  }

  /** All that somebody acted on and that are kept, oldest first. */
  all(): readonly RecentDecision[] {
    return this.#kept(({ decision }) => !decision.asksOnly).map(lineOf);
  }

  /** The decisions of one request that are still kept, each with how it came about. */
  explain(requestId: string): readonly { readonly line: RecentDecision; readonly explanation: unknown }[] {
    return this.#keptOf(requestId).map((kept) => ({ line: lineOf(kept), explanation: kept.decision.explain() }));
  }

  #keptOf(requestId: string): readonly Kept[] {
    return this.#kept(({ decision }) => decision.entry().requestId === requestId);
  }

  #kept(chosen: (kept: Kept) => boolean): readonly Kept[] {
    const all = [...this.#refusals.all(), ...this.#permissions.all(), ...this.#questions.all()];
    return all.filter(chosen).sort((a, b) => a.sequence - b.sequence);
  }

  async close(): Promise<void> {
    for (const sink of this.#behind) await sink.close();
  }
}

function lineOf({ sequence, decision }: Kept): RecentDecision {
  return { ...decision.entry(), sequence };
}

/** The last so many. */
class Ring {
  readonly #kept: (Kept | undefined)[];
  #at = 0;

  constructor(size: number) {
    this.#kept = new Array(size);
  }

  add(kept: Kept): void {
    this.#kept[this.#at] = kept;
    this.#at = (this.#at + 1) % this.#kept.length;
  }

  all(): Kept[] {
    return this.#kept.filter((kept) => kept !== undefined);
  }
}
