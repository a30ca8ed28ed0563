// A worker dies: the others go on, another takes its place, and the last lines of the access log are there after the end.
import { readFileSync } from 'node:fs';
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

function workers(of: Gateway): number[] {
  return of.process
    .group()
    .filter(({ command }) => command.includes('gateway-worker'))
    .map(({ pid }) => pid);
}

it('is replaced when it dies, and loses no line of the access log when it ends well', async () => {
  const volume = await formatTestVolume(folder);
  const log = join(folder, 'access.log');
  const flags = ['--multi-buckets', '--metrics', '127.0.0.1:0', '--workers', '2', '--access-log', log];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
  const { client, root: keys } = gateway;
  const before = workers(gateway);
  expect(before).toHaveLength(2);
  const [victim] = before;
  if (victim === undefined) throw new Error('there is no worker');
  process.kill(victim, 'SIGKILL');
  const running = gateway;
  await eventually('another worker runs', () => {
    const now = workers(running);
    return now.length === 2 && !now.includes(victim);
  });
  // the other worker may not have come up yet when the first was killed
  await eventually('it serves', async () => (await client.send({ keys }).catch(() => undefined))?.status === 200);
  const last = await client.send({ method: 'PUT', bucket: 'last-line', keys });
  expect(last.status).toBe(200);
  expect(await gateway.stop(), gateway.process.log).toEqual({ code: 0, signal: null });
  expect(readFileSync(log, 'utf8')).toContain(String(last.headers['x-amz-request-id']));
});
