// What is no binary dump, or one that was damaged or cut: refused, with nothing written.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadVolumeBinary, openVolume, VolumeError, VolumeOpenError } from '../../src/juicefs/index.ts';
import { readSegments, SegmentWriter } from '../../src/juicefs/maintenance/binary-dump/segments.ts';
import { runCli } from '../harness/gateway.ts';
import { inPieces, jsonOf } from './binary-dump-suite.ts';

const ADMIN = { environment: {}, log: { info: () => undefined, warn: () => undefined } };
const DUMP = join(import.meta.dirname, '../fixtures/dumps/sqlite-posix.bin');
const whole = readFileSync(DUMP);

let folder: string;
let metaUrl: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-binary-'));
  metaUrl = `sqlite3://${join(folder, 'meta.db')}`;
});
afterEach(() => rmSync(folder, { recursive: true }));

const load = (bytes: Uint8Array) => loadVolumeBinary(metaUrl, () => inPieces(bytes, 4096), ADMIN);

async function expectRefused(bytes: Uint8Array): Promise<void> {
  const failure = await load(bytes).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(VolumeOpenError);
  expect(failure).toMatchObject({ code: 'InvalidFormat' });
}

it('is refused wherever it is cut, and the database stays free', async () => {
  for (let length = 0; length < whole.length; length += 997) await expectRefused(whole.subarray(0, length));
  for (let cut = 1; cut < 12; cut++) await expectRefused(whole.subarray(0, -cut));
  await load(whole);
  expect((await jsonOf(metaUrl)).length).toBeGreaterThan(10_000);
});

it('is refused when it is something else, or of a form that is not known', async () => {
  await expectRefused(Buffer.from('{"Setting": {}}'.repeat(100)));
  await expectRefused(Buffer.alloc(1000));
  // A segment that claims more than there can be.
  const huge = Buffer.alloc(12, 0xff);
  huge.writeUInt32BE(3, 0);
  await expectRefused(huge);
  const parts: Uint8Array[] = [];
  const empty = new SegmentWriter(async (bytes) => {
    parts.push(bytes);
  });
  await empty.end();
  await expectRefused(Buffer.concat(parts));
});

it('damaged somewhere, is refused by what is wrong or loaded, and leaves nothing where it is refused', async () => {
  let refused = 0;
  for (let at = 100; at < whole.length; at += 1501) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    metaUrl = `sqlite3://${join(folder, `${at}.db`)}`;
    try {
      await load(damaged);
    } catch (error) {
      expect(error instanceof VolumeOpenError || error instanceof VolumeError, String(error)).toBe(true);
      refused += 1;
      await load(whole);
    }
  }
  expect(refused).toBeGreaterThan(0);
}, 60_000);

it('is not loaded over a volume', async () => {
  await load(whole);
  await expect(load(whole)).rejects.toThrow(/is used by volume/);
  const volume = await openVolume(metaUrl, { readOnly: true, bucket: `${folder}/` });
  expect(await volume.isEmpty([])).toBe(false);
  await volume.close();
});

it('is told by the commands, in a file and compressed', async () => {
  const stat = await runCli(['load', DUMP, '--binary', '--stat']);
  expect(stat).toMatchObject({ code: 0 });
  expect(stat.output).toMatch(/^Backup Version: 1$/m);
  expect(stat.output).toMatch(/^node {6}\| 149 {7}\|$/m);
  expect((await runCli(['load', DUMP, '--binary', '--stat', '--offset=-1'])).output).toMatch(
    /^format {4}\| 1 .*\| \[0\]$/m,
  );
  expect(await runCli(['load', '--binary', metaUrl, DUMP])).toMatchObject({ code: 0 });
  const file = join(folder, 'again.bin.gz');
  expect(await runCli(['dump', '--binary', metaUrl, file])).toMatchObject({ code: 0 });
  expect(existsSync(file)).toBe(true);
  const copyUrl = `sqlite3://${join(folder, 'copy.db')}`;
  expect(await runCli(['load', '--binary', copyUrl, file])).toMatchObject({ code: 0 });
  expect(await jsonOf(copyUrl)).toBe(await jsonOf(metaUrl));
  writeFileSync(file, whole.subarray(0, 100));
  for (const args of [
    ['load', '--binary', `${copyUrl}.2`, file],
    ['load', '--binary', `${copyUrl}.3`],
    ['load', '--binary', `${copyUrl}.4`, join(folder, 'nowhere')],
    ['load', file, '--binary', '--stat'],
  ]) {
    const { code, output } = await runCli(args);
    expect(code, output).toBeGreaterThan(0);
    expect(output).not.toMatch(/^ {4}at /m);
  }
}, 120_000);

it('has a segment at a time in memory, and the segments in the order they were written', async () => {
  const kinds: string[] = [];
  for await (const segment of readSegments(inPieces(whole, 1))) {
    kinds.push('format' in segment ? 'format' : Object.keys(segment.batch).join());
  }
  expect(kinds.slice(0, 3)).toEqual(['format', 'counters', 'nodes']);
});
