import { afterAll, beforeAll, expect } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { ConfigClient } from '../harness/notifications.ts';
import type { S3Answer, S3Call } from '../harness/s3-client.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume } from '../harness/volume.ts';

const FLAGS = [
  '--multi-buckets',
  '--keep-etag',
  '--workers',
  '2',
  '--metrics',
  '127.0.0.1:0',
  '--authz-timeout',
  '30s',
];

export const folder = makeTempFolder();
export let volume: TestVolume;
export let gateway: Gateway;
export let config: ConfigClient;
let buckets = 0;

/**
 * Starts the gateway before the tests of a file, and ends it after them.
 * @param prepare what is to be there before; answers what the gateway's environment adds to the server configuration
 */
export function useNotifyingGateway(
  prepare: () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>,
): void {
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    const env = await prepare();
    volume = await formatTestVolume(folder);
    gateway = await startGateway({ metaUrl: volume.metaUrl, flags: FLAGS, env });
    config = new ConfigClient(gateway);
  }, 90_000);

  afterAll(async () => {
    await gateway?.dispose();
    removeTempFolder(folder);
  });
}

export function send(call: S3Call): Promise<S3Answer> {
  return gateway.client.send({ keys: gateway.root, ...call });
}

export async function newBucket(): Promise<string> {
  const bucket = `events-${++buckets}`;
  expect((await send({ method: 'PUT', bucket })).status).toBe(200);
  return bucket;
}

export const put = (bucket: string, key: string, body = 'four'): Promise<S3Answer> =>
  send({ method: 'PUT', bucket, key, body });
export const remove = (bucket: string, key: string): Promise<S3Answer> => send({ method: 'DELETE', bucket, key });

/** A record of an upload of four bytes, in the shape and order of fields that people know from MinIO. */
export function expectedRecord(bucket: string, key: string): object {
  return {
    eventVersion: '2.0',
    eventSource: 'minio:s3',
    awsRegion: '',
    eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    eventName: 's3:ObjectCreated:Put',
    userIdentity: { principalId: gateway.root.accessKey },
    requestParameters: { principalId: gateway.root.accessKey, region: '', sourceIPAddress: '127.0.0.1' },
    responseElements: {
      'content-length': '0',
      'x-amz-request-id': expect.stringMatching(/^[0-9A-F]{16}$/),
      'x-minio-origin-endpoint': gateway.url,
    },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'Config',
      bucket: { name: bucket, ownerIdentity: { principalId: gateway.root.accessKey }, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key,
        size: 4,
        eTag: '8cbad96aced40b3838dd9f07f6ef5772',
        userMetadata: { 'X-Amz-Meta-Colour': 'blue', 'content-type': 'image/jpeg' },
        sequencer: expect.stringMatching(/^[0-9A-F]{16}$/),
      },
    },
    source: { host: '127.0.0.1', port: '', userAgent: 'a test' },
  };
}

export const PHOTO = {
  method: 'PUT',
  body: 'four',
  headers: { 'content-type': 'image/jpeg', 'x-amz-meta-colour': 'blue', 'user-agent': 'a test' },
} as const;
