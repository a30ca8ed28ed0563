// The gateway's primary process: the sidecar, the workers, the metrics listener, and their common end.
// It serves no request itself and opens no volume; the secrets end here (and in the sidecar).
import cluster, { type Worker } from 'node:cluster';
import type { Server } from 'node:http';
import type { EventHub } from '../gateway/events/event-hub.ts';
import { type EventsFromWorker, type EventsToWorker, isEventMessage } from '../gateway/events/index.ts';
import type { ServerCertificate } from '../gateway/index.ts';
import { WatchedCertificate } from './certificate-files.ts';
import {
  type MetricsFromWorker,
  MetricsGatherer,
  type MetricsToWorker,
  serveMetrics,
  sidecarMetrics,
} from './gateway-metrics.ts';
import { createNotifications, type Notifications, scrubTargetVariables } from './gateway-notifications.ts';
import type { GatewaySettings, WorkerSettings } from './gateway-settings.ts';
import { endpointUrl } from './listen-address.ts';
import { createLogger, type Logger } from './logger.ts';
import { scrubSecrets, UsageError } from './root-credentials.ts';
import { type SupervisedSidecar, superviseSidecar } from './sidecar-supervisor.ts';
import { VERSION } from './version.ts';

/** How long requests in flight may take after SIGTERM. */
export const DRAIN_MS = 10_000;
const WORKER_RESTART_MS = 1_000;
/** How much later than a worker this process may hear of a signal to the group. */
const GROUP_SIGNAL_MS = 500;

/** What the primary sends to a worker. */
export type ToWorker =
  | {
      readonly type: 'serve';
      readonly settings: WorkerSettings;
      readonly authz: string;
      readonly authzHttp: string | undefined;
      readonly tls: ServerCertificate | undefined;
    }
  | { readonly type: 'certificate'; readonly certificate: ServerCertificate }
  | { readonly type: 'drain'; readonly withinMs: number }
  | MetricsToWorker;

/** What a worker sends to the primary. */
export type FromWorker =
  | { readonly type: 'listeningToPrimary' }
  | { readonly type: 'serving'; readonly volume: string }
  /** New connections to this worker see the certificate that was sent last. */
  | { readonly type: 'certificateShown' }
  | { readonly type: 'failed'; readonly message: string }
  | MetricsFromWorker
  /** The volume is not the one that was opened any more: nothing may go on. */
  | { readonly type: 'lost'; readonly message: string };

/** Runs until SIGTERM or SIGINT. Throws UsageError when the gateway cannot come up. */
export async function runGatewayPrimary(
  settings: GatewaySettings,
  flagsThatDoNotAct: readonly string[],
  onServing: () => void,
): Promise<void> {
  const logger = createLogger(settings.worker.logLevel);
  if (flagsThatDoNotAct.length > 0) {
    logger.warn({ flags: flagsThatDoNotAct }, 'these flags are accepted and have no effect yet');
  }
  const env = { ...process.env };
  scrubSecrets(process.env);
  scrubTargetVariables(process.env);

  const ended = endSignal(logger);
  let sidecar: SupervisedSidecar | undefined;
  let workers: WorkerPool | undefined;
  const certificate = settings.tls === undefined ? undefined : new WatchedCertificate(settings.tls, logger);
  let metricsServer: Server | undefined;
  let events: Notifications | undefined;
  try {
    if (settings.authz === undefined) sidecar = await startSidecar(settings, env, logger);
    const authz = settings.authz ?? sidecar?.address ?? '';
    events = createNotifications(settings, authz, env, logger);
    await Promise.race([events.start(), ended]);
    const socket = sidecar?.httpSocket;
    const tell = socket === undefined ? undefined : () => sidecarMetrics(socket);
    const metrics = new MetricsGatherer(events.service.metrics, logger, tell);
    workers = new WorkerPool(settings, authz, sidecar?.httpSocket, events.service.hub, metrics, certificate, logger);
    const started = await Promise.race([workers.start(), ended.then(() => undefined)]);
    if (started !== undefined) {
      metricsServer = await serveMetrics(settings.metrics, metrics, logger);
      announce(settings, started.volume, events.service.arns);
      onServing();
      await Promise.race([ended, workers.failed]);
    }
  } finally {
    metricsServer?.close();
    metricsServer?.closeAllConnections();
    certificate?.stop();
    await workers?.stop();
    await events?.stop();
    await sidecar?.stop();
  }
}

async function startSidecar(
  settings: GatewaySettings,
  env: NodeJS.ProcessEnv,
  logger: Logger,
): Promise<SupervisedSidecar> {
  try {
    return await superviseSidecar({
      args: settings.sidecarArgs,
      env,
      onEvent: (event) => {
        if (event.type === 'ready') logger.info({ pid: event.pid }, 'authorization sidecar is ready');
        else logger.error(event, 'authorization sidecar ended; requests are refused until it is back');
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? lastLine(cause.message) : String(cause));
  }
}

/** The complaint itself: the last line that is no frame of a stack, without the name of the program. */
function lastLine(text: string): string {
  const lines = text.trim().split('\n');
  return (lines.findLast((line) => !/^\s+at /.test(line)) ?? text).replace(/^portcullis: /, '');
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
function endSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (asked) process.exit(130);
      asked = true;
      logger.info({ signal }, 'ending: requests in flight are finished first');
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/** The worker processes: started together, restarted one by one, drained together. */
class WorkerPool {
  /** Rejects when a worker can no longer be kept running. */
  readonly failed: Promise<never>;
  readonly #settings: GatewaySettings;
  readonly #authz: string;
  readonly #authzHttp: string | undefined;
  readonly #events: EventHub;
  readonly #metrics: MetricsGatherer;
  readonly #certificate: WatchedCertificate | undefined;
  readonly #logger: Logger;
  #fail: (error: Error) => void = () => undefined;
  #stopping = false;

  constructor(
    settings: GatewaySettings,
    authz: string,
    authzHttp: string | undefined,
    events: EventHub,
    metrics: MetricsGatherer,
    certificate: WatchedCertificate | undefined,
    logger: Logger,
  ) {
    this.#settings = settings;
    this.#authz = authz;
    this.#authzHttp = authzHttp;
    this.#events = events;
    this.#metrics = metrics;
    this.#certificate = certificate;
    this.#logger = logger;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Awaited only once the gateway serves; until then start() reports the same failure.
    this.failed.catch(() => undefined);
  }

  /** Resolves when all workers serve; throws UsageError with the first complaint. */
  async start(): Promise<{ volume: string }> {
    cluster.setupPrimary({ exec: process.argv[1] as string, args: ['gateway-worker'] });
    this.#certificate?.watch((certificate) => {
      for (const worker of Object.values(cluster.workers ?? {})) {
        if (worker?.isConnected()) worker.send({ type: 'certificate', certificate } satisfies ToWorker);
      }
    });
    const first = await this.#fork();
    await Promise.all(Array.from({ length: this.#settings.workers - 1 }, () => this.#fork()));
    return first;
  }

  #fork(): Promise<{ volume: string }> {
    return new Promise((resolve, reject) => {
      // Few arenas: block buffers that are freed go back to the system instead of staying with a thread.
      const worker = cluster.fork({ MALLOC_ARENA_MAX: '2' });
      let serving = false;
      const channel = { send: (message: EventsToWorker) => void (worker.isConnected() && worker.send(message)) };
      const tell = (message: MetricsToWorker): void => void (worker.isConnected() && worker.send(message));
      let disconnect: () => void = () => undefined;
      let forgetMetrics: () => void = () => undefined;
      worker.on('message', (message: FromWorker | EventsFromWorker) => {
        if (isEventMessage(message)) {
          this.#events.receive(channel, message as EventsFromWorker);
        } else if (message.type === 'listeningToPrimary') {
          if (this.#stopping) {
            // It did not hear that all are told to end.
            worker.send({ type: 'drain', withinMs: 0 } satisfies ToWorker);
            return;
          }
          disconnect = this.#events.connect(channel);
          worker.send({
            type: 'serve',
            settings: this.#settings.worker,
            authz: this.#authz,
            authzHttp: this.#authzHttp,
            tls: this.#certificate?.current,
          } satisfies ToWorker);
        } else if (message.type === 'figures' || message.type === 'askMetrics') {
          this.#metrics.receive(tell, message);
        } else if (message.type === 'serving') {
          serving = true;
          forgetMetrics = this.#metrics.connect(tell);
          resolve({ volume: message.volume });
        } else if (message.type === 'certificateShown') {
          this.#logger.info({ worker: worker.process.pid }, 'another certificate is shown from now on');
        } else if (message.type === 'failed') {
          reject(new UsageError(message.message));
        } else if (message.type === 'lost') {
          const error = new UsageError(message.message);
          reject(error);
          this.#fail(error);
        }
      });
      // A message to a worker that has just ended: 'exit' says what there is to say.
      worker.on('error', (error) => this.#logger.debug({ err: error }, 'a worker could not be told something'));
      worker.on('exit', (code, signal) => {
        disconnect();
        forgetMetrics();
        if (this.#stopping) return;
        if (!serving) {
          const why = new UsageError(`a worker ended while starting (${signal ?? `exit code ${code}`})`);
          // A signal to the whole group may end a worker before this process has heard of it.
          setTimeout(() => !this.#stopping && reject(why), signal === null ? 0 : GROUP_SIGNAL_MS);
          return;
        }
        this.#logger.error({ code, signal }, 'a worker ended; starting another');
        this.#restart();
      });
    });
  }

  /** Starts a worker in the place of one that ended, as often as it takes; the others go on meanwhile. */
  #restart(): void {
    setTimeout(() => {
      if (this.#stopping) return;
      this.#fork().catch((error: Error) => {
        this.#logger.error({ err: error }, 'a worker could not be started again');
        this.#restart();
      });
    }, WORKER_RESTART_MS);
  }

  /** Drains all workers and waits for their end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const running = Object.values(cluster.workers ?? {}).filter((worker): worker is Worker => worker !== undefined);
    await Promise.all(
      running.map(async (worker) => {
        if (worker.isDead()) return;
        const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
        if (worker.isConnected()) worker.send({ type: 'drain', withinMs: DRAIN_MS } satisfies ToWorker);
        else worker.process.kill('SIGTERM');
        const killer = setTimeout(() => worker.process.kill('SIGKILL'), DRAIN_MS + 2_000);
        await exited;
        clearTimeout(killer);
      }),
    );
  }
}

/** The banner: where clients find the gateway. */
function announce(settings: GatewaySettings, volume: string, arns: readonly string[]): void {
  if (!settings.banner) return;
  const endpoint = endpointUrl(settings.worker.listen, settings.tls !== undefined);
  process.stdout.write(
    `Portcullis ${VERSION}, S3 gateway on the JuiceFS volume "${volume}"\nEndpoint: ${endpoint}\n` +
      `Sidecar:  ${settings.authz ?? 'supervised'}\n` +
      (arns.length === 0 ? '' : `SQS ARNs: ${arns.join(' ')}\n`),
  );
}
