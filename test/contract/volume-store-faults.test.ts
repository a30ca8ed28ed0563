// A volume whose object store fails: down during a write, at the commit, during a read; blocks that are missing, cut or changed.
// Nothing acknowledged is lost, nothing unacknowledged is seen, and no wrong byte is ever read, with and without a cache.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectGarbage, formatVolume, openVolume, type Volume, type VolumeOptions } from '../../src/juicefs/index.ts';
import { hasMoto, startMoto } from '../harness/moto.ts';
import type { TestServer } from '../harness/servers.ts';
import { blockNames } from '../harness/volume.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';
import { checkVolume } from './volume-check.ts';

const FAST = { ioRetries: 1, getTimeoutMs: 2_000, putTimeoutMs: 2_000 };

async function write(volume: Volume, name: string, body: Uint8Array): Promise<void> {
  const writer = volume.create([name]);
  try {
    await writer.write(body);
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function read(volume: Volume, name: string, start = 0, end = Number.MAX_SAFE_INTEGER): Promise<Buffer> {
  const reader = await volume.open([name]);
  try {
    const parts: Uint8Array[] = [];
    for await (const bytes of reader.read(start, end)) parts.push(bytes);
    return Buffer.concat(parts);
  } finally {
    await reader.close();
  }
}

describe.skipIf(!hasMoto())('a volume in S3', () => {
  let moto: TestServer;
  let folder: string;
  let metaUrl: string;
  beforeEach(async () => {
    moto = await startMoto();
    folder = mkdtempSync(join(tmpdir(), 'portcullis-faults-'));
    metaUrl = `sqlite3://${join(folder, 'meta.db')}`;
    await formatVolume(metaUrl, {
      name: 'ins3',
      storage: 's3',
      bucket: `http://127.0.0.1:${moto.port}/blocks`,
      accessKey: 'key',
      secretKey: 'a secret & more',
      blockSizeKiB: 64,
      compression: 'zstd',
      trashDays: 0,
    });
  }, 60_000);
  afterEach(async () => {
    await moto.stop();
    rmSync(folder, { recursive: true });
  });
  const open = (options: VolumeOptions = {}): Promise<Volume> =>
    openVolume(metaUrl, { ...FAST, deleteGraceMs: 10, ...options });

  it('is read as it was written, whole and in part, by several at once', async () => {
    const volume = await open();
    const bodies = Array.from({ length: 6 }, (_, index) =>
      Buffer.concat([randomBytes(150_000), Buffer.alloc(100_000, index)]),
    );
    await Promise.all(bodies.map((body, index) => write(volume, `f${index}`, body)));
    await volume.close();
    const fresh = await open({ readOnly: true });
    const whole = await Promise.all(bodies.map((_, index) => read(fresh, `f${index}`)));
    expect(whole.every((bytes, index) => bodies[index]?.equals(bytes))).toBe(true);
    expect(
      (await read(fresh, 'f3', 65_000, 131_500)).equals((bodies[3] ?? Buffer.alloc(0)).subarray(65_000, 131_500)),
    ).toBe(true);
    await fresh.close();
  });

  it('refuses writes and reads while the store is down, and goes on when it is back', async () => {
    const volume = await open();
    const body = randomBytes(200_000);
    await write(volume, 'kept', body);
    await moto.kill();
    await expect(write(volume, 'lost', body)).rejects.toThrow(/EIO: cannot store block ins3\/chunks/);
    await expect(read(volume, 'kept')).rejects.toThrow(/EIO: block ins3\/chunks\/.* is unreadable/);
    await expect(volume.stat(['lost'])).rejects.toThrow(/ENOENT/);
    await expect(volume.stat(['kept'])).resolves.toMatchObject({ size: 200_000 });
    await moto.restart();
    // The memory of this store did not outlive it; what is written from now on is there.
    const bucket = await open();
    await bucket.close();
    await expect(read(volume, 'kept')).rejects.toThrow(/EIO/);
    await volume.close();
  });

  it('takes over new keys and buckets that another client set', async () => {
    const volume = await open({ heartbeatMs: 50 });
    await write(volume, 'before', randomBytes(1000));
    await formatVolume(metaUrl, { name: 'ins3', bucket: `http://127.0.0.1:${moto.port}/elsewhere` });
    await expect
      .poll(async () => read(volume, 'before').catch((error: Error) => error.message), { timeout: 10_000 })
      .toMatch(/is missing/);
    await write(volume, 'after', randomBytes(1000));
    await volume.close();
    const report = await collectGarbage(metaUrl, {
      environment: {},
      log: { info: () => undefined, warn: () => undefined },
      skipYoungerThanMs: -60_000,
    });
    expect(report).toMatchObject({ valid: { count: 1 }, leaked: { count: 0 } });
  });
});

describe.each([
  ['without a cache', false],
  ['with a cache', true],
])('damaged blocks, %s', (_name, cached) => {
  let made: TemporaryVolume;
  let cache: string;
  const body = randomBytes(200_000);
  beforeEach(async () => {
    made = await makeVolume({ compression: 'lz4', trashDays: 0 });
    cache = mkdtempSync(join(tmpdir(), 'portcullis-faults-'));
    const volume = await openVolume(made.metaUrl);
    await write(volume, 'file', body);
    await volume.close();
  });
  afterEach(() => {
    made.remove();
    rmSync(cache, { recursive: true });
  });
  const open = (): Promise<Volume> =>
    openVolume(made.metaUrl, {
      ...FAST,
      readOnly: true,
      ...(cached ? { cacheDirectories: [cache], freeSpaceRatio: 0 } : {}),
    });
  const block = (): string => {
    const name = blockNames(made.objects).find((one) => /_1_65536$/.test(one)) ?? '';
    return join(made.objects, name.slice('block '.length));
  };

  it.each<[string, (path: string) => void, RegExp]>([
    ['missing', (path) => rmSync(path), /_1_65536 is missing/],
    ['cut', (path) => truncateSync(path, 30_000), /_1_65536 is unreadable or damaged/],
    ['empty', (path) => truncateSync(path, 0), /_1_65536 is unreadable or damaged/],
    [
      'longer',
      (path) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(70_000)])),
      /_1_65536 is unreadable/,
    ],
  ])('%s: EIO that names the block, and the bytes before it', async (_what, damage, message) => {
    damage(block());
    const volume = await open();
    const reader = await volume.open(['file']);
    const parts: Uint8Array[] = [];
    await expect(
      (async () => {
        for await (const bytes of reader.read(0, body.length)) parts.push(bytes);
      })(),
    ).rejects.toThrow(message);
    await reader.close();
    expect(Buffer.concat(parts).equals(body.subarray(0, 65_536))).toBe(true);
    expect((await read(volume, 'file', 131_072, 200_000)).equals(body.subarray(131_072))).toBe(true);
    await volume.close();
  });

  it('are read from the cache where they were before, and only there', async () => {
    const volume = await open();
    await read(volume, 'file');
    await volume.close();
    rmSync(block());
    const again = await open();
    if (cached) expect((await read(again, 'file')).equals(body)).toBe(true);
    else await expect(read(again, 'file')).rejects.toThrow(/is missing/);
    await again.close();
    expect(checkVolume(made.database, made.objects).length).toBeGreaterThan(0);
  });
});
