// Sends S3 requests exactly as a test says, signed or not, to a gateway on this machine.
import { createHash } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { signHeaders } from '../harness/sigv4.ts';
import { KEYS } from './echo-gateway.ts';

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The Code of an XML error. */
  readonly code: string | undefined;
}

export interface Call {
  readonly method?: string;
  /** As it stands in the request line, without the query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** False: no credentials. */
  readonly signed?: boolean;
  /** What x-amz-content-sha256 says; the body's hash when absent. */
  readonly payloadHash?: string;
  /** Headers added after signing. */
  readonly unsigned?: Readonly<Record<string, string>>;
}

/** The headers and the target of a call, signed if it says so. */
export function prepare(port: number, call: Call): { target: string; headers: Record<string, string> } {
  const { method = 'GET', path, query = {}, headers = {}, body, signed = true, payloadHash, unsigned = {} } = call;
  const text = new URLSearchParams(query).toString().replaceAll('+', '%20');
  const target = text === '' ? path : `${path}?${text}`;
  const given: Record<string, string> = { host: `127.0.0.1:${port}`, ...headers };
  if (body !== undefined) given['content-length'] ??= String(Buffer.byteLength(body));
  if (!signed) return { target, headers: { ...given, ...unsigned } };
  const toSign = {
    method,
    path,
    query: Object.entries(query),
    headers: given,
    payloadHash: payloadHash ?? sha256(body ?? ''),
  };
  return { target, headers: { ...signHeaders(toSign, KEYS, new Date()).headers, ...unsigned } };
}

/** Sends and collects the answer. */
export function send(port: number, call: Call): Promise<Answer> {
  const { target, headers } = prepare(port, call);
  return sendPrepared(port, call.method ?? 'GET', target, headers, call.body);
}

export function sendPrepared(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string | Uint8Array,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      answered = true;
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (data: string) => {
        text += data;
      });
      response.on('error', reject);
      response.on('end', () => {
        const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, code });
      });
    });
    // an answer that came while the body was still being sent counts
    outgoing.on('error', (error) => {
      if (!answered) reject(error);
    });
    outgoing.end(body);
  });
}
