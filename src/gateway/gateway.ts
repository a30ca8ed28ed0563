// The gateway's HTTP server. fastify owns the routes that are the gateway's own (health); everything else is S3 and goes through one
// door, raw: no route is matched on an S3 path, no body is parsed, nothing is normalised.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex, Writable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import fastify, { type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { Volume } from '../juicefs/volume.ts';
import { AccessLog } from './access-log.ts';
import type { AuthzClient } from './authz-client/index.ts';
import { ConnectionRoom } from './connection-room.ts';
import { ConsoleDoor } from './console/console-door.ts';
import { ConsoleFiles } from './console/console-files.ts';
import { isForSidecar, SidecarForwarder } from './forward.ts';
import { DEFAULT_LIMITS, type GatewayLimits } from './limits.ts';
import { GatewayMetrics } from './metrics.ts';
import { readObjectFacts } from './operations/object-facts.ts';
import { addOwnPaths, isOwnPath, ownHeaders } from './own-paths.ts';
import { SERVER_NAME } from './reply-writer.ts';
import { RequestOrder } from './request-order.ts';
import { Dispatcher } from './s3/dispatch.ts';
import { errorReply, newRequestId } from './s3/error-reply.ts';
import { S3Error, type S3ErrorCode } from './s3/errors.ts';
import type { EventSink } from './s3/object-event.ts';
import type { GatewayFeatures, Operation } from './s3/operation.ts';
import { bucketOfHost } from './s3/request-target.ts';
import { type RequestOrigin, TrustedProxies } from './s3/source-address.ts';
import { type GatewayLogger, S3Handler } from './s3-handler.ts';
import { answerPlainHttp, MIN_TLS_VERSION, type ServerCertificate } from './server-certificate.ts';
import type { SidecarDoor } from './sidecar-door.ts';

export interface GatewayOptions {
  readonly volume: Volume;
  readonly authz: AuthzClient;
  readonly operations: readonly Operation<unknown>[];
  readonly features: GatewayFeatures;
  /** Domains of virtual-host style requests. */
  readonly domains?: readonly string[];
  /** Addresses or CIDR blocks whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies?: readonly string[];
  readonly logger: GatewayLogger;
  /** The sidecar's HTTP door, to which the admin API and STS are forwarded. */
  readonly sidecarDoor?: SidecarDoor | undefined;
  /** Where events go. */
  readonly events?: EventSink | undefined;
  /** Where access log lines go; the owner closes it. */
  readonly accessLog?: Writable | undefined;
  /** Folder of the console's built files; undefined = no console. */
  readonly consoleFolder?: string | undefined;
  /** The metrics of all processes that serve together, as text; this one's alone without it. */
  readonly allMetrics?: (() => Promise<string>) | undefined;
  /** Metrics are told to whoever asks on the S3 port. */
  readonly publicMetrics?: boolean;
  /** Serves over TLS. */
  readonly tls?: ServerCertificate | undefined;
  readonly limits?: Partial<GatewayLimits>;
}

export interface Gateway {
  /** Serves on an address as well; may be called several times. Port 0 picks one. Rejects when it cannot be bound. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Stops accepting, lets requests in flight end for so long, then cuts what is left. Closes neither volume nor client. */
  close(graceMs: number): Promise<void>;
  /** Shows another certificate from now on; connections that are open go on. Only with `tls`. */
  setCertificate(certificate: ServerCertificate): void;
  readonly metrics: Registry;
}

export function createGateway(options: GatewayOptions): Gateway {
  return new HttpGateway(options);
}

class HttpGateway implements Gateway {
  readonly metrics: Registry;
  readonly #options: GatewayOptions;
  readonly #limits: GatewayLimits;
  readonly #handler: S3Handler;
  readonly #forwarder: SidecarForwarder;
  readonly #console: ConsoleDoor | undefined;
  readonly #proxies: TrustedProxies;
  readonly #app: FastifyInstance;
  readonly #servers: (Server | TlsServer)[] = [];
  #certificate: ServerCertificate | undefined;
  /** Requests whose client waits to be told to send its body. */
  readonly #waiting = new WeakSet<IncomingMessage>();
  /** The last request of each connection, and its answer. */
  readonly #answers = new WeakMap<Duplex, { readonly request: IncomingMessage; readonly response: ServerResponse }>();
  #closing = false;

  constructor(options: GatewayOptions) {
    const { logger, domains = [], trustedProxies = [], accessLog, consoleFolder } = options;
    const metrics = new GatewayMetrics();
    this.metrics = metrics.registry;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#certificate = options.tls;
    const dispatcher = new Dispatcher({
      ...options,
      volume: metrics.timedVolume(options.volume),
      authz: metrics.timed(options.authz),
      domains,
      trustedProxies,
      readFacts: readObjectFacts,
    });
    this.#handler = new S3Handler({
      dispatcher,
      limits: this.#limits,
      logger,
      metrics,
      accessLog:
        accessLog === undefined
          ? undefined
          : new AccessLog(accessLog, () => logger.warn({}, 'access log lines are dropped: the disk is too slow')),
    });
    this.#forwarder = new SidecarForwarder({ door: options.sidecarDoor, logger });
    this.#proxies = new TrustedProxies(trustedProxies);
    if (consoleFolder !== undefined) {
      this.#console = new ConsoleDoor({
        files: new ConsoleFiles(consoleFolder),
        dispatcher,
        logger,
        s3: (request, response, url) => this.#handler.handle(request, response, url, this.#waiting.has(request)),
        sidecar: (request, response, url) => this.#forward(request, response, url),
        isSecure: (request) => this.#originOf(request).secure,
      });
    }
    this.#app = this.#routes();
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    await this.#app.ready();
    const server = this.#createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => this.#options.logger.error({ err: error }, 'the listener failed'));
    this.#servers.push(server);
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the listener has no address');
    return address;
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#handler.drain();
    const cut = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, graceMs);
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeIdleConnections();
          }),
      ),
    );
    clearTimeout(cut);
    this.#forwarder.close();
    await this.#app.close();
  }

  setCertificate(certificate: ServerCertificate): void {
    this.#certificate = certificate;
    for (const server of this.#servers) {
      if (server instanceof TlsServer) server.setSecureContext({ ...certificate, minVersion: MIN_TLS_VERSION });
    }
  }

  #routes(): FastifyInstance {
    const app = fastify({
      logger: false,
      exposeHeadRoutes: true,
    });
    app.addHook('onRequest', async (_request, reply) => {
      reply.headers(ownHeaders());
    });
    addOwnPaths(app, {
      authz: this.#options.authz,
      volume: this.#options.volume,
      metrics: this.#options.allMetrics ?? (() => this.metrics.metrics()),
      publicMetrics: this.#options.publicMetrics === true,
      isClosing: () => this.#closing,
      originOf: ({ raw }) => this.#originOf(raw),
    });
    return app;
  }

  /** fastify has the gateway's own paths; everything else goes by the one door of S3, untouched. */
  #route(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isOwn(request)) {
      this.#app.routing(request, response);
      return;
    }
    this.#serve(request, response, request.url ?? '/').catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'a request could not be served');
      response.destroy();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    const namesBucket = this.#namesBucket(request);
    const console = namesBucket ? undefined : this.#console;
    const target = console?.targetOf(request, url);
    if (console !== undefined && target !== undefined) {
      await console.serve(request, response, target);
      return;
    }
    console?.guard(request, response);
    if (isForSidecar(request, url) && !namesBucket) {
      await this.#forward(request, response, url);
      return;
    }
    await this.#handler.handle(request, response, url, this.#waiting.has(request));
  }

  /** Paths of the gateway's own, unless the host name says that the whole path is a key. */
  #isOwn(request: { readonly url?: string | undefined; readonly headers: IncomingMessage['headers'] }): boolean {
    return isOwnPath(request.url ?? '') && !this.#namesBucket(request);
  }

  /** The host name is a bucket's, so that the whole path is a key. */
  #namesBucket(request: { readonly headers: IncomingMessage['headers'] }): boolean {
    return bucketOfHost(request.headers.host ?? '', this.#options.domains ?? []) !== undefined;
  }

  async #forward(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    await this.#forwarder.forward(request, response, {
      url,
      requestId: newRequestId(),
      origin: this.#originOf(request),
      waitsForContinue: this.#waiting.has(request),
    });
  }

  #originOf(request: IncomingMessage): RequestOrigin {
    const peer = { address: request.socket.remoteAddress, encrypted: request.socket instanceof TLSSocket };
    return this.#proxies.originOf(peer, new Map(proxyHeaders(request)));
  }

  /**
   * What came over a connection is no request. Whoever is still owed an answer on it gets that answer, and not a refusal of something
   * that may have been done; then the connection ends.
   */
  #refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
    const last = this.#answers.get(socket);
    if (last === undefined || last.response.writableFinished) {
      answerBadRequest(error, socket);
    } else if (last.response.headersSent) {
      // A refusal would become a part of the answer that is under way.
      if (last.response.writableEnded) socket.end();
      else socket.destroy();
    } else if (last.request.complete) {
      last.response.shouldKeepAlive = false;
    } else {
      answerBadRequest(error, socket);
    }
  }

  #createServer(): Server | TlsServer {
    const limits = this.#limits;
    const certificate = this.#certificate;
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      room.heard(request);
      this.#answers.set(request.socket, { request, response });
      order.enter(request, response, () => this.#route(request, response));
    };
    const options = {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      // Node looks for headers that are late this often
      connectionsCheckingInterval: Math.ceil(limits.headersMs / 4),
      // a large upload may take long: silence is limited instead, while a body is read
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveMs,
      highWaterMark: limits.streamBuffer,
    };
    const server =
      certificate === undefined
        ? createServer(options, serve)
        : createTlsServer(
            { ...options, ...certificate, minVersion: MIN_TLS_VERSION, handshakeTimeout: limits.headersMs },
            serve,
          );
    if (server instanceof TlsServer) answerPlainHttp(server);
    // Node leaves out headers above a count, without a word; their bytes are limited
    server.maxHeadersCount = 0;
    server.timeout = limits.idleMs;
    const room = new ConnectionRoom(server, limits);
    const order = new RequestOrder();
    server.on('checkContinue', (request, response) => {
      this.#waiting.add(request);
      serve(request, response);
    });
    // an expectation that HTTP does not know is none
    server.on('checkExpectation', serve);
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#refuseConnection(error, socket));
    return server;
  }
}

/** What a proxy says of the connection before it. */
function* proxyHeaders({ headers }: IncomingMessage): Iterable<[string, string]> {
  for (const name of ['x-forwarded-for', 'x-forwarded-proto']) {
    const value = headers[name];
    if (value !== undefined) yield [name, String(value)];
  }
}

/** What Node finds wrong with a connection, in S3's words. */
const CONNECTION_ERRORS: Readonly<Record<string, S3ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'RequestHeaderSectionTooLarge',
  ERR_HTTP_REQUEST_TIMEOUT: 'RequestTimeout',
};

/** Answers what is no HTTP request, or one with too large a head; there is no response object for these. */
function answerBadRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code = CONNECTION_ERRORS[error.code ?? ''] ?? 'InvalidRequest';
  const requestId = newRequestId();
  const reply = errorReply(new S3Error(code), { requestId, rawPath: '', bucket: undefined, key: undefined });
  const body = Buffer.from(String(reply.body));
  socket.end(
    `HTTP/1.1 ${reply.status} Bad Request\r\nserver: ${SERVER_NAME}\r\nx-amz-request-id: ${requestId}\r\n` +
      `content-type: application/xml\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}
