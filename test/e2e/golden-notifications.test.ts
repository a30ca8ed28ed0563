// The golden volume iam-volume, in which the Go gateway configured a webhook and told a bucket to notify it: the configuration works as
// it lies there, and what is configured here is there after a restart.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { ConfigClient, startWebhook, type Webhook } from '../harness/notifications.ts';
import { xmlValue, xmlValues } from '../harness/s3-client.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { unpackGoldenVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

const ROOT = { accessKey: 'goldenadmin', secretKey: 'golden-secret-key-1' };
const ARN = 'arn:minio:sqs:us-east-1:golden:webhook';

describe('the notifications of the golden volume iam-volume', () => {
  const folder = makeTempFolder();
  const volume = unpackGoldenVolume('iam-volume', folder);
  const { gateway_flags } = z.object({ gateway_flags: z.array(z.string()) }).parse(volume.manifest);
  const flags = [
    ...gateway_flags,
    ...volume.flags,
    '--workers',
    '1',
    '--metrics',
    '127.0.0.1:0',
    '--authz-timeout',
    '30s',
  ];
  let hook: Webhook;
  let gateway: Gateway;
  logsOnFailure(() => gateway);

  const start = () =>
    startGateway({
      metaUrl: volume.metaUrl,
      flags,
      root: ROOT,
      // the endpoint that is stored was another machine's
      env: { MINIO_NOTIFY_WEBHOOK_ENDPOINT_golden: hook.url },
    });

  beforeAll(async () => {
    hook = await startWebhook();
    gateway = await start();
  }, 90_000);
  afterAll(async () => {
    await gateway?.dispose();
    await hook?.close();
    removeTempFolder(folder);
  });

  it('are shown as they were configured', async () => {
    const { body } = await gateway.client.send({ bucket: 'iam-events', query: { notification: '' }, keys: ROOT });
    expect(xmlValue(body, 'Queue')).toBe(ARN);
    expect(xmlValues(body, 'Event')).toEqual(['s3:ObjectCreated:*', 's3:ObjectRemoved:*']);
    expect(xmlValue(body, 'Value')).toBe('.jpg');
    expect(await new ConfigClient(gateway).get('notify_webhook:golden')).toMatch(
      /^notify_webhook:golden endpoint=http:\/\/127\.0\.0\.1:19379\/hook auth_token=hook-token queue_limit=10 /,
    );
    expect(gateway.process.log).toContain(`"arns":["${ARN}"]`);
  });

  it('are sent, with the token and the region that are configured', async () => {
    for (const key of ['a.jpg', 'a.png']) {
      await gateway.client.send({ method: 'PUT', bucket: 'iam-events', key, body: 'x', keys: ROOT });
    }
    await gateway.client.send({ method: 'DELETE', bucket: 'iam-events', key: 'a.jpg', keys: ROOT });
    const posts = await eventually('two posts', () => hook.posts.length >= 2 && hook.posts);
    expect(posts.map(({ body }) => [body.EventName, body.Key])).toEqual([
      ['s3:ObjectCreated:Put', 'iam-events/a.jpg'],
      ['s3:ObjectRemoved:Delete', 'iam-events/a.jpg'],
    ]);
    expect(posts[0]?.headers.authorization).toBe('Bearer hook-token');
    expect(posts[0]?.body.Records[0]).toMatchObject({
      awsRegion: 'us-east-1',
      requestParameters: { region: 'us-east-1' },
    });
  });

  it('have the history that the Go gateway wrote, and go on from it', async () => {
    const config = new ConfigClient(gateway);
    expect((await config.history()).map(({ data }) => data)).toEqual([
      'notify_webhook:golden endpoint=http://127.0.0.1:19379/hook queue_limit=10 auth_token=hook-token',
      'region name=us-east-1',
    ]);
    expect((await config.set(`notify_webhook:second endpoint=${hook.url}`)).status).toBe(200);
    await gateway.stop();
    gateway = await start();
    expect(gateway.process.log).toContain('arn:minio:sqs:us-east-1:second:webhook');
    expect((await new ConfigClient(gateway).history()).length).toBe(3);
  }, 90_000);
});
