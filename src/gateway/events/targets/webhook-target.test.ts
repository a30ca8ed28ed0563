import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { TestAuthority } from '../../../../test/harness/certificates.ts';
import { makeTempFolder, removeTempFolder } from '../../../../test/harness/temp-folder.ts';
import type { DeliveryError } from './event-target.ts';
import { WEBHOOK_CONCURRENCY, WebhookTarget } from './webhook-target.ts';

let server: Server | undefined;

const SETTINGS = {
  id: '1:webhook',
  type: 'webhook',
  queueDir: '',
  queueLimit: 0,
  authToken: '',
  clientCert: '',
  clientKey: '',
  caCert: '',
} as const;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A webhook that takes its time; `answer` says with what an event is answered. */
async function startWebhook(latencyMs: number, answer: (key: string, n: number) => number = () => 200) {
  const got: string[] = [];
  const most = { atOnce: 0 };
  let atOnce = 0;
  const started = createServer((request, response) => {
    atOnce++;
    most.atOnce = Math.max(most.atOnce, atOnce);
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', async () => {
      const { Key, Records } = JSON.parse(Buffer.concat(parts).toString());
      await pause(latencyMs);
      atOnce--;
      const status = answer(Key, Records[0].n);
      if (status === 200) got.push(`${Key} ${Records[0].n}`);
      response.writeHead(status).end();
    });
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const endpoint = new URL(`http://127.0.0.1:${(started.address() as AddressInfo).port}/`);
  const target = new WebhookTarget({ ...SETTINGS, endpoint });
  return { target, got, most };
}

/** The n-th event of all, of this object. */
const event = (key: string, n: number) => ({
  json: JSON.stringify({ eventName: 's3:ObjectCreated:Put', s3: { bucket: { name: 'b' }, object: { key } }, n }),
});

describe('a webhook that takes 50 ms an event', () => {
  it('gets 200 events a second of many objects, those of each in order, not too many at once', async () => {
    const { target, got, most } = await startWebhook(50);
    const events = Array.from({ length: 200 }, (_, n) => event(`k${n % 50}`, n));
    const started = performance.now();
    await target.deliver(events.slice(0, 100));
    await target.deliver(events.slice(100));
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(got).toHaveLength(200);
    for (let k = 0; k < 50; k++) {
      const numbers = got.filter((line) => line.startsWith(`b/k${k} `)).map((line) => Number(line.split(' ')[1]));
      expect(numbers).toEqual([k, k + 50, k + 100, k + 150]);
    }
    expect(most.atOnce).toBeGreaterThan(8);
    expect(most.atOnce).toBeLessThanOrEqual(WEBHOOK_CONCURRENCY);
    await target.close();
  });
});

describe('a webhook that refuses an event', () => {
  it('gets no later event of that object, and again only what it did not take', async () => {
    let refused = true;
    const { target, got } = await startWebhook(1, (key, n) => (refused && key === 'b/bad' && n === 3 ? 503 : 200));
    const events = [
      ...[event('good', 0), event('bad', 1), event('good', 2), event('bad', 3), event('bad', 4), event('good', 5)],
    ];
    const failure = await target.deliver(events).then(
      () => undefined,
      (error: DeliveryError) => error,
    );
    expect(failure?.message).toBe('the webhook answered 503');
    const delivered = failure?.delivered ?? 0;
    expect(delivered).toBeLessThanOrEqual(3);
    expect(got).not.toContain('b/bad 4');
    refused = false;
    await target.deliver(events.slice(delivered));
    expect(got.filter((line) => line.startsWith('b/bad'))).toEqual(['b/bad 1', 'b/bad 3', 'b/bad 4']);
    expect(got.filter((line) => line.startsWith('b/good'))).toEqual(['b/good 0', 'b/good 2', 'b/good 5']);
    await target.close();
  });
});

describe('a webhook over TLS', () => {
  it('is trusted by the authorities of a file or of a folder, and refused without them', async () => {
    const folder = makeTempFolder();
    const authority = new TestAuthority(folder, 'authority');
    const started = createTlsServer(authority.issue('localhost', 'serverAuth'), (_, response) => response.end());
    server = started;
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
    const endpoint = new URL(`https://127.0.0.1:${(started.address() as AddressInfo).port}/`);
    const many = join(folder, 'CAs');
    mkdirSync(join(many, 'below'), { recursive: true });
    writeFileSync(join(many, 'README'), 'no certificate');
    const check = async (caCert: string): Promise<void> => {
      const target = new WebhookTarget({ ...SETTINGS, endpoint, caCert });
      await target.check().finally(() => target.close());
    };
    await expect(check('')).rejects.toThrow(/certificate/);
    await expect(check(many)).rejects.toThrow(/certificate/);
    await expect(check(join(folder, 'none.pem'))).rejects.toThrow(/ca_cert: ENOENT/);
    await check(authority.certFile);
    writeFileSync(join(many, 'own.crt'), authority.certificate);
    await check(many);
    removeTempFolder(folder);
  });
});
