// The console's way in: browsers get the web interface on the gateway's own port, and what its page asks becomes ordinary requests
// with the session's credentials. The console has no right of its own.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { TLSSocket } from 'node:tls';
import { SERVER_NAME } from '../reply-writer.ts';
import type { ByteSource } from '../s3/byte-reader.ts';
import type { Dispatcher } from '../s3/dispatch.ts';
import { newRequestId, shownError } from '../s3/error-reply.ts';
import type { S3Reply } from '../s3/operation.ts';
import type { GatewayLogger } from '../s3-handler.ts';
import { consoleCookies, withBearer } from './console-cookie.ts';
import { type ConsoleFiles, PAGE_HEADERS } from './console-files.ts';
import { type ConsoleTarget, consoleTarget } from './console-target.ts';
import { isFromConsole } from './same-origin.ts';
import { archiveName, readForm, readSelection, zipOf } from './zip-download.ts';

export interface ConsoleDoorOptions {
  readonly files: ConsoleFiles;
  readonly dispatcher: Dispatcher;
  readonly logger: GatewayLogger;
  /** Serves the request as S3, under another URL. */
  readonly s3: (request: IncomingMessage, response: ServerResponse, url: string) => Promise<void>;
  /** Whether the browser speaks TLS, here or with a trusted proxy. */
  readonly isSecure: (request: IncomingMessage) => boolean;
  /** Hands the request to the sidecar, under another URL. */
  readonly sidecar: (request: IncomingMessage, response: ServerResponse, url: string) => Promise<void>;
}

/**
 * What objects are sent with when a browser shows them as a document: scripts in them run in an origin of their own, so that an object
 * cannot act as whoever is signed in at the console of the same address.
 */
export const OBJECT_SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-downloads';
/** What the console's own page shows of objects: no script at all. */
const PREVIEW_SANDBOX =
  "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'";
const DOCUMENT_DESTINATIONS: ReadonlySet<string> = new Set(['document', 'iframe', 'frame', 'embed', 'object']);

const NO_BODY: ByteSource = { next: async () => undefined };

export class ConsoleDoor {
  readonly #options: ConsoleDoorOptions;

  constructor(options: ConsoleDoorOptions) {
    this.#options = options;
  }

  /** What the request is to the console; undefined when it is not the console's. */
  targetOf({ method = '', headers }: IncomingMessage, url: string): ConsoleTarget | undefined {
    return consoleTarget({
      method,
      url,
      userAgent: headers['user-agent'] ?? '',
      isAuthorized: headers.authorization !== undefined,
    });
  }

  /** For requests that are not the console's: keeps what they answer from acting in the console's name. */
  guard(request: IncomingMessage, response: ServerResponse): void {
    const destination = request.headers['sec-fetch-dest'];
    if (typeof destination === 'string' && DOCUMENT_DESTINATIONS.has(destination)) {
      response.setHeader('content-security-policy', OBJECT_SANDBOX);
    }
  }

  /** Answers a request. Never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse, target: ConsoleTarget): Promise<void> {
    switch (target.kind) {
      case 'redirect':
        response.writeHead(307, { location: target.location, 'content-length': 0, server: SERVER_NAME }).end();
        request.resume();
        return;
      case 'file':
        request.resume();
        this.#options.files.send(request, response, target.path);
        return;
      case 'not-a-browser':
        refuse(request, response, 403, 'AllAccessDisabled', 'All access to this resource has been disabled.');
        return;
      default:
        await this.#serveSession(request, response, target);
    }
  }

  async #serveSession(
    request: IncomingMessage,
    response: ServerResponse,
    target: Extract<ConsoleTarget, { kind: 'sidecar' | 's3' | 'zip' }>,
  ): Promise<void> {
    // An archive is only read: a form asks for it, because no address is long enough for what may be selected.
    const method = target.kind === 'zip' && request.method === 'POST' ? 'GET' : (request.method ?? '');
    if (!isFromConsole(method, request.headers)) {
      refuse(request, response, 403, 'CrossOrigin', 'Only the page of the console may ask this.');
      return;
    }
    const { token, signIn } = consoleCookies(request.headers.cookie, this.#options.isSecure(request));
    request.rawHeaders = withBearer(request.rawHeaders, token);
    if (target.kind === 'sidecar') {
      if (signIn !== undefined) request.rawHeaders.push('Cookie', signIn);
      await this.#options.sidecar(request, response, target.url);
      return;
    }
    if (token === undefined) {
      refuse(request, response, 401, 'NotSignedIn', 'Nobody is signed in.');
      return;
    }
    if (target.kind === 's3') {
      response.setHeader('content-security-policy', PREVIEW_SANDBOX);
      response.setHeader('x-content-type-options', 'nosniff');
      response.setHeader('cache-control', 'private, no-cache');
      await this.#options.s3(request, response, target.url);
      return;
    }
    await this.#sendZip(request, response, target);
  }

  async #sendZip(
    request: IncomingMessage,
    response: ServerResponse,
    { bucket, query }: Extract<ConsoleTarget, { kind: 'zip' }>,
  ): Promise<void> {
    const abort = new AbortController();
    response.once('close', () => abort.abort(new Error('the client went away')));
    try {
      const isForm = request.method === 'POST';
      if (!isForm) request.resume();
      const selection = readSelection(bucket, isForm ? await readForm(request) : query);
      const archive = zipOf(selection, (method, url) => this.#ask(request, method, url, abort.signal), abort.signal);
      const name = encodeURIComponent(archiveName(selection));
      response.writeHead(200, {
        ...PAGE_HEADERS,
        server: SERVER_NAME,
        'content-type': 'application/zip',
        'content-disposition': `attachment; filename*=UTF-8''${name}`,
        'cache-control': 'no-store',
      });
      await pipeline(archive, response);
    } catch (error) {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        if (!abort.signal.aborted) this.#options.logger.warn({ err: error }, 'an archive broke off');
        return;
      }
      const { status, code, message } = shownError(error);
      refuse(request, response, status, code, message);
    }
  }

  #ask(request: IncomingMessage, method: 'GET', url: string, signal: AbortSignal): Promise<S3Reply> {
    const { socket } = request;
    return this.#options.dispatcher.dispatch(
      {
        requestId: newRequestId(),
        method,
        url,
        rawHeaders: request.rawHeaders.filter((_, index) => isKept(request.rawHeaders[index - (index % 2)])),
        peer: { address: socket.remoteAddress, encrypted: socket instanceof TLSSocket },
        body: NO_BODY,
        signal,
      },
      {},
    );
  }
}

/** Headers of the archive's request that hold for its objects as well: not those of ranges, conditions and bodies. */
function isKept(name: string | undefined): boolean {
  return /^(?:host|authorization|user-agent|referer|x-forwarded-(?:for|proto))$/i.test(name ?? '');
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
): void {
  request.resume();
  const body = JSON.stringify({ code, message });
  response.writeHead(status, {
    ...PAGE_HEADERS,
    server: SERVER_NAME,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(request.method === 'GET' || request.method === 'HEAD' ? {} : { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
