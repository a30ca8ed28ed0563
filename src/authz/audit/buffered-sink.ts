// Lines on their way to where they are kept: a bounded buffer, written in batches, tried again while the place fails. What does not fit is
// counted; failures are counted, and told now and then.
import type { AuditedDecision, AuditSink } from './audit-log.ts';

/** Bytes that wait; beyond it lines are dropped and counted. */
export const MAX_PENDING_BYTES = 16 * 1024 * 1024;
/** Bytes of one batch. */
export const MAX_BATCH_BYTES = 256 * 1024;
const RETRY_MS = { first: 100, last: 10_000 };
/** Longest that closing goes on trying. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Least time between two complaints. */
const COMPLAINT_INTERVAL_MS = 10_000;

/** Where lines are kept. */
export interface LineWriter {
  /** Keeps all of these lines, or rejects; lines may then be written again. */
  write(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** What a sink has come to, for the log. */
export interface AuditTrouble {
  /** Attempts that failed, and lines that were dropped, since the service started. */
  readonly failures: number;
  readonly dropped: number;
  readonly waiting: number;
  readonly error: unknown;
}

/** What became of the lines since the service started. */
export interface SinkCounts {
  /** Lines that are kept. */
  readonly written: number;
  /** Attempts that failed. */
  readonly failures: number;
  /** Lines that were written again after a failure. */
  readonly retried: number;
  readonly dropped: number;
  readonly waiting: number;
}

interface Waiting {
  readonly line: string;
  readonly kept: ((error?: Error) => void) | undefined;
}

export class BufferedSink implements AuditSink {
  /** For people: where the lines go. */
  readonly place: string;
  readonly #writer: LineWriter;
  readonly #onTrouble: (trouble: AuditTrouble) => void;
  #queue: Waiting[] = [];
  #bytes = 0;
  #running: Promise<void> | undefined;
  #retryMs = RETRY_MS.first;
  #written = 0;
  #failures = 0;
  #retried = 0;
  #dropped = 0;
  #lastError: unknown;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #closing = false;
  #wake: (() => void) | undefined;

  /** @param onTrouble told at most every ten seconds while lines cannot be kept */
  constructor(writer: LineWriter, onTrouble: (trouble: AuditTrouble) => void, place = '') {
    this.place = place;
    this.#writer = writer;
    this.#onTrouble = onTrouble;
  }

  get counts(): SinkCounts {
    return {
      written: this.#written,
      failures: this.#failures,
      retried: this.#retried,
      dropped: this.#dropped,
      waiting: this.#queue.length,
    };
  }

  write(decision: AuditedDecision): void {
    this.#add(`${JSON.stringify(decision.entry())}\n`, undefined);
  }

  /** Rejects at once while the place fails: whoever must be sure does not wait for better times. */
  keep(decision: AuditedDecision): Promise<void> {
    if (this.#retryMs !== RETRY_MS.first) {
      return Promise.reject(new Error('audit lines cannot be kept', { cause: this.#lastError }));
    }
    return new Promise((resolve, reject) => {
      this.#add(`${JSON.stringify(decision.entry())}\n`, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    await Promise.race([this.#running ?? Promise.resolve(), late]);
    clearTimeout(timer);
    if (this.#queue.length > 0) {
      this.#dropped += this.#queue.length;
      this.#complain(true);
      this.#queue = [];
    }
    await this.#writer.close();
  }

  #add(line: string, kept: Waiting['kept']): void {
    const bytes = Buffer.byteLength(line);
    if (this.#closing || this.#bytes + bytes > MAX_PENDING_BYTES) {
      this.#dropped += 1;
      kept?.(new Error('the buffer of audit lines is full'));
      this.#complain(false);
      return;
    }
    this.#queue.push({ line, kept });
    this.#bytes += bytes;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    // What is decided in this turn of the loop is written together.
    await new Promise((resolve) => setImmediate(resolve));
    let failed = false;
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch();
      if (failed) this.#retried += batch.length;
      try {
        await this.#writer.write(batch.map(({ line }) => line));
        failed = false;
        this.#written += batch.length;
        this.#retryMs = RETRY_MS.first;
        this.#queue.splice(0, batch.length);
        for (const { line, kept } of batch) {
          this.#bytes -= Buffer.byteLength(line);
          kept?.();
        }
      } catch (error) {
        failed = true;
        this.#failures += 1;
        this.#lastError = error;
        this.#complain(false);
        this.#refuseWhoMustBeSure();
        await this.#pause();
        if (this.#closing && this.#retryMs === RETRY_MS.last) return;
      }
    }
  }

  #nextBatch(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { line } of this.#queue) {
      bytes += line.length;
      if (count > 0 && bytes > MAX_BATCH_BYTES) break;
      count += 1;
    }
    return this.#queue.slice(0, count);
  }

  /** Their requests are refused; their lines are not needed any more. */
  #refuseWhoMustBeSure(): void {
    const error = new Error('audit lines cannot be kept', { cause: this.#lastError });
    this.#queue = this.#queue.filter(({ line, kept }) => {
      if (kept === undefined) return true;
      this.#bytes -= Buffer.byteLength(line);
      kept(error);
      return false;
    });
  }

  async #pause(): Promise<void> {
    const waitMs = this.#closing ? RETRY_MS.first : this.#retryMs;
    this.#retryMs = this.#closing ? RETRY_MS.last : Math.min(this.#retryMs * 2, RETRY_MS.last);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
    // A place that failed is asked again by the next who must be sure, once the pause is over.
    if (this.#queue.length === 0) this.#retryMs = RETRY_MS.first;
  }

  #complain(always: boolean): void {
    const now = performance.now();
    if (!always && now - this.#complainedAt < COMPLAINT_INTERVAL_MS) return;
    this.#complainedAt = now;
    const { length: waiting } = this.#queue;
    this.#onTrouble({ failures: this.#failures, dropped: this.#dropped, waiting, error: this.#lastError });
  }
}
