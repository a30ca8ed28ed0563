// The metrics of all processes of a gateway, gathered by the primary: served on the listener of `--metrics`, and told to a worker that
// was asked for them on the S3 port.
import { createServer, request as httpRequest, type Server } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { AggregatorRegistry, type Registry } from 'prom-client';
import type { HostPort } from './listen-address.ts';
import type { Logger } from './logger.ts';
import { UsageError } from './root-credentials.ts';

/** The figures of one process, as prom-client has them. */
type Figures = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** To a worker: tell yours; and the answer to its own question, without a text when they could not be gathered. */
export type MetricsToWorker =
  | { readonly type: 'tellMetrics'; readonly id: number }
  | { readonly type: 'metrics'; readonly id: number; readonly text: string | undefined };
/** From a worker: its figures; and its question for everyone's. */
export type MetricsFromWorker =
  | { readonly type: 'figures'; readonly id: number; readonly figures: Figures }
  | { readonly type: 'askMetrics'; readonly id: number };

/** How long the primary waits for the workers, and a worker for the primary. */
const FIGURES_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 8_000;
/** How long a scrape may take to be asked for. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;

type Send = (message: MetricsToWorker) => void;

/** Gathers in the primary. Those who ask at the same time share an answer. */
export class MetricsGatherer {
  readonly contentType: string;
  readonly #own: Registry;
  readonly #sidecar: (() => Promise<string>) | undefined;
  readonly #logger: Logger;
  readonly #workers = new Map<Send, Map<number, (figures: Figures | undefined) => void>>();
  #next = 0;
  #underWay: Promise<string> | undefined;

  /**
   * @param own what the primary measures itself
   * @param sidecar what a supervised sidecar tells, as text
   */
  constructor(own: Registry, logger: Logger, sidecar?: () => Promise<string>) {
    this.#own = own;
    this.#sidecar = sidecar;
    this.#logger = logger;
    this.contentType = own.contentType;
  }

  /** From now on this worker, which serves, is asked as well. Answers how to forget it. */
  connect(send: Send): () => void {
    const waiting = new Map<number, (figures: Figures | undefined) => void>();
    this.#workers.set(send, waiting);
    return () => {
      this.#workers.delete(send);
      for (const resolve of waiting.values()) resolve(undefined);
    };
  }

  receive(send: Send, message: MetricsFromWorker): void {
    if (message.type === 'figures') {
      this.#workers.get(send)?.get(message.id)?.(message.figures);
      return;
    }
    const { id } = message;
    this.gather().then(
      (text) => send({ type: 'metrics', id, text }),
      (error: unknown) => {
        this.#logger.error({ err: error }, 'metrics could not be gathered');
        send({ type: 'metrics', id, text: undefined });
      },
    );
  }

  /** As text. Rejects when a worker does not answer: figures without its own would look like a restart. */
  gather(): Promise<string> {
    this.#underWay ??= this.#gather().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #gather(): Promise<string> {
    const asked = [...this.#workers].map(([send, waiting]) => this.#figuresOf(send, waiting));
    const figures = (await Promise.all(asked)).filter((one) => one !== undefined);
    const texts = [AggregatorRegistry.aggregate(figures).metrics(), this.#own.metrics(), this.#ofSidecar()];
    return (await Promise.all(texts)).join('\n');
  }

  /** While it starts again, the others' figures are worth telling all the same. */
  async #ofSidecar(): Promise<string> {
    try {
      return (await this.#sidecar?.()) ?? '';
    } catch (error) {
      this.#logger.warn({ err: error }, 'the sidecar did not tell its metrics');
      return '';
    }
  }

  /** Undefined for a worker that ended. */
  async #figuresOf(
    send: Send,
    waiting: Map<number, (figures: Figures | undefined) => void>,
  ): Promise<Figures | undefined> {
    const id = this.#next++;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Figures | undefined>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error('a worker did not tell its metrics')), FIGURES_WITHIN_MS);
        waiting.set(id, resolve);
        send({ type: 'tellMetrics', id });
      });
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  }
}

/** A worker's side: tells its own, and asks for everyone's. */
export class WorkerMetrics {
  readonly #send: (message: MetricsFromWorker) => void;
  readonly #waiting = new Map<number, (text: string | undefined) => void>();
  #registry: Registry | undefined;
  #next = 0;

  readonly #logger: Pick<Logger, 'error'>;

  constructor(send: (message: MetricsFromWorker) => void, logger: Pick<Logger, 'error'>) {
    this.#send = send;
    this.#logger = logger;
  }

  /** What this worker measures. */
  serve(registry: Registry): void {
    this.#registry = registry;
  }

  /** Never rejects: a worker whose figures cannot be read says so in the log, and does not answer. */
  async receive(message: MetricsToWorker): Promise<void> {
    if (message.type === 'metrics') {
      this.#waiting.get(message.id)?.(message.text);
      return;
    }
    try {
      const figures = await this.#registry?.getMetricsAsJSON();
      if (figures !== undefined) this.#send({ type: 'figures', id: message.id, figures });
    } catch (error) {
      this.#logger.error({ err: error }, 'the metrics of this worker cannot be read');
    }
  }

  /** The metrics of all processes. Rejects when there is no answer. */
  async ask(): Promise<string> {
    const id = this.#next++;
    let timer: NodeJS.Timeout | undefined;
    const text = await new Promise<string | undefined>((resolve) => {
      this.#waiting.set(id, resolve);
      timer = setTimeout(() => resolve(undefined), ANSWER_WITHIN_MS);
      this.#send({ type: 'askMetrics', id });
    });
    clearTimeout(timer);
    this.#waiting.delete(id);
    if (text === undefined) throw new Error('the metrics could not be gathered');
    return text;
  }
}

/** The Prometheus listener; on a free port when the default one is taken and none was asked for. Throws UsageError. */
export async function serveMetrics(
  { address, given }: { readonly address: HostPort; readonly given: boolean },
  metrics: MetricsGatherer,
  logger: Logger,
): Promise<Server> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    metrics.gather().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      (error: unknown) => {
        logger.error({ err: error }, 'metrics could not be gathered');
        response.writeHead(503).end();
      },
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address.host === '' ? undefined : address.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await listen(address.port);
  } catch (cause) {
    if (given) {
      throw new UsageError(`cannot serve metrics on ${address.host}:${address.port}: ${(cause as Error).message}`);
    }
    await listen(0);
  }
  logger.info({ address: server.address() }, 'metrics are served');
  return server;
}

/** The metrics of a sidecar, at its private socket. Rejects when it does not tell them in time. */
export function sidecarMetrics(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(FIGURES_WITHIN_MS);
    httpRequest({ socketPath, path: '/metrics', headers: { host: 'sidecar' }, signal }, (answer) => {
      if (answer.statusCode === 200) textOf(answer).then(resolve, reject);
      else reject(new Error(`it answered ${answer.statusCode}`));
    })
      .on('error', reject)
      .end();
  });
}
