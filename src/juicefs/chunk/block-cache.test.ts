import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlockCache, type BlockCacheOptions } from './block-cache.ts';

let folder: string;
const warnings: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-cache-'));
  warnings.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function cache(options: Partial<BlockCacheOptions> = {}): BlockCache {
  return new BlockCache('the-uuid', {
    directories: [folder],
    bytes: 100 << 20,
    freeSpaceRatio: 0,
    fileMode: 0o600,
    processes: 1,
    rank: 0,
    log: { info: () => undefined, warn: (message) => warnings.push(message) },
    ...options,
  });
}

const files = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const KEY = 'vol/chunks/0/0/1_0_100000';

describe('the block cache', () => {
  it('gives back any part of a block, in this process and the next', async () => {
    const block = randomBytes(100_000);
    const first = cache();
    expect(await first.get(KEY, block.length, 0, 10)).toBeUndefined();
    first.put(KEY, block);
    await first.close();
    const next = cache();
    for (const [start, end] of [
      [0, 100_000],
      [0, 1],
      [32_767, 32_769],
      [99_999, 100_000],
      [40_000, 90_000],
    ] as const) {
      const part = await next.get(KEY, block.length, start, end);
      expect(part !== undefined && block.subarray(start, end).equals(part)).toBe(true);
    }
    await next.close();
    expect(files().map((path) => statSync(path).mode & 0o777)).toEqual([0o600]);
    expect(files()[0]).toContain('/the-uuid/portcullis/');
  });

  it.each([
    ['a byte of it changed', (path: string) => writeFileSync(path, flipped(readFileSync(path), 50_000))],
    ['a checksum changed', (path: string) => writeFileSync(path, flipped(readFileSync(path), 100_001))],
    ['it was cut', (path: string) => truncateSync(path, 60_000)],
    ['it is empty', (path: string) => truncateSync(path, 0)],
  ])('gives nothing, and forgets the block, when %s', async (_what, damage) => {
    const one = cache();
    one.put(KEY, randomBytes(100_000));
    await one.close();
    const [path = ''] = files();
    damage(path);
    const next = cache();
    expect(await next.get(KEY, 100_000, 0, 100_000)).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    expect(warnings).toEqual(['a cached block is damaged; it is fetched again']);
    await next.close();
  });

  it('stays within its size, and lets go of what was used longest ago', async () => {
    const small = cache({ bytes: 350_000 });
    for (let index = 0; index < 3; index++) {
      small.put(`vol/${index}`, randomBytes(100_000));
      await expect.poll(() => files().length).toBe(index + 1);
    }
    expect(await small.get('vol/0', 100_000, 0, 10)).toBeDefined();
    small.put('vol/3', randomBytes(100_000));
    await small.close();
    expect(
      files()
        .map((path) => path.split('/').pop())
        .sort(),
    ).toEqual(['0', '2', '3']);
  });

  it('keeps nothing larger than itself, and nothing where too little is free', async () => {
    const tiny = cache({ bytes: 50_000 });
    tiny.put(KEY, randomBytes(100_000));
    await tiny.close();
    const full = cache({ freeSpaceRatio: 0.9999 });
    full.put(KEY, randomBytes(100_000));
    await full.close();
    expect(files()).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('goes on without a disk that cannot be written', async () => {
    const blocked = join(folder, 'a-file');
    writeFileSync(blocked, '');
    const none = cache({ directories: [blocked] });
    none.put(KEY, randomBytes(100_000));
    none.put('vol/other', randomBytes(100));
    await none.close();
    expect(await none.get(KEY, 100_000, 0, 10)).toBeUndefined();
    expect(warnings.some((message) => message.startsWith('blocks are not cached for a while'))).toBe(true);
  });

  it('shares its size among processes, each of which takes over its part', async () => {
    const all = cache();
    for (let index = 0; index < 8; index++) all.put(`vol/${index}`, randomBytes(50_000));
    await all.close();
    expect(files().length).toBe(8);
    const left = cache({ processes: 2, rank: 0, bytes: 1000 });
    await expect.poll(() => files().length).toBeLessThan(8);
    const right = cache({ processes: 2, rank: 1, bytes: 1000 });
    await expect.poll(files).toEqual([]);
    await left.close();
    await right.close();
  });

  it('forgets a block that is deleted', async () => {
    const one = cache();
    one.put(KEY, randomBytes(1000));
    await one.close();
    await one.delete(KEY);
    expect(files()).toEqual([]);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}
