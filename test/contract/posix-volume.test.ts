// What a volume made by mounts holds beside plain files: links, quotas, permissions, flags. And the clean-up jobs.
import { rmSync } from 'node:fs';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openVolume, type Volume, VolumeError, type VolumeOptions, type VolumePath } from '../../src/juicefs/index.ts';
import { JuiceVolume, type VolumeParts } from '../../src/juicefs/juice-volume.ts';
import { cleanDeletedFiles, cleanSlices, cleanTrash } from '../../src/juicefs/meta/background-jobs.ts';
import { openEngine } from '../../src/juicefs/meta/meta-url.ts';
import { openParts } from '../../src/juicefs/open-volume.ts';
import { type GoldenVolume, unpackGolden } from '../fixtures/volumes/golden.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';
import { checkVolume } from './volume-check.ts';

const path = (text: string): VolumePath => text.split('/').filter((name) => name !== '');

const outcome = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof VolumeError) return error.code;
    throw error;
  }
};

async function put(volume: Volume, where: string, bytes: number): Promise<void> {
  const writer = volume.create(path(where));
  await writer.write(Buffer.alloc(bytes, 1));
  try {
    await writer.commit();
  } finally {
    await writer.abort();
  }
}

async function keys(volume: Volume, where: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, attributes } of volume.list(path(where))) {
    found.push(attributes.type === 'directory' ? `${name}/` : name);
  }
  return found;
}

function sql(database: string, statement: string, ...values: (string | number)[]): Record<string, unknown>[] {
  const db = new DatabaseSync(database, { timeout: 5000 });
  try {
    const prepared = db.prepare(statement);
    prepared.setReadBigInts(true);
    return prepared.all(...values);
  } finally {
    db.close();
  }
}

describe('a volume that mounts have worked on', () => {
  let golden: GoldenVolume;
  let database: string;
  let volume: Volume;

  beforeEach(async () => {
    golden = unpackGolden('sqlite-posix');
    database = golden.metaUrl.slice('sqlite3://'.length);
    volume = await openVolume(golden.metaUrl, { bucket: golden.bucket, deleteGraceMs: 0 });
  });
  afterEach(async () => {
    await volume.close();
    expect(checkVolume(database, golden.bucket)).toEqual([]);
    rmSync(golden.directory, { recursive: true });
  });

  it('has its symbolic links followed, but never out of it', async () => {
    const readme = (await volume.stat(path('synced/readme.txt'))).inode;
    for (const link of ['synced/link-rel', 'synced/link-chain', 'links/up', 'links/to-synced/readme.txt']) {
      expect((await volume.stat(path(link))).inode).toBe(readme);
    }
    expect((await volume.stat(path('synced/link-dir/c'))).inode).toBe(
      (await volume.stat(path('synced/deep/a/b/c'))).inode,
    );
    expect(await outcome(volume.stat(path('links/loop-a')))).toBe('ELOOP');
    expect(await outcome(volume.stat(path('synced/link-dangling')))).toBe('ENOENT');
    expect(await outcome(volume.stat(path('synced/link-abs')))).toBe('ENOENT');
  });

  it('cannot be left by links that climb', async () => {
    const link = sql(database, 'SELECT inode FROM jfs_symlink')[0]?.inode;
    for (const target of [
      '../../../../../etc/passwd',
      '..',
      '/',
      '',
      '../..//synced/../../x',
      './missing/../readme.txt',
    ]) {
      sql(database, 'UPDATE jfs_symlink SET target = CAST(? AS BLOB)', target);
      expect([target, await outcome(volume.stat(path('synced/link-rel')))]).not.toContain('EIO');
      expect(link).toBeDefined();
    }
    sql(database, "UPDATE jfs_symlink SET target = CAST('../../../../../etc/passwd' AS BLOB)");
    expect(await outcome(volume.stat(path('synced/link-rel')))).toBe('ENOENT');
    sql(database, "UPDATE jfs_symlink SET target = CAST('.././synced//readme.txt' AS BLOB)");
    const readme = (await volume.stat(path('synced/readme.txt'))).inode;
    expect((await volume.stat(path('synced/link-rel'))).inode).toBe(readme);
  });

  it('lists links as what they lead to, without those that lead nowhere', async () => {
    expect(await keys(volume, 'links')).toEqual(['hard1', 'to-synced/', 'up']);
    const synced = await keys(volume, 'synced');
    expect(synced).toContain('link-dir/');
    expect(synced).not.toContain('link-dangling');
    expect(synced).not.toContain('link-abs');
  });

  it('has a link itself removed or replaced, not what it leads to', async () => {
    await volume.unlink(path('links/up'));
    await put(volume, 'links/to-synced', 10);
    await volume.rename(path('synced/link-rel'), path('synced/renamed'));
    expect((await volume.stat(path('synced/readme.txt'))).size).toBe(24);
    expect((await volume.stat(path('links/to-synced'))).type).toBe('file');
    expect((await volume.stat(path('synced/renamed'))).size).toBe(24);
    expect(await outcome(volume.rmdir(path('synced/link-dir')))).toBe('ENOTDIR');
  });

  it('writes below a link to a directory', async () => {
    await put(volume, 'synced/link-dir/new/f', 10);
    expect((await volume.stat(path('synced/deep/a/b/new/f'))).size).toBe(10);
  });

  it('keeps a file until its last hard link is gone', async () => {
    // Two of its three links are in the trash.
    const { inode } = await volume.stat(path('links/hard1'));
    await volume.unlink(path('links/hard1'), { skipTrash: true });
    const [row] = sql(database, `SELECT nlink FROM jfs_node WHERE inode = ${inode}`);
    expect(row?.nlink).toBe(2n);
    const hour = (await keys(volume, '.trash'))[0] ?? '';
    for (const entry of await keys(volume, `.trash/${hour}`)) {
      if (entry.includes('-hard')) await volume.unlink(path(`.trash/${hour}${entry}`));
    }
    expect(sql(database, `SELECT nlink FROM jfs_node WHERE inode = ${inode}`)).toEqual([]);
  });

  it('keeps directory quotas, and refuses to exceed them', async () => {
    const used = (): unknown =>
      sql(database, 'SELECT used_space, used_inodes FROM jfs_dir_quota WHERE inode = 3078')[0];
    await put(volume, 'quota-dir/a/b', 5000);
    expect(used()).toEqual({ used_space: 8192n + 4096n + 8192n, used_inodes: 3n });
    await volume.rename(path('quota-dir/a'), path('a'));
    expect(used()).toEqual({ used_space: 8192n, used_inodes: 1n });
    await volume.rename(path('dav'), path('quota-dir/dav'));
    await volume.unlink(path('quota-dir/in-quota'));
    sql(database, 'UPDATE jfs_dir_quota SET max_inodes = used_inodes WHERE inode = 3078');
    expect(await outcome(put(volume, 'quota-dir/more', 1))).toBe('EDQUOT');
    expect(await outcome(volume.rename(path('a'), path('quota-dir/a')))).toBe('EDQUOT');
    await put(volume, 'quota-dir/dav/a.txt', 1);
  });

  it('does not touch what is immutable or append-only', async () => {
    sql(
      database,
      "UPDATE jfs_node SET flags = 1 WHERE inode IN (SELECT inode FROM jfs_edge WHERE name IN (CAST('dav' AS BLOB), CAST('readonly' AS BLOB)))",
    );
    for (const work of [
      () => put(volume, 'dav/new', 1),
      () => volume.unlink(path('dav/a.txt')),
      () => volume.unlink(path('synced/readonly')),
      () => put(volume, 'synced/readonly', 1),
      () => volume.rename(path('synced/readonly'), path('x')),
      () => volume.rename(path('synced/empty'), path('synced/readonly')),
      () => volume.setXattrs(path('synced/readonly'), new Map([['a', Buffer.from('b')]])),
    ]) {
      expect(await outcome(work())).toBe('EPERM');
    }
  });
});

describe('acting as an ordinary user', () => {
  let made: TemporaryVolume;
  beforeEach(async () => {
    made = await makeVolume();
    const root = await openVolume(made.metaUrl);
    await root.mkdir(['open'], { mode: 0o777 });
    await root.mkdir(['closed'], { mode: 0o700 });
    await put(root, 'closed/f', 1);
    await put(root, 'public', 1);
    await root.close();
    sql(
      made.database,
      'UPDATE jfs_node SET mode = 511 WHERE inode IN (SELECT inode FROM jfs_edge WHERE name = ?)',
      'x',
    );
    sql(
      made.database,
      "UPDATE jfs_node SET mode = 1023 WHERE inode IN (SELECT inode FROM jfs_edge WHERE name = CAST('open' AS BLOB))",
    );
  });
  afterEach(() => made.remove());

  it('checks permission bits', async () => {
    const volume = await openVolume(made.metaUrl, { uid: 1000, gid: 1000 });
    expect(await outcome(volume.stat(path('closed/f')))).toBe('EACCES');
    expect(await outcome(put(volume, 'closed/g', 1))).toBe('EACCES');
    expect(await outcome(keys(volume, 'closed'))).toBe('EACCES');
    await put(volume, 'open/mine', 1);
    expect(await volume.stat(path('open/mine'))).toMatchObject({ uid: 1000, gid: 1000 });
    const other = await openVolume(made.metaUrl, { uid: 1001, gid: 1001 });
    // The directory is sticky.
    expect(await outcome(other.unlink(path('open/mine')))).toBe('EACCES');
    expect(await outcome(other.setTimes(path('open/mine'), { mtimeNs: 0n }))).toBe('EACCES');
    await volume.unlink(path('open/mine'));
    await other.close();
    await volume.close();
  });
});

describe('the clean-up jobs', () => {
  let made: TemporaryVolume;
  let parts: VolumeParts;
  let volume: Volume;

  const start = async (settings: Parameters<typeof makeVolume>[0], options: VolumeOptions = {}): Promise<void> => {
    made = await makeVolume(settings);
    parts = await openParts(await openEngine(made.metaUrl, {}), {
      deleteGraceMs: 3_600_000,
      maxDeletes: 10,
      ...options,
    });
    volume = new JuiceVolume(parts);
  };
  afterEach(() => made.remove());
  const always = (): boolean => true;

  it('delete the data of removed files', async () => {
    await start({ trashDays: 0 });
    await put(volume, 'f', 100_000);
    await put(volume, 'g', 100_000);
    const reader = await volume.open(['g']);
    await volume.unlink(['f']);
    await volume.unlink(['g']);
    expect(sql(made.database, 'SELECT inode FROM jfs_delfile')).toHaveLength(1);
    await cleanDeletedFiles(parts.fs, parts.blocks, always);
    expect(sql(made.database, 'SELECT inode FROM jfs_delfile')).toHaveLength(1);
    await cleanDeletedFiles(parts.fs, parts.blocks, always, Number.MAX_SAFE_INTEGER);
    expect(sql(made.database, 'SELECT inode FROM jfs_delfile')).toEqual([]);
    for await (const part of reader.read(0, 100_000)) expect(part.every((byte) => byte === 1)).toBe(true);
    await reader.close();
    await volume.close();
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });

  it('empty the trash of the days that are over, and only those', async () => {
    await start({ trashDays: 1 });
    await put(volume, 'd/f', 100_000);
    await put(volume, 'd/f', 50_000);
    await volume.removeTree(['d']);
    await cleanTrash(parts.fs, parts.blocks, always);
    expect(await keys(volume, '.trash')).toHaveLength(1);
    sql(made.database, "UPDATE jfs_edge SET name = CAST('2020-01-01-00' AS BLOB) WHERE parent = 9223372032828243968");
    await cleanTrash(parts.fs, parts.blocks, always);
    expect(await keys(volume, '.trash')).toEqual([]);
    await volume.close();
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });

  it('delete slices without references, and give up those that were compacted', async () => {
    await start({ trashDays: 0 });
    await put(volume, 'f', 100_000);
    await put(volume, 'g', 100_000);
    const [first, second] = sql(made.database, 'SELECT chunkid AS id FROM jfs_chunk_ref ORDER BY chunkid');
    sql(made.database, 'DELETE FROM jfs_chunk');
    sql(made.database, 'UPDATE jfs_node SET length = 0 WHERE type = 1');
    sql(made.database, `UPDATE jfs_chunk_ref SET refs = 0 WHERE chunkid = ${first?.id}`);
    const record = Buffer.alloc(12);
    record.writeBigUInt64BE(BigInt(String(second?.id)), 0);
    record.writeUInt32BE(100_000, 8);
    sql(made.database, `INSERT INTO jfs_delslices VALUES (99, 5, x'${record.toString('hex')}')`);
    await cleanSlices(parts.fs, parts.blocks, always);
    expect(sql(made.database, 'SELECT refs FROM jfs_chunk_ref')).toEqual([{ refs: 1n }]);
    await cleanTrash(parts.fs, parts.blocks, always);
    expect(sql(made.database, 'SELECT refs FROM jfs_chunk_ref')).toEqual([]);
    await volume.close();
    expect(checkVolume(made.database, made.objects).filter((problem) => problem.includes('block'))).toEqual([]);
  });

  it('leave deleting to others when told so', async () => {
    await start({ trashDays: 0 }, { maxDeletes: 0 });
    await put(volume, 'f', 100_000);
    await volume.unlink(['f']);
    await volume.close();
    expect(sql(made.database, 'SELECT refs FROM jfs_chunk_ref')).toEqual([{ refs: 0n }]);
  });
});
