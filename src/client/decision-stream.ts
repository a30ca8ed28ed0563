// The one long-lived stream to the sidecar: what is asked within one turn of the event loop goes out in one message, answers
// are paired by id, and every ask ends: with its answer, at its deadline, or when the stream breaks.
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import type {
  AuthorizeStreamRequest,
  AuthorizeStreamRequest_Item,
  AuthorizeStreamResponse,
  AuthorizeStreamResponse_Item,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';

export type Ask = NonNullable<AuthorizeStreamRequest_Item['ask']>;
export type Answer = NonNullable<AuthorizeStreamResponse_Item['answer']>;
export type DecisionCall = ClientDuplexStream<AuthorizeStreamRequest, AuthorizeStreamResponse>;

/** Asks without an answer, in all. More are refused at once. */
export const MAX_ASKS_IN_FLIGHT = 8_192;
/** Asks in one message. */
export const MAX_ASKS_PER_MESSAGE = 256;
/** Bytes of asks in one message, roughly; gRPC's own limit is 4 MiB. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Bytes of one ask, roughly; a larger one would break the stream for all. */
export const MAX_ASK_BYTES = 3 * 1024 * 1024;
const FIRST_BACKOFF_MS = 50;
const LAST_BACKOFF_MS = 1_000;

/** There is no answer: the sidecar is away, late, or answers something else. Refuses whatever was asked. */
export class NoAnswer extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'NoAnswer';
  }
}

/** An answer, and the stream that it came on (handles live and die with their stream). */
export interface Answered {
  readonly answer: Answer;
  readonly generation: number;
}

interface Pending {
  readonly resolve: (answered: Answered) => void;
  readonly reject: (error: NoAnswer) => void;
  readonly timer: NodeJS.Timeout;
  sent: boolean;
}

interface Queued {
  readonly item: AuthorizeStreamRequest_Item;
  readonly bytes: number;
}

export interface DecisionStreamOptions {
  /** Opens a stream; it may fail at any time. */
  readonly open: () => DecisionCall;
  readonly timeoutMs: number;
  readonly onLost: (error: Error) => void;
  readonly onRestored: () => void;
}

export class DecisionStream {
  readonly #options: DecisionStreamOptions;
  readonly #pending = new Map<bigint, Pending>();
  #queue: Queued[] = [];
  #call: DecisionCall | undefined;
  #generation = 0;
  #nextId = 1n;
  #flushing = false;
  #backoffMs = FIRST_BACKOFF_MS;
  #reconnect: NodeJS.Timeout | undefined;
  #away = false;
  #closed = false;

  constructor(options: DecisionStreamOptions) {
    this.#options = options;
  }

  /** The stream in use now. */
  get generation(): number {
    return this.#generation;
  }

  /** Rejects with NoAnswer. `bytes`: the size of the ask, roughly. `timeoutMs`: instead of the stream's. */
  ask(ask: Ask, bytes: number, timeoutMs = this.#options.timeoutMs): Promise<Answered> {
    if (this.#closed) return Promise.reject(new NoAnswer('the client is closed'));
    if (bytes > MAX_ASK_BYTES) return Promise.reject(new NoAnswer('the question is too large'));
    if (this.#pending.size >= MAX_ASKS_IN_FLIGHT) return Promise.reject(new NoAnswer('too many questions at once'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#expire(id, timeoutMs), timeoutMs);
      this.#pending.set(id, { resolve, reject, timer, sent: false });
      this.#queue.push({ item: { id, ask }, bytes });
      if (this.#flushing) return;
      this.#flushing = true;
      setImmediate(() => this.#flush());
    });
  }

  /** Ends the stream; everything pending is rejected. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    const call = this.#call;
    this.#call = undefined;
    this.#rejectAll(new NoAnswer('the client is closed'), () => true);
    call?.end();
    call?.cancel();
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#closed || this.#queue.length === 0 || this.#reconnect !== undefined) return;
    this.#call ??= this.#openCall();
    const queue = this.#queue;
    this.#queue = [];
    let items: AuthorizeStreamRequest_Item[] = [];
    let bytes = 0;
    for (const queued of queue) {
      const pending = this.#pending.get(queued.item.id);
      if (pending === undefined) continue; // its deadline has passed
      if (items.length >= MAX_ASKS_PER_MESSAGE || (items.length > 0 && bytes + queued.bytes > MAX_MESSAGE_BYTES)) {
        this.#call.write({ items });
        items = [];
        bytes = 0;
      }
      pending.sent = true;
      items.push(queued.item);
      bytes += queued.bytes;
    }
    if (items.length > 0) this.#call.write({ items });
  }

  #openCall(): DecisionCall {
    const call = this.#options.open();
    const generation = ++this.#generation;
    call.on('data', (message: AuthorizeStreamResponse) => {
      this.#backoffMs = FIRST_BACKOFF_MS;
      if (this.#away) {
        this.#away = false;
        this.#options.onRestored();
      }
      for (const item of message.items) this.#answer(item, generation);
    });
    call.on('error', (error: ServiceError) => this.#lost(call, error));
    call.on('end', () => this.#lost(call, new Error('the sidecar ended the stream')));
    return call;
  }

  #answer(item: AuthorizeStreamResponse_Item, generation: number): void {
    const pending = this.#pending.get(item.id);
    // an answer that nobody waits for came too late
    if (pending === undefined) return;
    this.#pending.delete(item.id);
    clearTimeout(pending.timer);
    if (item.answer === undefined) pending.reject(new NoAnswer('the sidecar gave an empty answer'));
    else pending.resolve({ answer: item.answer, generation });
  }

  #expire(id: bigint, timeoutMs: number): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.reject(new NoAnswer(`no answer from the sidecar within ${timeoutMs} ms`));
  }

  /** What was sent is refused; what still waits to be sent goes out on the next stream, if its deadline lets it. */
  #lost(call: DecisionCall, error: Error): void {
    if (this.#call !== call) return;
    this.#call = undefined;
    this.#generation++;
    call.cancel();
    if (!this.#away) {
      this.#away = true;
      this.#options.onLost(error);
    }
    this.#rejectAll(new NoAnswer('the stream to the sidecar broke', error), (pending) => pending.sent);
    const delay = this.#backoffMs * (0.5 + Math.random() / 2);
    this.#backoffMs = Math.min(this.#backoffMs * 2, LAST_BACKOFF_MS);
    this.#reconnect = setTimeout(() => {
      this.#reconnect = undefined;
      this.#flush();
    }, delay);
  }

  #rejectAll(error: NoAnswer, chosen: (pending: Pending) => boolean): void {
    for (const [id, pending] of this.#pending) {
      if (!chosen(pending)) continue;
      this.#pending.delete(id);
      clearTimeout(pending.timer);
      pending.reject(error);
    }
  }
}
