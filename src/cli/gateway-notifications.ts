// Notifications in the gateway's primary process: the connection over which their configuration comes, and SIGHUP, which applies
// changed targets without a restart.
import { readFileSync } from 'node:fs';
import { createAuthzClient } from '../gateway/authz-client/index.ts';
import { EventService } from '../gateway/events/index.ts';
import { readAuthzTls } from './authz-doors.ts';
import { authoritiesFolder } from './certificate-files.ts';
import type { GatewaySettings } from './gateway-settings.ts';
import { endpointUrl } from './listen-address.ts';
import type { Logger } from './logger.ts';
import { UsageError } from './root-credentials.ts';

/** How long events that wait may take at the end. */
const END_WITHIN_MS = 3_000;
/** How long the start waits for the configuration of a supervised sidecar, which serves already, and of one that may not be there. */
const FIRST_CONFIGURATION_MS = 30_000;
const OTHER_SIDECAR_MS = 2_000;
/** Variables that may hold passwords of targets. */
const TARGET_VARIABLES = /^MINIO_NOTIFY_/;

export interface Notifications {
  readonly service: EventService;
  /** Resolves when the targets are open. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The target variables leave the environment that workers inherit. */
export function scrubTargetVariables(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) if (TARGET_VARIABLES.test(name)) delete env[name];
}

/** @param env the environment as it was given */
export function createNotifications(
  settings: GatewaySettings,
  authz: string,
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Notifications {
  const client = createAuthzClient({
    address: authz,
    timeoutMs: settings.worker.authzTimeoutMs,
    token: readToken(settings.worker.authzTokenFile),
    tls: readAuthzTls(settings.worker.authzTls),
  });
  const service = new EventService({
    buckets: client.buckets,
    env,
    endpoint: endpointUrl(settings.worker.listen, settings.tls !== undefined),
    authorities: authoritiesFolder(),
    log: logger,
  });
  const reload = (): void => {
    service.reload().then(
      () => logger.info({ arns: service.arns }, 'event targets are configured anew'),
      (error: unknown) => logger.error({ err: error }, 'event targets could not be configured anew'),
    );
  };
  return {
    service,
    async start() {
      process.on('SIGHUP', reload);
      await service.start(settings.authz === undefined ? FIRST_CONFIGURATION_MS : OTHER_SIDECAR_MS);
      const { arns } = service;
      // Before anything is served, so that whoever waits for the gateway finds them told.
      if (arns.length > 0) logger.info({ arns }, `event targets are configured, SQS ARNs: ${arns.join(' ')}`);
    },
    async stop() {
      process.off('SIGHUP', reload);
      await service.stop(END_WITHIN_MS);
      client.close();
    },
  };
}

function readToken(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new UsageError(`--authz-token-file: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
