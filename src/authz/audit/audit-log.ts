// One structured line a decision: who asked for what, what was decided, by which statement. Never a secret: neither signatures nor
// tokens nor canonical requests reach an entry.

import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';

/** Bytes that may wait for a slow disk; beyond it lines are dropped and counted. */
export const MAX_PENDING_BYTES = 16 * 1024 * 1024;

export interface AuditEntry {
  readonly time: string; // RFC 3339
  readonly requestId: string;
  readonly sourceAddress: string;
  readonly principalType: string;
  readonly accessKey: string;
  readonly parent: string;
  readonly action: string;
  readonly resource: string;
  readonly outcome: string;
  readonly reason: string;
  readonly policy?: string;
  readonly sid?: string;
  readonly statement?: number;
  readonly revision: string;
}

export interface AuditSink {
  write(entry: AuditEntry): void;
  /** Writes out what waits. Idempotent. */
  close(): Promise<void>;
}

/** Writes JSON lines to a file (made 0600, appended to) or, for '-', to standard output. */
export class JsonLinesAuditSink implements AuditSink {
  readonly #stream: WriteStream | NodeJS.WriteStream;
  readonly #onDropped: (count: number) => void;
  #dropped = 0;
  #closed = false;

  private constructor(stream: WriteStream | NodeJS.WriteStream, onDropped: (count: number) => void) {
    this.#stream = stream;
    this.#onDropped = onDropped;
  }

  /**
   * Opens the sink; throws when the file cannot be written.
   * @param onDropped told, at most once a burst, how many lines a slow disk cost
   * @param onError told when writing fails later
   */
  static async open(
    path: string,
    onDropped: (count: number) => void,
    onError: (error: Error) => void,
  ): Promise<JsonLinesAuditSink> {
    if (path === '-') return new JsonLinesAuditSink(process.stdout, onDropped);
    const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
    await once(stream, 'open');
    stream.on('error', onError);
    return new JsonLinesAuditSink(stream, onDropped);
  }

  write(entry: AuditEntry): void {
    if (this.#closed) return;
    if (this.#stream.writableLength > MAX_PENDING_BYTES) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) {
      this.#onDropped(this.#dropped);
      this.#dropped = 0;
    }
    this.#stream.write(`${JSON.stringify(entry)}\n`);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#stream === process.stdout) return;
    const finished = once(this.#stream, 'close');
    this.#stream.end();
    await finished;
  }
}
