// One HTTP exchange: a request comes in, the dispatcher serves it, its answer or its error goes out, and the connection is left
// in a state that the next request can trust, or closed.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { AccessLog } from './access-log.ts';
import type { GatewayLimits } from './limits.ts';
import type { GatewayMetrics } from './metrics.ts';
import { writeReply } from './reply-writer.ts';
import { RequestBody } from './request-body.ts';
import type { Dispatcher, RequestTrace } from './s3/dispatch.ts';
import { errorReply, newRequestId, shownError } from './s3/error-reply.ts';
import { S3Error } from './s3/errors.ts';
import type { S3Reply } from './s3/operation.ts';

/** What the gateway writes to its log. */
export interface GatewayLogger {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

export interface S3HandlerOptions {
  readonly dispatcher: Dispatcher;
  readonly limits: GatewayLimits;
  readonly logger: GatewayLogger;
  readonly metrics: GatewayMetrics;
  readonly accessLog: AccessLog | undefined;
}

/** An exchange while it lasts. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: RequestBody;
  readonly url: string;
  readonly requestId: string;
  readonly trace: RequestTrace;
  readonly waitsForContinue: boolean;
}

/** How an exchange ended. */
interface Outcome {
  readonly status: number;
  readonly error: S3Error | undefined;
  readonly sentBytes: number;
}

/** Tells who serves a request that its client went away. The signal is made for those who ask for it: it costs as much as a look-up. */
class Departure {
  #controller: AbortController | undefined;
  #gone = false;

  constructor(response: ServerResponse) {
    response.on('close', () => {
      if (response.writableFinished) return;
      this.#gone = true;
      this.#controller?.abort(departed());
    });
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#gone && !this.#controller.signal.aborted) this.#controller.abort(departed());
    return this.#controller.signal;
  }
}

function departed(): Error {
  return new Error('the client went away');
}

/** Least time between two warnings of refused requests; the access log has them all. */
const WARNING_INTERVAL_MS = 1_000;

export class S3Handler {
  readonly #options: S3HandlerOptions;
  #inFlight = 0;
  /** Requests whose document is being read; they are not in flight meanwhile. */
  #reading = 0;
  #draining = false;
  #nextWarning = 0;

  constructor(options: S3HandlerOptions) {
    this.#options = options;
  }

  /** From now on connections are closed after the answer that is due on them. */
  drain(): void {
    this.#draining = true;
  }

  /**
   * Serves one request; never rejects.
   * @param url the raw target of the request line
   * @param waitsForContinue the client sends its body only after being told to (Expect: 100-continue)
   */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    url: string,
    waitsForContinue: boolean,
  ): Promise<void> {
    const { limits, metrics, logger } = this.#options;
    const started = performance.now();
    const body = new RequestBody(request, {
      stallMs: limits.stallMs,
      onFirstRead: waitsForContinue ? () => response.writeContinue() : undefined,
    });
    const trace: RequestTrace = {};
    const exchange: Exchange = { request, response, body, url, requestId: newRequestId(), trace, waitsForContinue };
    this.#inFlight++;
    metrics.inFlight.inc();
    try {
      const outcome = await this.#serve(exchange);
      this.#record(exchange, outcome, performance.now() - started);
    } catch (error) {
      // an answer that broke off, or a fault of this code: the client sees its connection end
      response.destroy();
      if (!request.socket.destroyed || !isClientGone(error)) {
        logger.error({ err: error, requestId: exchange.requestId, operation: trace.operation }, 'an answer broke off');
      }
      this.#record(exchange, { status: 499, error: undefined, sentBytes: 0 }, performance.now() - started);
    } finally {
      this.#inFlight--;
      metrics.inFlight.dec();
    }
  }

  async #serve(exchange: Exchange): Promise<Outcome> {
    const departure = new Departure(exchange.response);
    let error: S3Error | undefined;
    let reply: S3Reply;
    try {
      const answered = await this.#dispatch(exchange, departure);
      reply = { ...answered, headers: { ...answered.headers, ...exchange.trace.headers } };
    } catch (thrown) {
      error = this.#shown(exchange, thrown);
      reply = this.#errorReply(exchange, error);
    }
    try {
      return { status: reply.status, error, sentBytes: await this.#answer(exchange, reply) };
    } catch (thrown) {
      if (exchange.response.headersSent) throw thrown;
      error = this.#shown(exchange, thrown);
      reply = this.#errorReply(exchange, error);
      return { status: reply.status, error, sentBytes: await this.#answer(exchange, reply) };
    }
  }

  #dispatch({ request, body, url, requestId, trace }: Exchange, departure: Departure): Promise<S3Reply> {
    if (this.#inFlight > this.#options.limits.concurrentRequests) throw new S3Error('SlowDown');
    return this.#options.dispatcher.dispatch(
      {
        requestId,
        method: request.method ?? '',
        url,
        rawHeaders: request.rawHeaders,
        peer: { address: request.socket.remoteAddress, encrypted: request.socket instanceof TLSSocket },
        body,
        reading: (isReading) => this.#documentIsRead(body, isReading),
        get signal() {
          return departure.signal;
        },
      },
      trace,
    );
  }

  #documentIsRead(body: RequestBody, isReading: boolean): void {
    const { documents, documentMs } = this.#options.limits;
    if (isReading && this.#reading >= documents) throw new S3Error('SlowDown');
    this.#reading += isReading ? 1 : -1;
    this.#inFlight += isReading ? -1 : 1;
    body.hurry(isReading ? documentMs : undefined);
  }

  /** Faults are logged here, with the request's id, and nowhere shown. Refusals in an outage come in floods: a few are enough. */
  #shown({ requestId, trace, response }: Exchange, thrown: unknown): S3Error {
    const error = shownError(thrown);
    if (response.destroyed || error.status < 500 || error.code === 'NotImplemented') return error;
    const fields = { err: error.cause ?? error, code: error.code, requestId, operation: trace.operation };
    if (error.code === 'InternalError') this.#options.logger.error(fields, 'a request failed');
    else if (this.#mayWarn()) this.#options.logger.warn(fields, 'requests are refused');
    return error;
  }

  #mayWarn(): boolean {
    const now = performance.now();
    if (now < this.#nextWarning) return false;
    this.#nextWarning = now + WARNING_INTERVAL_MS;
    return true;
  }

  #errorReply({ requestId, trace, url }: Exchange, error: S3Error): S3Reply {
    const rawPath = url.split('?', 1)[0] ?? url;
    const reply = errorReply(error, { requestId, rawPath, bucket: trace.bucket, key: trace.key });
    return { ...reply, headers: { ...reply.headers, ...trace.headers } };
  }

  /** Sends the answer and settles what is left of the request's body. */
  async #answer(exchange: Exchange, reply: S3Reply): Promise<number> {
    const { request, response, body, requestId, waitsForContinue } = exchange;
    const { limits } = this.#options;
    if (response.destroyed) return 0;
    const neverAsked = waitsForContinue && !body.started;
    const leftOver = body.complete || neverAsked ? 0 : bytesLeft(request, body);
    const sent = await writeReply(response, reply, {
      requestId,
      headOnly: request.method === 'HEAD',
      close: this.#draining || neverAsked || body.broken || leftOver > limits.keepBytes,
      stallMs: limits.stallMs,
    });
    if (leftOver > limits.keepBytes && !body.broken) await linger(request, body, limits);
    else body.discard();
    if (!request.complete) endUnlessComplete(request, limits.documentMs);
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
      response.end(resolve);
    });
    return sent;
  }

  #record({ request, url, requestId, trace, body }: Exchange, outcome: Outcome, milliseconds: number): void {
    const { metrics, accessLog } = this.#options;
    const operation = trace.operation ?? 'Unknown';
    const { status, sentBytes, error } = outcome;
    const receivedBytes = body.received;
    metrics.count({ operation, status, seconds: milliseconds / 1000, receivedBytes, sentBytes });
    accessLog?.write({
      time: new Date().toISOString(),
      requestId,
      remote: trace.sourceAddress ?? request.socket.remoteAddress ?? '',
      method: request.method ?? '',
      url,
      operation: trace.operation,
      bucket: trace.bucket,
      key: trace.key,
      accessKey: trace.principal?.accessKey,
      status,
      error: error?.code,
      receivedBytes,
      sentBytes,
      milliseconds: Math.round(milliseconds * 1000) / 1000,
      userAgent: request.headers['user-agent'],
    });
  }
}

function isClientGone(error: unknown): boolean {
  return error instanceof Error && error.name === 'BrokenReply' && error.cause === undefined;
}

/** Ends the connection when the rest of a body does not come in time: the answer is given, and nobody waits for it any more. */
function endUnlessComplete(request: IncomingMessage, withinMs: number): void {
  const timer = setTimeout(() => request.socket.destroy(), withinMs);
  const arrived = (): void => clearTimeout(timer);
  request.once('end', arrived);
  request.once('close', arrived);
}

/** Bytes of the body that have not been taken; unknown is infinite. */
function bytesLeft(request: IncomingMessage, body: RequestBody): number {
  if (request.headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  const length = Number(request.headers['content-length'] ?? 0);
  return Number.isFinite(length) ? length - body.received : Number.POSITIVE_INFINITY;
}

/**
 * Takes a body that nobody wants for a while: closing at once would reset the connection, and the client, still sending, would not
 * get to read the answer.
 */
function linger(request: IncomingMessage, body: RequestBody, limits: GatewayLimits): Promise<void> {
  return new Promise((resolve) => {
    let taken = 0;
    const onData = (piece: Uint8Array): void => {
      taken += piece.byteLength;
      if (taken > limits.lingerBytes) done();
    };
    const done = (): void => {
      clearTimeout(timer);
      request.off('data', onData);
      request.off('end', done);
      request.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, limits.lingerMs);
    request.on('end', done);
    request.on('close', done);
    request.on('data', onData);
    body.discard();
    if (request.readableEnded || request.destroyed) done();
  });
}
