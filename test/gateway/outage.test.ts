// The gateway when its sidecar is away, its clients too many, or its own end has come.
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FrameSigner, signHeaders } from '../harness/sigv4.ts';
import { type EchoGateway, KEYS, sendRaw, startEchoGateway } from './echo-gateway.ts';
import { type Call, prepare, send } from './http-client.ts';

let echo: EchoGateway;
afterEach(() => echo.stop());

const call = (what: Call) => send(echo.address.port, what);
const rawCall = (what: Call): string => {
  const { target, headers } = prepare(echo.address.port, what);
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${what.method ?? 'GET'} ${target} HTTP/1.1\r\n${head.join('')}\r\n${what.body ?? ''}`;
};

describe('without a sidecar', () => {
  it('nothing passes, and everything does again when it is back', async () => {
    echo = await startEchoGateway();
    expect((await call({ method: 'PUT', path: '/bucket/k', body: 'hello' })).status).toBe(200);
    echo.sidecar.stop();
    for (const what of [{ path: '/bucket/k' }, { method: 'PUT', path: '/bucket/k', body: 'other' }, { path: '/' }]) {
      expect(await call(what)).toMatchObject({
        status: 503,
        code: 'ServiceUnavailable',
        headers: { 'retry-after': '1' },
      });
    }
    expect((await call({ path: '/minio/health/ready', signed: false })).status).toBe(503);
    expect((await call({ path: '/minio/health/live', signed: false })).status).toBe(200);
    expect(echo.state.stored.get('bucket/k')?.toString()).toBe('hello');
    await echo.sidecar.start();
    await expect.poll(async () => (await call({ path: '/bucket/k' })).body, { timeout: 10_000 }).toBe('hello');
    expect((await call({ path: '/minio/health/ready', signed: false })).status).toBe(200);
  });

  it('a silent one is waited for as long as the deadline says', async () => {
    echo = await startEchoGateway({ sidecar: { intercept: () => 'silence' }, authzTimeoutMs: 200 });
    const start = performance.now();
    expect((await call({ path: '/bucket/k' })).status).toBe(503);
    expect(performance.now() - start).toBeGreaterThan(190);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  it('frames on their way are refused', async () => {
    echo = await startEchoGateway();
    echo.sidecar.options = {
      secrets: { [KEYS.accessKey]: KEYS.secretKey },
      intercept: ({ ask }) => {
        if (ask?.$case !== 'frames') return undefined;
        echo.sidecar.stop();
        return 'silence';
      },
    };
    const { headers, signed } = signHeaders(
      {
        method: 'PUT',
        path: '/bucket/k',
        query: [],
        headers: { host: `127.0.0.1:${echo.address.port}`, 'x-amz-decoded-content-length': '5' },
        payloadHash: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      },
      KEYS,
      new Date(),
    );
    const signer = new FrameSigner(signed);
    const body = Buffer.concat([signer.frame(Buffer.from('hello')), signer.frame(Buffer.alloc(0))]);
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const request = `PUT /bucket/k HTTP/1.1\r\n${head.join('')}connection: close\r\ncontent-length: ${body.length}\r\n\r\n`;
    expect(await sendRaw(echo.address.port, request, body)).toMatch(/^HTTP\/1\.1 503 /);
    expect(echo.state.stored.size).toBe(0);
  });
});

describe('with too many clients', () => {
  it('more requests than the limit are told to slow down', async () => {
    echo = await startEchoGateway({ gateway: { limits: { concurrentRequests: 1 } } });
    await call({ method: 'PUT', path: '/bucket/slow', body: Buffer.alloc(200_000) });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      echo.state.onSlow = () => {
        resolve();
        return new Promise((goOn) => {
          release = goOn;
        });
      };
    });
    const first = call({ path: '/bucket/slow' });
    await held;
    expect(await call({ path: '/bucket/slow' })).toMatchObject({ status: 503, code: 'SlowDown' });
    echo.state.onSlow = async () => undefined;
    release();
    expect((await first).body.length).toBe(200_000);
  });
});

describe('at its end', () => {
  it('answers what is in flight, closes idle connections, takes no new ones', async () => {
    echo = await startEchoGateway();
    const { port } = echo.address;
    await call({ method: 'PUT', path: '/bucket/slow', body: Buffer.alloc(200_000, 'x') });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      echo.state.onSlow = () => {
        resolve();
        return new Promise((goOn) => {
          release = goOn;
        });
      };
    });
    const idle = connect(port, '127.0.0.1');
    const idleClosed = new Promise((resolve) => idle.once('close', resolve));
    idle.write(rawCall({ path: '/bucket/none' }));
    await new Promise((resolve) => idle.once('data', resolve));
    idle.resume();
    const first = call({ path: '/bucket/slow' });
    await held;
    const closed = echo.gateway.close(10_000);
    await idleClosed;
    await expect(call({ path: '/bucket/slow' })).rejects.toThrow('ECONNREFUSED');
    echo.state.onSlow = async () => undefined;
    release();
    expect((await first).body).toBe('x'.repeat(200_000));
    await closed;
  });

  it('cuts what does not end in time', async () => {
    echo = await startEchoGateway();
    await call({ method: 'PUT', path: '/bucket/slow', body: Buffer.alloc(200_000) });
    const held = new Promise<void>((resolve) => {
      echo.state.onSlow = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    const outcome = expect(call({ path: '/bucket/slow' })).rejects.toThrow();
    await held;
    await echo.gateway.close(50);
    await outcome;
  });

  it('says that an address is taken', async () => {
    echo = await startEchoGateway();
    await expect(echo.gateway.listen('127.0.0.1', echo.address.port)).rejects.toThrow('EADDRINUSE');
  });
});
