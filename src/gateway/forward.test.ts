import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isForSidecar, SidecarForwarder } from './forward.ts';
import type { SidecarDoor } from './sidecar-door.ts';

const FORM = 'application/x-www-form-urlencoded; charset=utf-8';

describe('isForSidecar', () => {
  it.each([
    ['GET', '/minio/admin/v3/list-users', undefined, true],
    ['GET', '/minio/admin/v4/anything?x=1', undefined, true],
    ['POST', '/', FORM, true],
    ['POST', '/?Action=AssumeRole&Version=2011-06-15', undefined, true],
    ['GET', '/', FORM, false],
    ['POST', '/', 'multipart/form-data; boundary=x', false],
    ['POST', '/', undefined, false],
    ['POST', '/bucket', FORM, false],
    ['PUT', '/minio/administrator', undefined, false],
    ['GET', '/minio/health/live', undefined, false],
  ])('%s %s (%s): %s', (method, url, type, expected) => {
    expect(isForSidecar({ method, headers: type === undefined ? {} : { 'content-type': type } }, url)).toBe(expected);
  });
});

let folder: string;
let socketPath: string;
const servers: Server[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-test-'));
  socketPath = join(folder, 'http.sock');
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
  rmSync(folder, { recursive: true, force: true });
});

async function serve(listener: RequestListener, where: string | undefined): Promise<Server> {
  const server = createServer(listener);
  servers.push(server);
  if (where === undefined) server.listen(0, '127.0.0.1');
  else server.listen(where);
  await once(server, 'listening');
  return server;
}

/** A gateway that forwards everything, in front of a sidecar that answers as told. */
async function forwarding(
  sidecar: RequestListener | undefined,
  options: { timeoutMs?: number; path?: boolean; door?: SidecarDoor } = {},
) {
  if (sidecar !== undefined) await serve(sidecar, socketPath);
  const warnings: string[] = [];
  const log = (_: object, message: string): void => void warnings.push(message);
  const forwarder = new SidecarForwarder({
    door: options.path === false ? undefined : (options.door ?? { kind: 'unix', path: socketPath }),
    logger: { error: log, warn: log, info: log },
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  });
  const front = await serve((incoming, outgoing) => {
    const about = {
      url: incoming.url ?? '',
      requestId: 'REQUEST1',
      origin: { address: '192.0.2.7', secure: true },
      waitsForContinue: false,
    };
    void forwarder.forward(incoming, outgoing, about);
  }, undefined);
  const address = front.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, warnings };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function send(port: number, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.on('data', (data: Buffer) => {
        text += data.toString();
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    outgoing.end(body);
  });
}

/** Answers with what it was sent. */
function echo(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const pieces: Buffer[] = [];
  incoming.on('data', (data: Buffer) => pieces.push(data));
  incoming.on('end', () => {
    const { method, url, headers } = incoming;
    outgoing.writeHead(207, { 'x-answer': 'yes', 'content-type': 'application/json' });
    outgoing.end(JSON.stringify({ method, url, headers, body: Buffer.concat(pieces).toString() }));
  });
}

describe('a forwarded request', () => {
  it('arrives as it was sent, with whose it is, and its answer comes back', async () => {
    const { port } = await forwarding(echo);
    const answer = await send(port, '/minio/admin/v3/x?a=b%20c', { 'x-amz-date': 'now', host: 'example.test' }, 'body');
    expect(answer).toMatchObject({ status: 207, headers: { 'x-answer': 'yes' } });
    expect(JSON.parse(answer.body)).toMatchObject({
      method: 'POST',
      url: '/minio/admin/v3/x?a=b%20c',
      headers: {
        host: 'example.test',
        'x-amz-date': 'now',
        'content-length': '4',
        'x-portcullis-source-address': '192.0.2.7',
        'x-portcullis-secure-transport': 'true',
        'x-portcullis-request-id': 'REQUEST1',
      },
      body: 'body',
    });
  });

  it('goes to another machine with what proves that it is the gateway, whatever the client says', async () => {
    const sidecar = (await serve(echo, undefined)).address();
    const at = typeof sidecar === 'object' && sidecar !== null ? sidecar.port : 0;
    const door: SidecarDoor = { kind: 'http', host: '127.0.0.1', port: at, token: 'token-of-the-gateway' };
    const { port } = await forwarding(undefined, { door });
    const { body } = await send(port, '/minio/admin/v3/x', { 'x-portcullis-token': 'forged', host: 'example.test' });
    expect(JSON.parse(body)).toMatchObject({
      headers: { host: 'example.test', 'x-portcullis-token': 'token-of-the-gateway' },
    });
  });

  it('cannot speak in the name of the gateway', async () => {
    const { port } = await forwarding(echo);
    const { body } = await send(port, '/minio/admin/v3/x', { 'X-Portcullis-Source-Address': '10.0.0.1' });
    expect(JSON.parse(body)).toMatchObject({ headers: { 'x-portcullis-source-address': '192.0.2.7' } });
  });

  it('goes on in chunks when it has no length', async () => {
    const { port } = await forwarding(echo);
    const { body } = await send(port, '/minio/admin/v3/x', { 'transfer-encoding': 'chunked' }, 'some body');
    expect(JSON.parse(body)).toMatchObject({ headers: { 'transfer-encoding': 'chunked' }, body: 'some body' });
  });
});

describe('without an answer of the sidecar', () => {
  it('the client is told to try again, in the form of the API it called', async () => {
    const { port, warnings } = await forwarding(undefined);
    const admin = await send(port, '/minio/admin/v3/list-users');
    expect(admin).toMatchObject({ status: 503, headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(admin.body)).toMatchObject({ Code: 'ServiceUnavailable', RequestId: 'REQUEST1' });
    const sts = await send(port, '/', { 'content-type': FORM }, 'Action=AssumeRole');
    expect(sts).toMatchObject({ status: 503, headers: { 'content-type': 'application/xml' } });
    expect(sts.body).toContain('<Code>ServiceUnavailable</Code>');
    expect(warnings).toHaveLength(2);
  });

  it('a silent sidecar is waited for no longer than the deadline', async () => {
    const { port } = await forwarding(() => undefined, { timeoutMs: 50 });
    expect(await send(port, '/minio/admin/v3/list-users')).toMatchObject({ status: 503 });
  });

  it('an answer that breaks off breaks off', async () => {
    const { port } = await forwarding((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '100' });
      outgoing.write('half', () => outgoing.destroy());
    });
    await expect(send(port, '/minio/admin/v3/list-users')).rejects.toThrow();
  });

  it('a gateway that knows of no sidecar door says so', async () => {
    const { port } = await forwarding(undefined, { path: false });
    expect(await send(port, '/minio/admin/v3/list-users')).toMatchObject({ status: 501 });
  });
});

it('a client that goes away ends what was asked for it', async () => {
  let gone: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    gone = resolve;
  });
  let arrived: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const { port } = await forwarding((_incoming, outgoing) => {
    outgoing.on('close', gone);
    arrived();
  });
  const client = httpRequest({ host: '127.0.0.1', port, path: '/minio/admin/v3/x', method: 'POST', agent: false });
  client.on('error', () => undefined);
  client.end();
  await asked;
  client.destroy();
  await ended;
});
