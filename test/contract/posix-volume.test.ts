// The suite of posix-volume-suite.ts on every engine. And on SQLite: permissions of ordinary users, and the clean-up jobs.
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openVolume, type Volume, type VolumeOptions } from '../../src/juicefs/index.ts';
import { JuiceVolume, type VolumeParts } from '../../src/juicefs/juice-volume.ts';
import { cleanDeletedFiles, cleanSlices, cleanTrash } from '../../src/juicefs/meta/background-jobs.ts';
import { openEngine } from '../../src/juicefs/meta/meta-url.ts';
import { openParts } from '../../src/juicefs/open-volume.ts';
import { ETCD_ENGINE, MARIADB_ENGINE, POSTGRES_ENGINE, REDIS_ENGINE, SQLITE_ENGINE } from './meta-engines.ts';
import { keys, outcome, path, posixVolumeSuite, put } from './posix-volume-suite.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';
import { checkVolume } from './volume-check.ts';

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

for (const kind of [SQLITE_ENGINE, REDIS_ENGINE, MARIADB_ENGINE, POSTGRES_ENGINE, ETCD_ENGINE]) {
  describe.skipIf(!kind.available())(`on ${kind.name}`, () => posixVolumeSuite(kind));
}

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
