// What administrators do to a whole volume: status, settings, checks, garbage, destruction.
import { existsSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkBlocks,
  checkTree,
  collectGarbage,
  configureVolume,
  destroyVolume,
  inspectVolume,
  openVolume,
  showSettings,
  volumeStatus,
} from '../../src/juicefs/index.ts';
import { blockNames } from '../harness/volume.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';
import { checkVolume } from './volume-check.ts';

const ADMIN = { environment: {}, log: { info: () => undefined, warn: () => undefined } };
const YES = { ...ADMIN, confirm: async () => true };

let made: TemporaryVolume;
beforeEach(async () => {
  made = await makeVolume({ trashDays: 0 });
  const volume = await openVolume(made.metaUrl);
  for (const name of ['one', 'two']) {
    const writer = volume.create(['dir', name]);
    await writer.write(Buffer.alloc(200_000, name));
    await writer.commit();
  }
  await volume.close();
});
afterEach(() => made.remove());

function sql(text: string): void {
  const db = new DatabaseSync(made.database, {});
  try {
    db.exec(text);
  } finally {
    db.close();
  }
}

const blocks = (): string[] => blockNames(made.objects).map((name) => name.slice('block '.length));
const chunkBlocks = (): string[] => blocks().filter((name) => name.includes('/chunks/'));

describe('status', () => {
  it('has the settings without secrets, the sessions, and the usage', async () => {
    const volume = await openVolume(made.metaUrl, { mountpoint: 'here' });
    const status = await volumeStatus(made.metaUrl, { ...ADMIN, more: true });
    await volume.close();
    expect(status.Setting).toMatchObject({ Name: 'testvol', BlockSize: 64 });
    expect(status.Sessions).toMatchObject([{ MountPoint: 'here', ProcessID: process.pid }]);
    expect(status.Stat).toEqual({
      UsedSpace: 2n * 200_704n + 4096n,
      AvailableSpace: (1n << 50n) - (2n * 200_704n + 4096n),
      UsedInodes: 3,
      AvailableInodes: 10 << 20,
    });
  });
});

describe('config', () => {
  it('changes what is named, says what, and nothing else', async () => {
    const before = JSON.parse(await showSettings(made.metaUrl, ADMIN));
    const lines = await configureVolume(made.metaUrl, { capacity: 1 << 30, trashDays: 3, uploadLimit: 100 }, YES);
    expect(lines.map((line) => line.trim())).toEqual([
      'upload-limit: 0.0 Mbps -> 100.0 Mbps',
      'capacity: 0 B -> 1.0 GiB',
      'trash-days: 0 -> 3',
    ]);
    expect(JSON.parse(await showSettings(made.metaUrl, ADMIN))).toEqual({
      ...before,
      Capacity: 1 << 30,
      TrashDays: 3,
      UploadLimit: 100,
    });
    expect(await configureVolume(made.metaUrl, { trashDays: 3 }, YES)).toEqual([]);
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });

  it('asks before what may surprise, and leaves everything when the answer is no', async () => {
    await configureVolume(made.metaUrl, { trashDays: 1 }, YES);
    const asked: string[] = [];
    const no = { ...ADMIN, confirm: async (warning: string) => asked.push(warning) < 0 };
    const before = await showSettings(made.metaUrl, ADMIN);
    await expect(configureVolume(made.metaUrl, { trashDays: 0 }, no)).rejects.toThrow(/aborted/);
    await expect(configureVolume(made.metaUrl, { capacity: 1000 }, no)).rejects.toThrow(/aborted/);
    expect(asked).toEqual([
      expect.stringMatching(/trash will be emptied/),
      expect.stringMatching(/New quota is too small/),
    ]);
    await expect(configureVolume(made.metaUrl, { storage: 'oss' }, YES)).rejects.toThrow(/"oss" is not supported/);
    await expect(configureVolume(made.metaUrl, { minClientVersion: '1.0.0' }, YES)).rejects.toThrow(
      /cannot be lowered/,
    );
    expect(await showSettings(made.metaUrl, ADMIN)).toBe(before);
  });
});

describe('fsck', () => {
  const check = async (): Promise<{ said: string[]; lost: number; paths: string[] }> => {
    const said: string[] = [];
    const report = await checkBlocks(made.metaUrl, { ...ADMIN, onBroken: (message) => said.push(message) });
    return { said, lost: report.lost.count, paths: report.broken.map(({ path }) => path) };
  };

  it('finds nothing wrong with a sound volume', async () => {
    expect(await check()).toEqual({ said: [], lost: 0, paths: [] });
    const report = await checkTree(made.metaUrl, { ...ADMIN, path: [], recursive: true, syncDirStat: true });
    expect(report).toMatchObject({ problems: [], directories: 2 });
  });

  it('names files whose blocks are missing or cut', async () => {
    const [first = '', , , , second = ''] = chunkBlocks();
    rmSync(join(made.objects, first));
    truncateSync(join(made.objects, second), 10);
    const { said, lost, paths } = await check();
    expect(lost).toBe(2);
    expect(paths.sort()).toEqual(['/dir/one', '/dir/two']);
    expect(said).toEqual([
      expect.stringContaining(`can't find block ${first}`),
      expect.stringContaining(`block ${second}`),
    ]);
  });

  it('repairs links, statistics and usage when asked, and only then', async () => {
    sql('UPDATE jfs_node SET nlink = 9 WHERE inode = 1');
    sql('UPDATE jfs_dir_stats SET used_space = 1');
    sql("UPDATE jfs_counter SET value = 5 WHERE name = 'usedSpace'");
    const options = { ...ADMIN, path: [], recursive: true, syncDirStat: true };
    const found = await checkTree(made.metaUrl, options);
    expect(found.problems.length).toBe(4);
    expect((await checkTree(made.metaUrl, options)).problems).toEqual(found.problems);
    await checkTree(made.metaUrl, { ...options, repair: true });
    expect((await checkTree(made.metaUrl, options)).problems).toEqual([]);
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });
});

describe('fsck of statistics', () => {
  it('puts lengths right, and complains of space and inodes alone', async () => {
    // As the clone of a directory leaves them, which the Go client takes for sound.
    sql('UPDATE jfs_dir_stats SET data_length = data_length + 4096 WHERE inode = 1');
    const options = { ...ADMIN, path: [], recursive: true, syncDirStat: true };
    expect((await checkTree(made.metaUrl, options)).problems).toEqual([]);
    await checkTree(made.metaUrl, { ...options, repair: true });
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });
});

describe('gc', () => {
  it('reports a leaked block and deletes it only when told so', async () => {
    writeFileSync(join(made.objects, 'testvol/chunks/0/0/999_0_65536'), Buffer.alloc(65_536));
    const all = blocks();
    const options = { ...ADMIN, skipYoungerThanMs: -60_000 };
    const report = await collectGarbage(made.metaUrl, options);
    expect(report).toMatchObject({ scanned: 9, valid: { count: 8 }, leaked: { count: 1, bytes: 65_536 } });
    expect(blocks()).toEqual(all);
    expect(await collectGarbage(made.metaUrl, { ...ADMIN, delete: true })).toMatchObject({
      skipped: { count: 9 },
      leaked: { count: 0 },
    });
    expect(blocks()).toEqual(all);
    await collectGarbage(made.metaUrl, { ...options, delete: true });
    expect(blocks()).toEqual(all.filter((name) => !name.includes('999_')));
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });

  it('compacts, and deletes the data of removed files', async () => {
    const volume = await openVolume(made.metaUrl, { backgroundJobs: false, deleteGraceMs: 60_000 });
    const pieces = [];
    for (let index = 0; index < 3; index++) {
      const writer = volume.create(['part', String(index)]);
      await writer.write(Buffer.alloc(100_000, index));
      pieces.push({ inode: (await writer.commit()).inode, start: 0, end: 100_000 });
    }
    await volume.composeFile(['whole'], pieces, { removeAfter: ['part'] });
    await volume.close();
    const report = await collectGarbage(made.metaUrl, { ...ADMIN, compact: true });
    expect(report.compaction).toEqual({ chunks: 1, slices: 3, bytes: 300_000 });
    await collectGarbage(made.metaUrl, { ...ADMIN, delete: true, skipYoungerThanMs: -60_000 });
    expect(checkVolume(made.database, made.objects)).toEqual([]);
    const [found] = await inspectVolume(made.metaUrl, [{ path: ['whole'] }], { ...ADMIN, raw: true });
    expect(found?.slices.length).toBe(1);
  });
});

describe('info', () => {
  it('shows what a file is made of, and how much lies below a directory', async () => {
    const [file, top] = await inspectVolume(made.metaUrl, [{ path: ['dir', 'one'] }, { path: [] }], {
      ...ADMIN,
      recursive: true,
    });
    expect(file).toMatchObject({ files: 1, length: 200_000, paths: ['/dir/one'] });
    expect(file?.objects.map(({ key, position }) => [key.split('/').pop(), position])).toEqual([
      ['1_0_65536', 0],
      ['1_1_65536', 65_536],
      ['1_2_65536', 131_072],
      ['1_3_3392', 196_608],
    ]);
    expect(top).toMatchObject({ files: 2, directories: 2, length: 400_000 });
    await expect(inspectVolume(made.metaUrl, [{ path: ['nowhere'] }], ADMIN)).rejects.toThrow(/ENOENT/);
    await expect(inspectVolume(made.metaUrl, [{ inode: 99n }], ADMIN)).rejects.toThrow(/no inode 99/);
  });
});

describe('destroy', () => {
  it('needs the UUID, a yes, and nobody who has the volume open; then nothing is left', async () => {
    const { Setting } = await volumeStatus(made.metaUrl, ADMIN);
    const uuid = String(Setting.UUID);
    const all = blocks();
    await expect(destroyVolume(made.metaUrl, 'another', YES)).rejects.toThrow(/!= expected/);
    await expect(destroyVolume(made.metaUrl, uuid, { ...ADMIN, confirm: async () => false })).rejects.toThrow(
      /aborted/,
    );
    const volume = await openVolume(made.metaUrl);
    await expect(destroyVolume(made.metaUrl, uuid, YES)).rejects.toThrow(/1 sessions are active/);
    await volume.close();
    expect(blocks()).toEqual(all);
    expect(await destroyVolume(made.metaUrl, uuid, YES)).toBe(9);
    expect(blocks()).toEqual([]);
    await expect(openVolume(made.metaUrl)).rejects.toThrow(/not formatted/);
    expect(existsSync(made.objects) && readdirSync(made.objects).length >= 0).toBe(true);
  });
});
