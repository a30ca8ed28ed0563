// The body of a request as it arrives, piece by piece, taken only when asked for: a body that nobody asks for stays in the
// client (Expect: 100-continue is answered at the first asking) or in the socket.
import type { IncomingMessage } from 'node:http';
import type { ByteSource } from './s3/byte-reader.ts';
import { S3Error } from './s3/errors.ts';

export interface RequestBodyOptions {
  /** Longest wait for the next piece, milliseconds. */
  readonly stallMs: number;
  /** Called once, before the first piece is asked for. */
  readonly onFirstRead?: (() => void) | undefined;
}

export class RequestBody implements ByteSource {
  readonly #request: IncomingMessage;
  readonly #options: RequestBodyOptions;
  #started = false;
  #ended = false;
  #failure: S3Error | undefined;
  #received = 0;
  #wake: (() => void) | undefined;
  /** When it must have arrived, performance.now; undefined as long as it keeps coming. */
  #deadline: number | undefined;

  constructor(request: IncomingMessage, options: RequestBodyOptions) {
    this.#request = request;
    this.#options = options;
    // Without a listener an aborted request would end the process.
    request.on('error', (error) => this.#fail(new S3Error('IncompleteBody', undefined, { cause: error })));
    request.on('close', () => {
      if (!request.readableEnded) this.#fail(new S3Error('IncompleteBody', 'The connection was closed.'));
    });
  }

  /** True once the body was asked for. */
  get started(): boolean {
    return this.#started;
  }

  /** True when no more of the body can be expected. */
  get broken(): boolean {
    return this.#failure !== undefined;
  }

  /** True when the whole body has arrived. */
  get complete(): boolean {
    return this.#request.complete;
  }

  /** Bytes taken so far. */
  get received(): number {
    return this.#received;
  }

  /** What is asked for from now on must arrive within so many milliseconds altogether; undefined lifts that. */
  hurry(withinMs: number | undefined): void {
    this.#deadline = withinMs === undefined ? undefined : performance.now() + withinMs;
  }

  async next(): Promise<Uint8Array | undefined> {
    if (!this.#started) this.#start();
    for (;;) {
      const piece: unknown = this.#request.read();
      if (piece instanceof Uint8Array) {
        this.#received += piece.byteLength;
        return piece;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return undefined;
      await this.#arrival();
    }
  }

  /** Lets what is left of the body flow away; the caller bounds it. */
  discard(): void {
    this.#request.removeListener('readable', this.#onArrival);
    this.#request.resume();
  }

  #start(): void {
    this.#started = true;
    this.#options.onFirstRead?.();
    this.#request.on('readable', this.#onArrival);
    this.#request.on('end', () => {
      this.#ended = true;
      this.#onArrival();
    });
    this.#ended = this.#request.readableEnded;
  }

  readonly #onArrival = (): void => {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };

  #fail(error: S3Error): void {
    this.#failure ??= error;
    this.#onArrival();
  }

  async #arrival(): Promise<void> {
    const left = this.#deadline === undefined ? Number.POSITIVE_INFINITY : this.#deadline - performance.now();
    const waitMs = Math.min(this.#options.stallMs, Math.max(left, 0));
    const timer = setTimeout(() => this.#fail(new S3Error('RequestTimeout')), waitMs);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    clearTimeout(timer);
  }
}
