// What tests of notifications need: targets configured over the admin API, buckets told to notify them, and a webhook that keeps what
// it is sent.
import { createServer as createHttpServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { openAdminBody, sealAdminBody } from '../../src/authz/store/madmin-crypto.ts';
import { type AdminAnswer, AdminClient } from '../admin/admin-client.ts';
import type { Gateway } from './gateway.ts';
import type { S3Answer } from './s3-client.ts';
import { eventually } from './waiting.ts';

export interface EventRecord {
  readonly eventName: string;
  readonly eventTime: string;
  readonly s3: {
    readonly bucket: { readonly name: string };
    readonly object: { readonly key: string; readonly size?: number; readonly sequencer: string };
  };
  readonly [field: string]: unknown;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** The server configuration of a gateway, as `mc admin config` works on it. */
export class ConfigClient {
  readonly #gateway: Gateway;
  readonly #admin: AdminClient;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
    this.#admin = new AdminClient(gateway.client, gateway.root);
  }

  async set(text: string): Promise<AdminAnswer> {
    return this.#admin.call({ method: 'PUT', path: 'set-config-kv', body: await this.#sealed(text) });
  }

  async reset(text: string): Promise<Refusal> {
    return this.#admin.call({ method: 'DELETE', path: 'del-config-kv', body: await this.#sealed(text) });
  }

  async import(text: string): Promise<Refusal> {
    return this.#admin.call({ method: 'PUT', path: 'config', body: await this.#sealed(text) });
  }

  get(key: string): Promise<string> {
    return this.#text('get-config-kv', { key });
  }

  export(): Promise<string> {
    return this.#text('config', {});
  }

  async history(): Promise<{ restoreId: string; createTime: string; data: string }[]> {
    return JSON.parse(await this.#text('list-config-history-kv', { count: '10' }));
  }

  restore(restoreId: string): Promise<Refusal> {
    return this.#admin.call({ method: 'PUT', path: 'restore-config-history-kv', query: { restoreId } });
  }

  clearHistory(restoreId: string): Promise<Refusal> {
    return this.#admin.call({ method: 'DELETE', path: 'clear-config-history-kv', query: { restoreId } });
  }

  help(query: Readonly<Record<string, string>>): Promise<{ json: unknown }> {
    return this.#admin.call({ method: 'GET', path: 'help-config-kv', query });
  }

  /** Configures targets, which must be possible, and has the gateway use them. */
  async use(...lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      const { status, message } = await this.set(line);
      if (status !== 200) throw new Error(`${line}: ${status} ${message}`);
    }
    await this.reload();
  }

  /** What is configured is used from now on. */
  async reload(): Promise<void> {
    const { process } = this.#gateway;
    const times = (): number => process.log.split('event targets are configured anew').length;
    const before = times();
    process.child.kill('SIGHUP');
    await eventually('the targets are configured anew', () => times() > before);
  }

  #sealed(text: string): Promise<Buffer> {
    return sealAdminBody(this.#gateway.root.secretKey, Buffer.from(text));
  }

  async #text(path: string, query: Readonly<Record<string, string>>): Promise<string> {
    const { answer, status } = await this.#admin.callRaw({ method: 'GET', path, query });
    if (status !== 200) throw new Error(`${path}: ${status} ${answer.body}`);
    return (await openAdminBody(this.#gateway.root.secretKey, answer.body)).toString();
  }
}

export interface Rule {
  readonly arn: string;
  readonly events?: readonly string[];
  readonly prefix?: string;
  readonly suffix?: string;
}

export function notificationDocument(rules: readonly Rule[]): string {
  const queues = rules.map(({ arn, events = ['s3:ObjectCreated:*'], prefix, suffix }) => {
    const filter = Object.entries({ prefix, suffix })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `<FilterRule><Name>${name}</Name><Value>${value}</Value></FilterRule>`);
    return (
      `<QueueConfiguration><Filter><S3Key>${filter.join('')}</S3Key></Filter>` +
      `${events.map((name) => `<Event>${name}</Event>`).join('')}<Queue>${arn}</Queue></QueueConfiguration>`
    );
  });
  return `<NotificationConfiguration>${queues.join('')}</NotificationConfiguration>`;
}

/** PutBucketNotificationConfiguration. */
export function putNotification(gateway: Gateway, bucket: string, document: string): Promise<S3Answer> {
  return gateway.client.send({
    method: 'PUT',
    bucket,
    query: { notification: '' },
    body: document,
    keys: gateway.root,
  });
}

export async function notify(gateway: Gateway, bucket: string, ...rules: readonly Rule[]): Promise<void> {
  const { status, body } = await putNotification(gateway, bucket, notificationDocument(rules));
  if (status !== 200) throw new Error(`PutBucketNotificationConfiguration: ${status} ${body}`);
}

export interface Received {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly EventName: string; readonly Key: string; readonly Records: readonly EventRecord[] };
  /** It came over TLS with a certificate that the server's authority signed. */
  readonly authorized: boolean;
}

export interface Webhook {
  readonly url: string;
  readonly posts: readonly Received[];
  /** The status that POSTs are answered with; undefined = no answer. */
  answer: number | undefined;
  close(): Promise<void>;
}

/** A webhook on a free port of this machine; over TLS when certificates are given. */
export async function startWebhook(tls?: ServerOptions): Promise<Webhook> {
  const posts: Received[] = [];
  const listener: RequestListener = (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (data: Buffer) => parts.push(data));
    request.on('end', () => {
      if (request.method === 'HEAD') {
        response.writeHead(200).end();
        return;
      }
      if (webhook.answer === undefined) return;
      if (webhook.answer < 300) {
        const authorized = 'authorized' in request.socket && request.socket.authorized === true;
        const body = JSON.parse(Buffer.concat(parts).toString());
        posts.push({ method: request.method ?? '', headers: request.headers, body, authorized });
      }
      response.writeHead(webhook.answer).end();
    });
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const webhook: Webhook = {
    url: `${tls === undefined ? 'http' : 'https'}://${tls === undefined ? '127.0.0.1' : 'localhost'}:${port}/hook`,
    posts,
    answer: 200,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return webhook;
}
