// Bucket notifications through a running gateway with two workers: to a webhook that wants client certificates, and to listeners; and their
// configuration.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdminClient } from '../admin/admin-client.ts';
import {
  type EventRecord,
  notificationDocument,
  notify,
  putNotification,
  startWebhook,
  type Webhook,
} from '../harness/notifications.ts';
import { xmlValue, xmlValues } from '../harness/s3-client.ts';
import { eventually } from '../harness/waiting.ts';
import {
  config,
  expectedRecord,
  folder,
  gateway,
  newBucket,
  PHOTO,
  put,
  remove,
  send,
  useNotifyingGateway,
} from './notifying-gateway.ts';

useNotifyingGateway(() => {
  makeCertificates();
  return {
    MINIO_NOTIFY_WEBHOOK_CA_CERT_mtls: join(folder, 'ca.pem'),
    MINIO_NOTIFY_WEBHOOK_CA_CERT_misnamed: join(folder, 'ca.pem'),
  };
});

/** An authority, a server's certificate for localhost, one for another name, and a client's. */
function makeCertificates(): void {
  const openssl = (...args: readonly string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
  };
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test Authority', '-days', '2');
  for (const [name, subject] of [
    ['server', 'localhost'],
    ['misnamed', 'elsewhere.example'],
    ['client', 'gateway'],
  ] as const) {
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=DNS:${subject}\n`);
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing);
  }
}

describe('a webhook', () => {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const tls = (name: string) => ({
    key: read(`${name}.key`),
    cert: read(`${name}.pem`),
    ca: read('ca.pem'),
    requestCert: true,
    rejectUnauthorized: true,
  });
  let plain: Webhook;
  let mutual: Webhook;
  let misnamed: Webhook;
  let certificates: string;

  beforeAll(async () => {
    plain = await startWebhook();
    mutual = await startWebhook(tls('server'));
    misnamed = await startWebhook(tls('misnamed'));
    certificates = `client_cert=${join(folder, 'client.pem')} client_key=${join(folder, 'client.key')}`;
    await config.use(
      `notify_webhook:1 queue_limit="0"  endpoint="${plain.url}" queue_dir=""`,
      `notify_webhook:mtls endpoint=${mutual.url} auth_token=the-token ${certificates}`,
    );
  }, 120_000);
  afterAll(async () => {
    for (const webhook of [plain, mutual, misnamed]) await webhook?.close();
  });

  it('gets a POST an event', async () => {
    const bucket = await newBucket();
    await notify(gateway, bucket, {
      arn: 'arn:minio:sqs::1:webhook',
      events: ['s3:ObjectCreated:Put'],
      suffix: '.jpg',
    });
    await send({ ...PHOTO, bucket, key: 'a b.jpg' });
    const [post] = await eventually('a post', () => plain.posts.length > 0 && plain.posts);
    expect(post?.body).toEqual({
      EventName: 's3:ObjectCreated:Put',
      Key: `${bucket}/a b.jpg`,
      Records: [expectedRecord(bucket, 'a+b.jpg')],
    });
    expect(post?.headers['content-type']).toBe('application/json');
    expect(post?.headers.authorization).toBeUndefined();
  });

  it('is shown the token and the certificate, both at once with another target', async () => {
    const bucket = await newBucket();
    const before = plain.posts.length;
    await notify(gateway, bucket, { arn: 'arn:minio:sqs::mtls:webhook' }, { arn: 'arn:minio:sqs::1:webhook' });
    await put(bucket, 'a');
    const [post] = await eventually('a post', () => mutual.posts.length > 0 && mutual.posts);
    expect(post).toMatchObject({ authorized: true, headers: { authorization: 'Bearer the-token' } });
    await eventually('the other has it as well', () => plain.posts.length === before + 1);
  });

  it.each([
    [
      'a name that its certificate does not have',
      () => `notify_webhook:misnamed endpoint=${misnamed.url} ${certificates}`,
      /altnames|does not match/,
    ],
    [
      'an authority that is not known',
      () => `notify_webhook:unknown endpoint=${mutual.url} ${certificates}`,
      /certificate/,
    ],
    ['no client certificate', () => `notify_webhook:mtls endpoint=${mutual.url} client_cert= client_key=`, /./],
    ['a certificate without its key', () => `notify_webhook:half endpoint=${mutual.url} client_cert=/x`, /as a pair/],
    [
      'nobody there',
      () => 'notify_webhook:none endpoint=http://127.0.0.1:1',
      /not connected to target server\/service/,
    ],
    ['an endpoint that is none', () => 'notify_webhook:none endpoint=localhost:80', /http:\/\/ or https:\/\//],
  ])('is refused with %s', async (_, line, message) => {
    const refusal = await config.set(line());
    expect(refusal.status).toBe(400);
    expect(refusal.message).toMatch(message);
  });

  it.each([500, 404, undefined])(
    'that answers %s slows nobody, and gets everything, what concerns an object in order, once it answers well',
    async (answer) => {
      const bucket = await newBucket();
      const other = await newBucket();
      await notify(gateway, bucket, { arn: 'arn:minio:sqs::1:webhook' });
      await notify(gateway, other, { arn: 'arn:minio:sqs::mtls:webhook' });
      const posts = plain.posts.length;
      plain.answer = answer;
      const started = performance.now();
      for (let i = 0; i < 20; i++) await put(bucket, `${i % 3}`, 'x'.repeat(1 + i));
      expect(performance.now() - started).toBeLessThan(10_000);
      const others = mutual.posts.length;
      await put(other, 'x');
      await eventually('the other target has its event', () => mutual.posts.length === others + 1, 5_000);
      expect(plain.posts.length).toBe(posts);
      plain.answer = 200;
      await eventually('all are there', () => plain.posts.length === posts + 20, 60_000);
      for (const key of [0, 1, 2]) {
        const mine = plain.posts.slice(posts).filter(({ body }) => body.Key === `${bucket}/${key}`);
        expect(mine.map(({ body }) => body.Records[0]?.s3.object.size)).toEqual(
          Array.from({ length: 20 }, (_, i) => i + 1).filter((size) => (size - 1) % 3 === key),
        );
      }
    },
    90_000,
  );
});

describe('listeners', () => {
  /** Reads a listener's lines until it is closed. */
  async function listen(bucket: string | undefined, events: readonly string[], more: readonly [string, string][] = []) {
    const agent = new Agent();
    const parameters = [...events.map((name): [string, string] => ['events', name]), ...more];
    const records: EventRecord[] = [];
    const answer = await gateway.client.stream({
      ...(bucket === undefined ? {} : { bucket }),
      parameters,
      keys: gateway.root,
    });
    let text = '';
    answer.on('error', () => undefined);
    answer.on('data', (data: Buffer) => {
      text += data.toString();
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) records.push(...JSON.parse(line).Records);
    });
    return {
      status: answer.statusCode,
      records,
      close: () => {
        answer.destroy();
        agent.destroy();
      },
    };
  }

  it('hear of the events of all workers, with keys as they are', async () => {
    const bucket = await newBucket();
    const names = ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'];
    const first = await listen(bucket, names);
    const second = await listen(bucket, names, [['prefix', 'even/']]);
    expect(first.status).toBe(200);
    // a connection each, so that both workers get some
    const keys = Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? `even/é ${i}` : `odd/${i}`));
    await Promise.all(
      keys.map(async (key) => {
        const { target, headers, body } = gateway.client.prepare({
          method: 'PUT',
          bucket,
          key,
          body: 'x',
          keys: gateway.root,
        });
        await new Promise<void>((resolve, reject) => {
          const request = gateway.client.open('PUT', target, headers);
          request.on('response', (response) => response.resume().on('end', resolve));
          request.on('error', reject);
          request.end(body);
        });
      }),
    );
    await eventually('the first heard of all', () => first.records.length === 24);
    await eventually('the second heard of half', () => second.records.length === 12);
    expect(first.records.map(({ s3 }) => s3.object.key).sort()).toEqual(keys.sort());
    first.close();
    second.close();
  });

  it('hear of buckets that come and go', async () => {
    const all = await listen(undefined, ['s3:BucketCreated:*', 's3:BucketRemoved:*', 's3:ObjectCreated:*']);
    const bucket = await newBucket();
    await put(bucket, 'a');
    await remove(bucket, 'a');
    await send({ method: 'DELETE', bucket });
    await eventually('three events', () => all.records.filter(({ s3 }) => s3.bucket.name === bucket).length === 3);
    expect(all.records.filter(({ s3 }) => s3.bucket.name === bucket).map(({ eventName }) => eventName)).toEqual([
      's3:BucketCreated:*',
      's3:ObjectCreated:Put',
      's3:BucketRemoved:*',
    ]);
    all.close();
  });

  it.each([
    ['an unknown event', { events: 's3:ObjectInvented:*' }, 400, 'InvalidArgument'],
    ['a prefix that is no key', { events: 's3:ObjectCreated:*', prefix: '../' }, 400, 'InvalidArgument'],
  ])('are refused with %s', async (_, query, status, code) => {
    expect(await send({ bucket: await newBucket(), query })).toMatchObject({ status, code });
  });

  it('are refused of a bucket that is not, and to those who may not', async () => {
    const query = { events: 's3:ObjectCreated:*' };
    expect(await send({ bucket: 'never-was', query })).toMatchObject({ status: 404, code: 'NoSuchBucket' });
    expect((await gateway.client.send({ bucket: await newBucket(), query })).status).toBe(403);
  });
});

describe('a configuration of notifications', () => {
  let hook: Webhook;
  const ARN = 'arn:minio:sqs::config:webhook';
  beforeAll(async () => {
    hook = await startWebhook();
    await config.use(`notify_webhook:config endpoint=${hook.url}`);
  });
  afterAll(() => hook.close());

  it('is answered as it was put, and removed by an empty one', async () => {
    const bucket = await newBucket();
    const empty = (await send({ bucket, query: { notification: '' } })).body.toString();
    expect(empty).toContain(
      '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></NotificationConfiguration>',
    );
    await notify(gateway, bucket, {
      arn: ARN,
      events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:Delete'],
      prefix: 'a/',
      suffix: '.b',
    });
    const stored = (await send({ bucket, query: { notification: '' } })).body;
    expect(xmlValues(stored, 'Event')).toEqual(['s3:ObjectCreated:*', 's3:ObjectRemoved:Delete']);
    expect(xmlValues(stored, 'Value')).toEqual(['a/', '.b']);
    expect(xmlValue(stored, 'Queue')).toBe(ARN);
    await notify(gateway, bucket);
    expect((await send({ bucket, query: { notification: '' } })).body.toString()).toBe(empty);
    await put(bucket, 'a/x.b');
    const other = await newBucket();
    await notify(gateway, other, { arn: ARN });
    await put(other, 'later');
    await eventually('the later event is there', () => hook.posts.length > 0);
    expect(hook.posts.map(({ body }) => body.Key)).toEqual([`${other}/later`]);
  });

  it.each([
    ['an unknown target', [{ arn: 'arn:minio:sqs::nobody:webhook' }], 'InvalidArgument', 'destination ARN'],
    ['an ARN that is none', [{ arn: 'arn:aws:sqs:us-east-1:1:queue' }], 'InvalidArgument', 'destination ARN'],
    ['an unknown event', [{ arn: ARN, events: ['s3:ObjectInvented:*'] }], 'InvalidArgument', 'event'],
    [
      'an event twice',
      [{ arn: ARN, events: ['s3:ObjectCreated:Put', 's3:ObjectCreated:Put'] }],
      'InvalidArgument',
      'twice',
    ],
    ['the same twice', [{ arn: ARN }, { arn: ARN }], 'InvalidArgument', 'overlapping'],
    [
      'prefixes that overlap',
      [
        { arn: ARN, prefix: 'a' },
        { arn: ARN, prefix: 'ab', events: ['s3:ObjectCreated:Put'] },
      ],
      'InvalidArgument',
      'overlapping',
    ],
    ['a filter value that is no key', [{ arn: ARN, prefix: 'a/../b' }], 'InvalidArgument', 'filter'],
    ['no event', [{ arn: ARN, events: [] }], 'MalformedXML', 'Event'],
  ])('is refused with %s', async (_, rules, code, message) => {
    const bucket = await newBucket();
    const refusal = await putNotification(gateway, bucket, notificationDocument(rules));
    expect(refusal).toMatchObject({ status: 400, code });
    expect(xmlValue(refusal.body, 'Message')).toContain(message);
  });

  it.each([
    ['nothing', ''],
    ['no XML', '<NotificationConfiguration>'],
    ['another document', '<Other/>'],
    ['an element that is not its', '<NotificationConfiguration><Queue/></NotificationConfiguration>'],
  ])('is refused when the document is %s', async (_, document) => {
    expect(await putNotification(gateway, await newBucket(), document)).toMatchObject({
      status: 400,
      code: 'MalformedXML',
    });
  });
});

describe('mc admin info', () => {
  it('says which targets are online', async () => {
    const admin = new AdminClient(gateway.client, gateway.root);
    const json = await eventually('the webhook is spoken of', async () => {
      const info = (await admin.call({ method: 'GET', path: 'info' })).json as {
        services: { notifications: unknown[] };
      };
      return JSON.stringify(info.services.notifications).includes('"status":"online"') && info;
    });
    expect(json.services.notifications).toContainEqual({
      webhook: expect.arrayContaining([{ mtls: { status: expect.stringMatching(/^o(n|ff)line$/) } }]),
    });
  });
});

describe('metrics', () => {
  it('count what was delivered, and say which targets are up', async () => {
    const port = /"port":(\d+)\},"msg":"metrics are served"/.exec(gateway.process.log)?.[1];
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const shown = text.split('\n').filter((line) => /target="(1|mtls):webhook"/.test(line) && !line.includes('failed'));
    expect(shown.map((line) => line.replace(/ [\d.]+$/, ' N').replace('portcullis_event_target_', ''))).toEqual([
      'up{target="1:webhook"} N',
      'up{target="mtls:webhook"} N',
      'queued{target="1:webhook"} N',
      'queued{target="mtls:webhook"} N',
      'lag_seconds{target="1:webhook"} N',
      'lag_seconds{target="mtls:webhook"} N',
      'delivered_total{target="1:webhook"} N',
      'delivered_total{target="mtls:webhook"} N',
      'dropped_total{target="1:webhook",reason="queue_full"} N',
      'dropped_total{target="mtls:webhook",reason="queue_full"} N',
    ]);
    expect(shown.find((line) => line.includes('delivered_total{target="1:webhook"'))).toMatch(/ [1-9]\d*$/);
    expect(text.includes('portcullis_s3_requests_total')).toBe(true);
  });
});
