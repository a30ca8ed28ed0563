// Disks that are full: the one of the blocks refuses what does not fit and keeps nothing of it, the one of the cache is done
// without. On small file systems in memory, where this process may mount them.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FormatSettings, formatVolume, openVolume, type Volume, VolumeError } from '../../src/juicefs/index.ts';
import { makeTempFolder } from '../harness/temp-folder.ts';
import { checkVolume } from './volume-check.ts';

const MIB = 1024 * 1024;

/** A directory with that much room; false when such may not be made here. */
function mountSmall(directory: string, size: string): boolean {
  mkdirSync(directory);
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]).status === 0;
}

function unmount(directory: string): void {
  spawnSync('umount', ['--lazy', directory]);
}

function mayMount(): boolean {
  const folder = makeTempFolder();
  const directory = join(folder, 'tried');
  const mounted = mountSmall(directory, '1m');
  if (mounted) unmount(directory);
  else process.stderr.write('\nSKIPPED: tests with full disks, because no file system may be mounted here\n\n');
  rmSync(folder, { recursive: true, force: true });
  return mounted;
}

async function write(volume: Volume, name: string, bytes: Buffer): Promise<string> {
  const writer = volume.create([name]);
  try {
    for (let at = 0; at < bytes.length; at += 50_000) await writer.write(bytes.subarray(at, at + 50_000));
    await writer.commit();
    return 'done';
  } catch (error) {
    await writer.abort();
    if (!(error instanceof VolumeError)) throw error;
    return error.message;
  }
}

async function read(volume: Volume, name: string): Promise<Buffer> {
  const reader = await volume.open([name]);
  const parts: Uint8Array[] = [];
  for await (const part of reader.read(0, reader.attributes.size)) parts.push(part);
  await reader.close();
  return Buffer.concat(parts);
}

describe.skipIf(!mayMount())('full disks', () => {
  let folder: string;
  let store: string;
  let cache: string;
  beforeEach(() => {
    folder = makeTempFolder();
    store = join(folder, 'store');
    cache = join(folder, 'cache');
    mountSmall(store, '8m');
    mountSmall(cache, '2m');
  });
  afterEach(() => {
    unmount(store);
    unmount(cache);
    rmSync(folder, { recursive: true, force: true });
  });

  const KINDS: readonly Partial<FormatSettings>[] = [
    { blockSizeKiB: 64 },
    { blockSizeKiB: 4096 },
    { blockSizeKiB: 256, compression: 'lz4' },
  ];
  it.each(KINDS)('refuse what does not fit, and keep nothing of it (%j)', async (settings) => {
    const database = join(folder, 'meta.db');
    const metaUrl = `sqlite3://${database}`;
    await formatVolume(metaUrl, { name: 'full', bucket: `${store}/`, trashDays: 0, ...settings });
    const options = { deleteGraceMs: 0, ioRetries: 1, cacheDirectories: [cache], freeSpaceRatio: 0 };
    const volume = await openVolume(metaUrl, options);
    const kept = randomBytes(3 * MIB);
    expect(await write(volume, 'kept', kept)).toBe('done');
    expect(await write(volume, 'large', randomBytes(9 * MIB))).toMatch(/^ENOSPC: no space left to store block full\//);
    // Several at a time, which fill it together: what they leave behind would keep the next from fitting.
    const together = await Promise.all(['a', 'b', 'c', 'd'].map((name) => write(volume, name, randomBytes(3 * MIB))));
    expect(together).toContainEqual(expect.stringMatching(/^ENOSPC/));
    for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
      if (together[i] === 'done') await volume.unlink([name]);
      else await expect(volume.stat([name])).rejects.toThrow(/ENOENT/);
    }
    await volume.close();
    const again = await openVolume(metaUrl, options);
    expect(await write(again, 'fits', randomBytes(4 * MIB))).toBe('done');
    expect((await read(again, 'kept')).equals(kept)).toBe(true);
    expect((await read(again, 'kept')).equals(kept)).toBe(true);
    await again.close();
    expect(checkVolume(database, `${store}/`)).toEqual([]);
    const files = readdirSync(store, { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.includes('.tmp.'))).toEqual([]);
  });
});
