// A worker process of the gateway: opens the volume, connects to the sidecar, serves S3. Started by the primary, told what to do over
// its channel, and gone when the channel closes.
import cluster from 'node:cluster';
import { createWriteStream, existsSync, openSync, readFileSync, realpathSync, type WriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createAuthzClient } from '../gateway/authz-client/index.ts';
import {
  EventPublisher,
  type EventsToWorker,
  isEventMessage,
  notificationOperations,
} from '../gateway/events/index.ts';
import { createGateway, type ServerCertificate } from '../gateway/index.ts';
import { LifecycleJob } from '../gateway/lifecycle/lifecycle-job.ts';
import { OPERATIONS } from '../gateway/operations/index.ts';
import { openVolume } from '../juicefs/index.ts';
import { readAuthzTls, sidecarDoor } from './authz-doors.ts';
import { WorkerMetrics } from './gateway-metrics.ts';
import type { FromWorker, ToWorker } from './gateway-primary.ts';
import type { WorkerSettings } from './gateway-settings.ts';
import { bindAddresses } from './listen-address.ts';
import { createLogger, type Logger } from './logger.ts';
import { UsageError } from './root-credentials.ts';

interface Serving {
  drain(withinMs: number): Promise<void>;
}

/** Serves until the primary says to drain, or is gone. */
export async function runGatewayWorker(): Promise<void> {
  // The primary decides when to end: a Ctrl-C reaches the whole process group.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  let serving: Promise<Serving> | undefined;
  const end = async (withinMs: number): Promise<void> => {
    const running = await serving;
    await running?.drain(withinMs);
    process.exit(0);
  };
  const events = new EventPublisher({
    send: (message) => {
      if (process.connected) process.send?.(message);
    },
    log: { warn: (fields, message) => createLogger('warn').warn(fields, message) },
  });
  const certificate = new CertificateFromPrimary();
  const metrics = new WorkerMetrics((message) => void tell(message), createLogger('warn'));
  process.on('message', (message: ToWorker | EventsToWorker) => {
    if (isEventMessage(message)) {
      events.receive(message as EventsToWorker);
    } else if (message.type === 'drain') {
      end(message.withinMs).catch((error: unknown) => fail(error));
    } else if (message.type === 'tellMetrics' || message.type === 'metrics') {
      void metrics.receive(message);
    } else if (message.type === 'certificate') {
      certificate.set(message.certificate);
    } else if (message.type === 'serve') {
      certificate.set(message.tls);
      serving = serve(message.settings, message.authz, message.authzHttp, events, metrics, certificate);
      serving.catch((error: unknown) => fail(error));
    }
  });
  process.on('disconnect', () => {
    end(1_000).catch((error: unknown) => fail(error));
  });
  // What was sent before now had no listener.
  await tell({ type: 'listeningToPrimary' });
}

/** The certificate to show, as the primary says, which may say so before there is a gateway to show it. */
class CertificateFromPrimary {
  current: ServerCertificate | undefined;
  onChange: (certificate: ServerCertificate) => void = () => undefined;

  set(certificate: ServerCertificate | undefined): void {
    this.current = certificate;
    if (certificate !== undefined) this.onChange(certificate);
  }
}

function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

/** Reports why the worker cannot serve, and ends it. */
function fail(error: unknown, type: 'failed' | 'lost' = 'failed'): void {
  const message = error instanceof Error ? error.message : String(error);
  tell({ type, message }).then(() => process.exit(1));
}

/** Reads or opens what a flag names; throws UsageError with the flag's name. */
function withFile<T>(flag: string, file: string, use: (file: string) => T): T {
  try {
    return use(file);
  } catch (cause) {
    throw new UsageError(`${flag}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

async function serve(
  settings: WorkerSettings,
  authzAddress: string,
  supervisedDoor: string | undefined,
  events: EventPublisher,
  metrics: WorkerMetrics,
  certificate: CertificateFromPrimary,
): Promise<Serving> {
  const logger = createLogger(settings.logLevel);
  const { volume: storage, features, listen, authzTokenFile } = settings;
  const token =
    authzTokenFile === undefined
      ? undefined
      : withFile('--authz-token-file', authzTokenFile, (file) => readFileSync(file, 'utf8').trim());
  const accessLog = openAccessLog(settings.accessLog, logger);
  const volume = await openVolume(settings.metaUrl, {
    readOnly: storage.readOnly,
    umask: storage.umask,
    heartbeatMs: storage.heartbeatMs,
    backgroundJobs: storage.backgroundJobs,
    mountpoint: storage.mountpoint,
    ...(storage.storage === undefined ? {} : { storage: storage.storage }),
    ...(storage.bucket === undefined ? {} : { bucket: storage.bucket }),
    maxUploads: storage.maxUploads,
    bufferSize: storage.bufferBytes,
    ...storage.transfer,
    rank: ((cluster.worker?.id ?? 1) - 1) % storage.transfer.processes,
    environment: process.env,
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    log: {
      info: (message, details) => logger.info(details ?? {}, message),
      warn: (message, details) => logger.warn(details ?? {}, message),
    },
    // The volume that was opened is no more: whatever runs on must not write into another.
    onLost: (reason) => {
      logger.fatal({ err: reason }, 'the volume was lost');
      fail(reason, 'lost');
    },
  });
  const authz = createAuthzClient({
    address: authzAddress,
    timeoutMs: settings.authzTimeoutMs,
    token,
    tls: readAuthzTls(settings.authzTls),
    logger,
  });
  const address = supervisedDoor === undefined ? settings.authzHttp : ({ kind: 'unix', path: supervisedDoor } as const);
  const door = address === undefined ? undefined : sidecarDoor(address, token, settings.authzTls);
  const servedFeatures = {
    multiBuckets: features.multiBuckets,
    singleBucket: features.bucketName ?? volume.name,
    keepEtag: features.keepEtag,
    objectTag: features.objectTag,
    objectMeta: features.objectMeta,
    headDir: features.headDir,
    hideDirObject: features.hideDirObject,
    readOnly: storage.readOnly,
  };
  const gateway = createGateway({
    volume,
    authz,
    operations: [...OPERATIONS, ...notificationOperations(events)],
    events,
    features: servedFeatures,
    domains: settings.domains,
    trustedProxies: settings.trustedProxies,
    logger,
    sidecarDoor: door,
    accessLog,
    allMetrics: () => metrics.ask(),
    publicMetrics: settings.publicMetrics,
    tls: certificate.current,
    consoleFolder: settings.console ? consoleFolder(logger) : undefined,
  });
  const lifecycle = new LifecycleJob({ volume, authz, features: servedFeatures, logger });
  const isFirst = ((cluster.worker?.id ?? 1) - 1) % storage.transfer.processes === 0;
  if (storage.backgroundJobs && !storage.readOnly && isFirst) lifecycle.start();
  metrics.serve(gateway.metrics);
  certificate.onChange = (changed) => {
    gateway.setCertificate(changed);
    void tell({ type: 'certificateShown' });
  };
  try {
    for (const host of bindAddresses(listen.host)) await gateway.listen(host, listen.port);
  } catch (cause) {
    throw new UsageError(`cannot listen on ${listen.host}:${listen.port}: ${(cause as Error).message}`, 1);
  }
  await tell({ type: 'serving', volume: volume.name });
  return {
    async drain(withinMs) {
      events.endListening();
      await Promise.all([gateway.close(withinMs), lifecycle.close()]);
      await authz.close();
      await volume.close();
      if (accessLog !== undefined && !accessLog.destroyed) await finished(accessLog.end());
    },
  };
}

/** Where the build puts the console: beside the command. */
function consoleFolder(logger: Logger): string | undefined {
  const folder = join(dirname(realpathSync(process.argv[1] ?? '')), '../console');
  if (existsSync(join(folder, 'index.html'))) return folder;
  logger.warn({ folder }, 'the console is not built, so it is not served');
  return undefined;
}

function openAccessLog(path: string | undefined, logger: Logger): WriteStream | undefined {
  if (path === undefined) return undefined;
  const fd = withFile('--access-log', path, (file) => openSync(file, 'a', 0o640));
  return createWriteStream(path, { fd }).on('error', (error) =>
    logger.error({ err: error }, 'the access log cannot be written'),
  );
}
