// A gateway with --writeback: what it acknowledged while the object store was away survives kill -9, and is in the store once the next
// gateway has run for a while.
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';

let gateway: Gateway | undefined;
const folder = makeTempFolder();
logsOnFailure(() => gateway);
afterEach(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

const filesIn = (path: string): number =>
  existsSync(path)
    ? readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length
    : 0;

it('loses nothing it acknowledged while the object store was away', { timeout: 120_000 }, async () => {
  const volume = await formatTestVolume(folder);
  const cache = join(folder, 'cache');
  const flags = ['--multi-buckets', '--workers', '2', '--metrics', '127.0.0.1:0', '--cache-dir', cache];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags: [...flags, '--writeback'] });
  const { client, root: keys } = gateway;
  expect((await client.send({ method: 'PUT', bucket: 'bucket', keys })).status).toBe(200);
  // A file stands where the store's directory was: nothing can be written there, nor read.
  const away = `${volume.objects}.away`;
  renameSync(volume.objects, away);
  writeFileSync(volume.objects, '');
  const body = Buffer.alloc(5 << 20, 'written to the cache disk');
  for (const key of ['one', 'two']) {
    expect((await client.send({ method: 'PUT', bucket: 'bucket', key, body, keys })).status).toBe(200);
  }
  const read = async (from: Gateway, key: string): Promise<boolean> => {
    const answer = await from.client.send({ bucket: 'bucket', key, keys });
    return answer.status === 200 && body.equals(answer.body);
  };
  // Over several connections: by whichever worker.
  for (let i = 0; i < 6; i++) expect(await read(gateway, 'one')).toBe(true);
  gateway.process.killGroup();
  await gateway.process.exited;
  await gateway.dispose();
  const [uuid = ''] = readdirSync(cache);
  const staged = join(cache, uuid, 'portcullis-staged');
  expect(filesIn(staged)).toBe(4);
  rmSync(volume.objects);
  renameSync(away, volume.objects);
  // Without the flag: what was left is taken care of all the same.
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  await eventually('the staged blocks are uploaded', () => filesIn(staged) === 0, 30_000);
  expect(await read(gateway, 'two')).toBe(true);
  await gateway.dispose();
  rmSync(cache, { recursive: true });
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  for (const key of ['one', 'two']) expect(await read(gateway, key)).toBe(true);
});
