// A process is killed in the middle of a block that it writes bit by bit: `gc` finds what is left, and `destroy` leaves none of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { collectGarbage, destroyVolume, volumeStatus } from '../../src/juicefs/index.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';

const ADMIN = { environment: {}, log: { info: () => undefined, warn: () => undefined } };
const TWO_HOURS_AGO = new Date(Date.now() - 2 * 3_600_000);

let made: TemporaryVolume | undefined;
let child: ChildProcess | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
  made?.remove();
});

const leftIn = (volume: TemporaryVolume): string[] =>
  readdirSync(volume.objects, { recursive: true, encoding: 'utf8' })
    .filter((name) => basename(name).startsWith('.jfs.'))
    .map((name) => join(volume.objects, name));

/** A volume in which a writer was killed within its first block. */
async function killedWithinABlock(): Promise<TemporaryVolume> {
  const volume = await makeVolume({ blockSizeKiB: 4096, trashDays: 0 });
  made = volume;
  const script = fileURLToPath(new URL('./writing-process.ts', import.meta.url));
  child = spawn(process.execPath, ['--import', 'tsx', script, 'half', volume.metaUrl], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('the child has no output');
  await once(createInterface(child.stdout), 'line');
  // It is at work: what it has not finished is young, and nobody's garbage.
  expect(await collectGarbage(volume.metaUrl, { ...ADMIN, delete: true })).toMatchObject({ leaked: { count: 0 } });
  expect(leftIn(volume)).toHaveLength(1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return volume;
}

it('gc reports the part of a block, and deletes it once it is old', { timeout: 60_000 }, async () => {
  const volume = await killedWithinABlock();
  expect(await volume.check({ allowLeakedBlocks: true })).toEqual([]);
  expect(await collectGarbage(volume.metaUrl, { ...ADMIN, delete: true })).toMatchObject({
    scanned: 1,
    skipped: { count: 1 },
    leaked: { count: 0 },
  });
  const [left = ''] = leftIn(volume);
  utimesSync(left, TWO_HOURS_AGO, TWO_HOURS_AGO);
  const report = await collectGarbage(volume.metaUrl, ADMIN);
  expect(report).toMatchObject({ scanned: 1, skipped: { count: 0 }, leaked: { count: 1 } });
  // Megabytes, of a block that is nowhere.
  expect(report.leaked.bytes).toBeGreaterThan(2_000_000);
  expect(leftIn(volume)).toEqual([left]);
  await collectGarbage(volume.metaUrl, { ...ADMIN, delete: true });
  expect(await volume.check()).toEqual([]);
});

it('destroy leaves none of it', { timeout: 60_000 }, async () => {
  const volume = await killedWithinABlock();
  const { Setting } = await volumeStatus(volume.metaUrl, ADMIN);
  await destroyVolume(volume.metaUrl, String(Setting.UUID), { ...ADMIN, force: true, confirm: async () => true });
  expect(leftIn(volume)).toEqual([]);
});
