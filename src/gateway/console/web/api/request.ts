// Requests to the gateway, in the name of whoever is signed in, and the one form that all of their errors take.
import { sentenceOfCode } from '../parts/language.ts';

/** An answer that is no success, or none at all (status 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** '' when the answer names none. */
  readonly requestId: string;
  constructor(status: number, code: string, message: string, requestId = '') {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.requestId = requestId;
  }
}

/** Told when the session is over, so that the page can ask to sign in again. */
export const sessionEnd = new EventTarget();

/** The header that marks requests of this page; without it the gateway refuses changes. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = { 'x-portcullis-console': '1' };

export interface Ask {
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal | undefined;
}

/** The calls with which the service learns that a session is used, so that it lasts; and how often they are enough, milliseconds. */
const OWN_CALLS = '/minio/console/api/';
const KEEP_MS = 10 * 60 * 1000;
let keptAt = performance.now();

/** To be told of each request: who looks at files alone uses the session as well. */
export function keepSession(path: string): void {
  const now = performance.now();
  const isKept = path.startsWith(OWN_CALLS);
  if (!isKept && now - keptAt < KEEP_MS) return;
  keptAt = now;
  // An end of the session is told to the page by `readError`; nothing else hangs on this answer.
  if (!isKept) send(`${OWN_CALLS}session`).catch(() => undefined);
}

/** Sends a request; throws ApiError for anything but a success. */
export async function send(path: string, { method = 'GET', headers = {}, body, signal }: Ask = {}): Promise<Response> {
  keepSession(path);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: { ...PAGE_HEADERS, ...headers },
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'Unreachable', 'The gateway cannot be reached.');
  }
  if (response.ok) return response;
  throw readError(response.status, await response.text(), response.headers.get('x-amz-request-id') ?? '');
}

/** Sends JSON and reads JSON. */
export async function sendJson<T>(
  path: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  value?: unknown,
): Promise<T> {
  const response = await send(path, {
    method,
    ...(value === undefined ? {} : { body: JSON.stringify(value), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** The error that an answer holds: XML of S3's, or JSON of the admin API or the console. */
export function readError(status: number, text: string, requestId: string): ApiError {
  const error = text.startsWith('{') ? readJsonError(status, text, requestId) : readXmlError(status, text, requestId);
  if (status === 401 || error.code === 'ExpiredToken') sessionEnd.dispatchEvent(new Event('end'));
  return error;
}

function readJsonError(status: number, text: string, requestId: string): ApiError {
  const fields = JSON.parse(text) as Record<string, unknown>;
  const field = (name: string): string => {
    const value = fields[name] ?? fields[name.charAt(0).toUpperCase() + name.slice(1)];
    return typeof value === 'string' ? value : '';
  };
  return new ApiError(status, field('code'), field('message'), field('requestId') || requestId);
}

function readXmlError(status: number, text: string, requestId: string): ApiError {
  const document = new DOMParser().parseFromString(text, 'application/xml');
  const field = (name: string): string => document.querySelector(name)?.textContent ?? '';
  return new ApiError(
    status,
    field('Code') || `HTTP ${status}`,
    field('Message') || `The gateway answered ${status}.`,
    field('RequestId') || requestId,
  );
}

/** What to show of an error. */
export function messageOf(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const message = sentenceOfCode(error.code) ?? error.message;
  return error.requestId === '' ? message : `${message} (${error.requestId})`;
}
