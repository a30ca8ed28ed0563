import { afterAll, beforeAll, expect } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { writeIdentities } from '../harness/iam.ts';
import type { S3Answer, S3Call, S3Client } from '../harness/s3-client.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume, volumeState } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

export const anna: Keys = { accessKey: 'anna', secretKey: 'anna-secret-key' };
export const nobody: Keys = { accessKey: 'nobody', secretKey: 'nobody-secret-key' };
export const MINUTE = 60_000;
export const MIB = 1024 * 1024;

let folder: string;
export let volume: TestVolume;
export let gateway: Gateway;
export let client: S3Client;

/** Starts the gateway before the tests of a file, and ends it after them. */
export function useHomePolicy(): void {
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    folder = makeTempFolder();
    volume = await formatTestVolume(folder);
    await writeIdentities(volume, {
      users: [{ ...anna, policies: ['home'] }, nobody],
      policies: {
        home: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::docs/home/*'] },
            { Effect: 'Deny', Action: ['s3:*'], Resource: ['arn:aws:s3:::docs/home/locked/*'] },
          ],
        },
      },
    });
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: ['--multi-buckets', '--keep-etag', '--workers', '2'],
    });
    client = gateway.client;
    const root = gateway.root;
    for (const bucket of ['docs', 'other']) {
      expect(await client.send({ method: 'PUT', bucket, keys: root })).toMatchObject({ status: 200 });
    }
    for (const [bucket, key] of [
      ['docs', 'home/mine.txt'],
      ['docs', 'home/sub/too.txt'],
      ['docs', 'home/locked/safe.txt'],
      ['docs', 'secret.txt'],
      ['other', 'secret.txt'],
    ] as const) {
      const put: S3Call = { method: 'PUT', bucket, key, body: `content of ${key}`, keys: root };
      expect(await client.send(put)).toMatchObject({ status: 200 });
    }
  });

  afterAll(async () => {
    await gateway?.dispose();
    removeTempFolder(folder);
  });
}

/** Does something that must be refused, and sees that nothing changed. */
export async function refused(attempt: () => Promise<S3Answer>): Promise<{ status: number; code: string | undefined }> {
  const before = volumeState(volume);
  const { status, code } = await attempt();
  // Blocks of a refused upload may be removed right after the answer.
  await eventually('the volume is as before', () => sameLines(volumeState(volume), before), 5_000).catch(() => {
    expect(volumeState(volume)).toEqual(before);
  });
  return { status, code };
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

export const accessDenied = { status: 403, code: 'AccessDenied' };
export const noSignatureMatch = { status: 403, code: 'SignatureDoesNotMatch' };
