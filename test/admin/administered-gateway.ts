// A gateway whose root administers it, and what the identities that it makes may do.
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import type { Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume, type TestVolume } from '../harness/volume.ts';
import { AdminClient } from './admin-client.ts';

export const SECRET = 'a-secret-of-a-user';
export const NEW_CLIENT = 'MinIO (linux; amd64) madmin-go/3.0.70 mc/RELEASE.2025-01-01T00-00-00Z';

export let folder: string;
export let volume: TestVolume;
export let gateway: Gateway;
export let root: AdminClient;
/** A name of each test's own. */
export let name: string;
export let names = 0;

/** Starts the gateway before the tests of a file, and ends it after them. */
export function useAdministeredGateway(): void {
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    folder = makeTempFolder();
    volume = await formatTestVolume(folder);
    gateway = await startGateway({ metaUrl: volume.metaUrl, flags: ['--multi-buckets', '--workers', '1'] });
    root = new AdminClient(gateway.client, gateway.root);
    await gateway.client.send({ method: 'PUT', bucket: 'photos', keys: gateway.root });
    await gateway.client.send({ method: 'PUT', bucket: 'photos', key: 'a.jpg', body: 'jpeg', keys: gateway.root });
  });
  beforeEach(() => {
    name = `user${++names}`;
  });
  afterAll(async () => {
    await gateway?.dispose();
    removeTempFolder(folder);
  });
}

export const keysOf = (accessKey: string, secretKey = SECRET): Keys => ({ accessKey, secretKey });
export const as = (keys: Keys, userAgent?: string): AdminClient => new AdminClient(gateway.client, keys, userAgent);
/** What reading, listing and writing answer: statuses. */
export async function rightsOf(keys: Keys): Promise<{ read: number; list: number; write: number }> {
  const { client } = gateway;
  return {
    read: (await client.send({ bucket: 'photos', key: 'a.jpg', keys })).status,
    list: (await client.send({ bucket: 'photos', query: { 'list-type': '2' }, keys })).status,
    write: (await client.send({ method: 'PUT', bucket: 'photos', key: `by-${keys.accessKey}`, body: 'x', keys }))
      .status,
  };
}
export const NONE = { read: 403, list: 403, write: 403 };
export const READ = { read: 200, list: 403, write: 403 };
export const ALL = { read: 200, list: 200, write: 200 };
