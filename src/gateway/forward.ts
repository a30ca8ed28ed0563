// Hands requests that are not S3's to the sidecar's HTTP door: the admin API and STS. Bodies stream through unread and answers come
// back as they are; what is added is whose request it is, which only the gateway sees.
import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
} from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { isIP } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { RequestOrigin } from './s3/source-address.ts';
import type { GatewayLogger } from './s3-handler.ts';
import type { SidecarDoor } from './sidecar-door.ts';

/** How long the sidecar may be silent, milliseconds. */
export const FORWARD_TIMEOUT_MS = 30_000;
/** Requests on their way to the sidecar at once. */
export const MAX_FORWARDED = 64;

const ADMIN_PREFIX = '/minio/admin/';
const SOURCE_ADDRESS_HEADER = 'x-portcullis-source-address';
const SECURE_HEADER = 'x-portcullis-secure-transport';
/** Not x-amz-request-id: every x-amz- header of a request has to be signed. */
const REQUEST_ID_HEADER = 'x-portcullis-request-id';
const TOKEN_HEADER = 'x-portcullis-token';
/** Headers of one connection, not of the request. RFC 9110, 7.6.1. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** True for the requests that the sidecar answers itself. */
export function isForSidecar(request: Pick<IncomingMessage, 'method' | 'headers'>, url: string): boolean {
  const path = url.split('?', 1)[0] ?? '';
  if (path.startsWith(ADMIN_PREFIX)) return true;
  if (request.method !== 'POST' || path !== '/') return false;
  const type = request.headers['content-type'] ?? '';
  return /^application\/x-www-form-urlencoded\b/i.test(type) || /[?&]Action=AssumeRole/.test(url);
}

export interface SidecarForwarderOptions {
  /** Undefined when this gateway knows of none. */
  readonly door: SidecarDoor | undefined;
  readonly logger: GatewayLogger;
  readonly timeoutMs?: number;
}

/** What forwarding needs to know of a request. */
export interface Forwarded {
  readonly url: string;
  readonly requestId: string;
  readonly origin: RequestOrigin;
  /** The client sends its body only after being told to. */
  readonly waitsForContinue: boolean;
}

export class SidecarForwarder {
  readonly #options: SidecarForwarderOptions;
  readonly #agent: Agent;

  constructor(options: SidecarForwarderOptions) {
    this.#options = options;
    const { door } = options;
    const limits = { keepAlive: true, maxSockets: MAX_FORWARDED };
    this.#agent = door?.kind === 'https' ? new TlsAgent({ ...limits, ...tlsOptions(door) }) : new Agent(limits);
  }

  /** Answers one request; never rejects. A client that goes away ends what was done for it. */
  async forward(incoming: IncomingMessage, outgoing: ServerResponse, about: Forwarded): Promise<void> {
    if (this.#options.door === undefined) {
      refuse(outgoing, about, 501, 'NotImplemented', 'This gateway has no way to the HTTP door of its sidecar.');
      return;
    }
    try {
      await this.#exchange(this.#options.door, incoming, outgoing, about);
    } catch (error) {
      if (outgoing.destroyed) return;
      this.#options.logger.warn({ err: error, requestId: about.requestId }, 'the sidecar did not answer');
      if (outgoing.headersSent) outgoing.destroy();
      else refuse(outgoing, about, 503, 'ServiceUnavailable', 'The service is not available at the moment. Try again.');
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #exchange(
    door: SidecarDoor,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    about: Forwarded,
  ): Promise<void> {
    const headers = forwardedHeaders(incoming, about);
    if (door.kind !== 'unix') headers.push(TOKEN_HEADER, door.token);
    const target: RequestOptions = {
      agent: this.#agent,
      method: incoming.method ?? 'GET',
      path: about.url,
      headers,
      setHost: false,
      ...(door.kind === 'unix' ? { socketPath: door.path } : { host: door.host, port: door.port }),
    };
    const upstream = door.kind === 'https' ? httpsRequest(target) : httpRequest(target);
    upstream.setTimeout(this.#options.timeoutMs ?? FORWARD_TIMEOUT_MS, () =>
      upstream.destroy(new Error('the sidecar was silent for too long')),
    );
    const cancel = (): void => void upstream.destroy();
    outgoing.once('close', cancel);
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once('response', resolve);
      upstream.on('error', reject);
    });
    if (about.waitsForContinue) outgoing.writeContinue();
    // The sidecar may answer before it has read everything, and then stop reading.
    const sent = pipeline(incoming, upstream, { end: true }).catch((error: unknown) => error);
    const answer = await answered;
    outgoing.writeHead(answer.statusCode ?? 502, answeredHeaders(answer));
    await pipeline(answer, outgoing);
    await sent;
    outgoing.off('close', cancel);
  }
}

/** The sidecar is held to its own name, whatever name the client's request is for. */
function tlsOptions({ host, tls }: Extract<SidecarDoor, { readonly kind: 'https' }>) {
  return { ...tls, minVersion: 'TLSv1.2', servername: isIP(host) === 0 ? host : '' } as const;
}

/** The client's headers, as pairs, without those of the connection and without any that speak in the gateway's name. */
function forwardedHeaders(incoming: IncomingMessage, { requestId, origin }: Forwarded): string[] {
  const headers: string[] = [];
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    const name = incoming.rawHeaders[index] as string;
    if (isForwarded(name)) headers.push(name, incoming.rawHeaders[index + 1] as string);
  }
  headers.push(SOURCE_ADDRESS_HEADER, origin.address, SECURE_HEADER, String(origin.secure));
  headers.push(REQUEST_ID_HEADER, requestId);
  // Without a length the body goes on in chunks, as it came.
  if (incoming.headers['transfer-encoding'] !== undefined) headers.push('transfer-encoding', 'chunked');
  return headers;
}

function isForwarded(name: string): boolean {
  const lower = name.toLowerCase();
  return !HOP_BY_HOP.has(lower) && !lower.startsWith('x-portcullis-');
}

function answeredHeaders(answer: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && !HOP_BY_HOP.has(name)) headers[name] = value;
  }
  return headers;
}

/** An error in the form of the API that was called. */
function refuse(outgoing: ServerResponse, about: Forwarded, status: number, code: string, message: string): void {
  const { requestId } = about;
  const resource = about.url.split('?', 1)[0] ?? '';
  const isAdmin = resource.startsWith(ADMIN_PREFIX);
  const body = isAdmin
    ? JSON.stringify({ Code: code, Message: message, Resource: resource, RequestId: requestId, HostId: '' })
    : `<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Receiver</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
  outgoing.writeHead(status, {
    'content-type': isAdmin ? 'application/json' : 'application/xml',
    'content-length': Buffer.byteLength(body),
    'x-amz-request-id': requestId,
    connection: 'close',
  });
  outgoing.end(body);
}
