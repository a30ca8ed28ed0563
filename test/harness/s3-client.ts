// A plain HTTP client for S3 that sends exactly what a test says, right or wrong: nothing is normalised on the way.
import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { EMPTY_SHA256, encodeQuery, FrameSigner, type Keys, objectPath, sha256, signHeaders } from './sigv4.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What to send. Without `keys` it goes out unsigned. */
export interface S3Call {
  readonly method?: string;
  readonly bucket?: string;
  readonly key?: string;
  /** The encoded path as it is to stand in the request line, instead of bucket and key. */
  readonly path?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Instead of `query`, for names that are there several times. */
  readonly parameters?: readonly (readonly [name: string, value: string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly keys?: Keys | undefined;
  /** When it claims to be signed. */
  readonly at?: Date;
  /** What x-amz-content-sha256 says, instead of the body's hash. */
  readonly payloadHash?: string;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The Code of an XML error. */
  readonly code: string | undefined;
}

/** No answer within this is a failure of the test. */
const ANSWER_WITHIN_MS = 60_000;

/** The content of the first element of that name, as text. */
export function xmlValue(xml: string | Buffer, name: string): string | undefined {
  return xmlValues(xml, name)[0];
}

/** The contents of all elements of that name that hold text only. */
export function xmlValues(xml: string | Buffer, name: string): string[] {
  return [...xml.toString().matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map((m) =>
    unescapeXml(m[1] ?? ''),
  );
}

/** The inner XML of all elements of that name (which do not nest in themselves). */
export function xmlElements(xml: string | Buffer, name: string): string[] {
  return [...xml.toString().matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map((match) => match[1] ?? '');
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(#x?[0-9a-fA-F]+|[a-z]+);/g, (whole, name: string) => {
    if (name.startsWith('#x')) return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    if (name.startsWith('#')) return String.fromCodePoint(Number.parseInt(name.slice(1), 10));
    return ENTITIES[name] ?? whole;
  });
}

export function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** Collects an answer. */
export function collect(response: IncomingMessage): Promise<S3Answer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    response.on('data', (data: Buffer) => parts.push(data));
    response.on('error', reject);
    response.on('end', () => {
      const body = Buffer.concat(parts);
      const isXml = (response.headers['content-type'] ?? '').includes('xml');
      const status = response.statusCode ?? 0;
      const code = status >= 300 && isXml ? xmlValue(body, 'Code') : undefined;
      resolve({ status, headers: response.headers, body, code });
    });
  });
}

export class S3Client {
  readonly endpoint: Endpoint;
  readonly #agent: Agent;

  constructor(endpoint: Endpoint, maxSockets = 32) {
    this.endpoint = endpoint;
    this.#agent = new Agent({ keepAlive: true, maxSockets });
  }

  get host(): string {
    return `${this.endpoint.host}:${this.endpoint.port}`;
  }

  /** Opens a request that the caller writes and ends. */
  open(
    method: string,
    target: string,
    headers: Readonly<Record<string, string>>,
    agent: Agent | false = false,
  ): ClientRequest {
    return httpRequest({ ...this.endpoint, method, path: target, headers, agent, timeout: ANSWER_WITHIN_MS });
  }

  /** Sends ready-made bytes to a ready-made target. */
  async raw(
    method: string,
    target: string,
    headers: Readonly<Record<string, string>>,
    body?: Uint8Array,
  ): Promise<S3Answer> {
    const { response } = await this.#exchange(method, target, headers, body);
    return collect(response);
  }

  #exchange(
    method: string,
    target: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | undefined,
  ): Promise<{ response: IncomingMessage }> {
    return new Promise((resolve, reject) => {
      const outgoing = this.open(method, target, headers, this.#agent);
      let answered = false;
      outgoing.on('response', (response) => {
        answered = true;
        resolve({ response });
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${method} ${target}`)));
      // A server may answer an upload early and close: the answer counts then, not the broken pipe.
      outgoing.on('error', (error) => {
        if (!answered) reject(error);
      });
      outgoing.end(body);
    });
  }

  /** Signs and sends. */
  send(call: S3Call): Promise<S3Answer> {
    const { target, method, headers, body } = this.prepare(call);
    return this.raw(method, target, headers, body);
  }

  /** Signs and sends; the answer's body is left to the caller. */
  async stream(call: S3Call): Promise<IncomingMessage> {
    const { target, method, headers, body } = this.prepare(call);
    return (await this.#exchange(method, target, headers, body)).response;
  }

  /** What `send` would put on the wire. */
  prepare(call: S3Call): {
    method: string;
    target: string;
    headers: Record<string, string>;
    body: Uint8Array | undefined;
  } {
    const method = call.method ?? 'GET';
    const path = call.path ?? (call.bucket === undefined ? '/' : objectPath(call.bucket, call.key));
    const query = call.parameters ?? Object.entries(call.query ?? {});
    const target = query.length === 0 ? path : `${path}?${encodeQuery(query)}`;
    const body = typeof call.body === 'string' ? Buffer.from(call.body) : call.body;
    const given: Record<string, string> = { host: this.host, ...call.headers };
    if (body !== undefined) given['content-length'] ??= String(body.length);
    if (call.keys === undefined) return { method, target, headers: given, body };
    const payloadHash = call.payloadHash ?? (body === undefined ? EMPTY_SHA256 : sha256(body));
    const { headers } = signHeaders(
      { method, path, query, headers: given, payloadHash },
      call.keys,
      call.at ?? new Date(),
    );
    return { method, target, headers, body };
  }

  /** The head of an upload in signed frames, and what signs them. */
  prepareFrames(
    call: S3Call & { readonly keys: Keys },
    frames: readonly Uint8Array[],
  ): {
    target: string;
    headers: Record<string, string>;
    encoded: Buffer[];
  } {
    const path = call.path ?? objectPath(call.bucket ?? '', call.key);
    const decoded = frames.reduce((sum, frame) => sum + frame.length, 0);
    const wire = [...frames, new Uint8Array(0)].reduce(
      (sum, { length }) => sum + length.toString(16).length + ';chunk-signature='.length + 64 + 2 + length + 2,
      0,
    );
    const { headers, signed } = signHeaders(
      {
        method: call.method ?? 'PUT',
        path,
        query: Object.entries(call.query ?? {}),
        headers: {
          host: this.host,
          'content-encoding': 'aws-chunked',
          'content-length': String(wire),
          'x-amz-decoded-content-length': String(decoded),
          ...call.headers,
        },
        payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      },
      call.keys,
      call.at ?? new Date(),
    );
    const signer = new FrameSigner(signed);
    const encoded = [...frames, new Uint8Array(0)].map((frame) => signer.frame(frame));
    const query = Object.entries(call.query ?? {});
    return { target: query.length === 0 ? path : `${path}?${encodeQuery(query)}`, headers, encoded };
  }

  close(): void {
    this.#agent.destroy();
  }
}
