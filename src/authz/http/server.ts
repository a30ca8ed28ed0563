// The sidecar's HTTP door: health, the admin API and STS. On a private socket it is the gateway's, which forwards for its clients;
// on an address it is open to them directly.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Callers } from '../grpc/callers.ts';
import { bindPrivateSocket, type ListenAddress, ListenError } from '../grpc/listen.ts';
import { METRICS_ACTION } from '../identity/metrics-token.ts';
import { MAX_SEALED_BYTES } from '../store/madmin-crypto.ts';
import { ADMIN_PREFIX, answerAdminCall } from './admin-api.ts';
import type { AdminReply } from './admin-call.ts';
import type { AdminService } from './admin-service.ts';
import { answerConsoleCall, CONSOLE_PREFIX } from './console/console-api.ts';
import type { ConsoleService } from './console/console-call.ts';
import { REQUEST_ID_HEADER, speakerOf } from './forwarding-gateway.ts';
import { credentialsOf, type HttpRequest, readRequest, UnreadableRequest } from './http-request.ts';
import { answerSts } from './sts.ts';
import type { StsService } from './sts-service.ts';

export interface HttpServerOptions {
  /** A unix socket, made private to this user, or an address. */
  readonly listen: ListenAddress;
  /** Who may forward for others at an address. */
  readonly callers: Callers;
  readonly service: AdminService;
  readonly console: ConsoleService;
  readonly sts: StsService;
  /** Serves over TLS; on an address only. */
  readonly tls?: HttpTls | undefined;
  /** True while decisions are made. */
  readonly isReady: () => boolean;
  readonly metrics: Registry;
  readonly logger: Logger;
}

/** PEM texts. */
export interface HttpTls {
  readonly cert: string;
  readonly key: string;
  /** Authorities of client certificates: clients are asked for theirs, and those without one are served all the same. */
  readonly clientCa?: string | undefined;
  /** Client certificates count whoever signed them. */
  readonly skipVerify: boolean;
}

export interface RunningHttpServer {
  /** `unix:PATH`, or HOST:PORT with the port that was chosen. */
  readonly address: string;
  /** Lets answers under way finish. Idempotent. */
  stop(): Promise<void>;
}

/** How long a client may take for its request, and a connection may stay unused, milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = 60_000;
const METRICS_PATH = '/metrics';
const UNKNOWN_GATEWAY = 'A gateway that forwards for its clients has to show a token that this service knows.';
/** Clients at once. */
export const MAX_CONNECTIONS = 1_024;
/** How long answers under way may take at the end, milliseconds. */
const DRAIN_MS = 5_000;

/** Starts serving. Throws ListenError. */
export async function serveAdminHttp(options: HttpServerOptions): Promise<RunningHttpServer> {
  const { listen, logger, tls } = options;
  const timeouts = { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: IDLE_TIMEOUT_MS };
  const server: Server = tls === undefined ? createServer(timeouts) : createTlsServer(timeouts, tls);
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', (incoming, outgoing) => {
    answer(incoming, outgoing, options).catch((error: unknown) => {
      logger.error({ err: error }, 'a request could not be answered');
      outgoing.destroy();
    });
  });
  const address = await startListening(server, listen);
  let stopped: Promise<void> | undefined;
  return { address, stop: () => (stopped ??= stop(server, listen)) };
}

/** Throws ListenError for a key and certificate that do not go together. */
function createTlsServer(timeouts: ServerOptions, { cert, key, clientCa, skipVerify }: HttpTls): Server {
  const asks = clientCa !== undefined || skipVerify;
  try {
    return createHttpsServer({
      ...timeouts,
      minVersion: 'TLSv1.2',
      cert,
      key,
      // Whether it is to be believed is decided where it is used.
      ...(asks ? { requestCert: true, rejectUnauthorized: false } : {}),
      ...(clientCa === undefined ? {} : { ca: clientCa }),
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ListenError(`--tls-cert and --tls-key cannot be used: ${why}`, { cause });
  }
}

async function startListening(server: Server, listen: ListenAddress): Promise<string> {
  if (listen.kind === 'unix') {
    await bindPrivateSocket(listen.path, () => listening(server, { path: listen.path }));
    return `unix:${listen.path}`;
  }
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  await listening(server, { host: listen.host, port: listen.port });
  const bound = server.address();
  return `${host}:${typeof bound === 'object' && bound !== null ? bound.port : listen.port}`;
}

async function listening(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    const place = 'path' in where ? where.path : `${where.host}:${where.port}`;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ListenError(`--http-listen: cannot listen on ${place}: ${why}`, { cause });
  }
}

async function stop(server: Server, listen: ListenAddress): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const killer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(killer);
  if (listen.kind === 'unix') rmSync(listen.path, { force: true });
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse, options: HttpServerOptions): Promise<void> {
  const path = (incoming.url ?? '').split('?')[0] ?? '';
  if (path === '/minio/health/live' || path === '/minio/health/ready') {
    outgoing.writeHead(path.endsWith('live') || options.isReady() ? 200 : 503).end();
    return;
  }
  const speaker = speakerOf(incoming, options.listen.kind === 'unix' ? undefined : options.callers);
  if (speaker === 'unknown gateway') {
    incoming.resume();
    const requestId = newRequestId();
    send(outgoing, errorReply('AccessDenied', UNKNOWN_GATEWAY, 403, path, requestId), requestId, { close: true });
    return;
  }
  const behindGateway = speaker === 'gateway';
  const given = incoming.headers[REQUEST_ID_HEADER];
  const requestId = behindGateway && typeof given === 'string' ? given : newRequestId();
  let request: HttpRequest;
  try {
    request = await readRequest(incoming, {
      requestId,
      maxBodyBytes: MAX_SEALED_BYTES,
      behindGateway,
      skipCertificateVerification: options.tls?.skipVerify === true,
    });
  } catch (error) {
    if (!(error instanceof UnreadableRequest)) throw error;
    if (error.why === 'aborted') outgoing.destroy();
    else send(outgoing, unreadableReply(error, path, requestId), requestId, { close: true });
    return;
  }
  send(outgoing, await route(request, requestId, options), requestId, { close: false });
}

function route(request: HttpRequest, requestId: string, options: HttpServerOptions): Promise<AdminReply> | AdminReply {
  const { service, console, sts, logger } = options;
  if (request.path.startsWith(ADMIN_PREFIX)) return answerAdminCall(service, request, requestId, logger);
  if (request.path.startsWith(CONSOLE_PREFIX)) return answerConsoleCall(console, request, requestId, logger);
  if (request.path === METRICS_PATH && (request.method === 'GET' || request.method === 'HEAD')) {
    return answerMetrics(request, requestId, options);
  }
  if (request.path === '/' && request.method === 'POST') return answerSts(sts, request, requestId, logger);
  return errorReply('MethodNotAllowed', 'This door serves the admin API and STS.', 405, request.path, requestId);
}

/** On a private socket to whoever reaches it; at an address to the bearer of a token that is allowed to read metrics. */
async function answerMetrics(
  request: HttpRequest,
  requestId: string,
  { listen, metrics, service }: HttpServerOptions,
): Promise<AdminReply> {
  if (listen.kind !== 'unix') {
    const accesses = [{ action: METRICS_ACTION, resource: 'arn:aws:s3:::', context: {}, resourceAccount: '' }];
    const answer = await service.answer({ credentials: credentialsOf(request), accesses, context: request.context });
    if (answer.kind === 'refused' || answer.decisions[0]?.outcome !== 'Allow') {
      return errorReply('AccessDenied', 'Metrics are read with a bearer token.', 403, request.path, requestId);
    }
  }
  return { status: 200, contentType: metrics.contentType, body: await metrics.metrics() };
}

function unreadableReply(error: UnreadableRequest, path: string, requestId: string): AdminReply {
  return error.why === 'too-large'
    ? errorReply('XMinioAdminConfigTooLarge', `A body has at most ${MAX_SEALED_BYTES} bytes.`, 400, path, requestId)
    : errorReply('InvalidRequest', 'The request line is not valid.', 400, path, requestId);
}

function errorReply(code: string, message: string, status: number, resource: string, requestId: string): AdminReply {
  const body = JSON.stringify({ Code: code, Message: message, Resource: resource, RequestId: requestId, HostId: '' });
  return { status, contentType: 'application/json', body };
}

function send(
  outgoing: ServerResponse,
  { status, contentType, headers, body = '' }: AdminReply,
  requestId: string,
  { close }: { close: boolean },
): void {
  outgoing.writeHead(status, {
    'x-amz-request-id': requestId,
    // Secrets pass here.
    'cache-control': 'no-store',
    ...headers,
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(body) }),
    ...(close ? { connection: 'close' } : {}),
  });
  outgoing.end(body);
}

function newRequestId(): string {
  return randomBytes(8).toString('hex').toUpperCase();
}
