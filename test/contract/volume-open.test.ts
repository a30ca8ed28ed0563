// Opening, formatting and sharing a volume: what is refused and how it is said, sessions, and the clean-up of the dead.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatVolume, openVolume, type Volume, VolumeError, VolumeOpenError } from '../../src/juicefs/index.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';
import { checkVolume } from './volume-check.ts';

let directory: string;
let made: TemporaryVolume | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'portcullis-open-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  made?.remove();
  made = undefined;
});

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof VolumeOpenError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** Runs SQL in a volume's database, as another client would. */
function sql(database: string, statement: string, ...values: (string | number)[]): Record<string, unknown>[] {
  const db = new DatabaseSync(database, { timeout: 5000 });
  try {
    return db.prepare(statement).all(...values);
  } finally {
    db.close();
  }
}

function changeFormat(volume: TemporaryVolume, members: Record<string, unknown>): void {
  const [row] = sql(volume.database, "SELECT value FROM jfs_setting WHERE name = 'format'");
  const format = { ...JSON.parse(String(row?.value)), ...members };
  sql(volume.database, "UPDATE jfs_setting SET value = ? WHERE name = 'format'", JSON.stringify(format));
}

describe('opening', () => {
  it('makes no database where there is none', async () => {
    const path = join(directory, 'none.db');
    expect(await refusal(openVolume(`sqlite3://${path}`))).toMatch(
      /^DatabaseMissing: .*none\.db; format a volume first/,
    );
    expect(await refusal(openVolume(`sqlite3://${path}`, { readOnly: true }))).toMatch(/^DatabaseMissing/);
    expect(existsSync(path)).toBe(false);
  });

  it('says that a database is not formatted', async () => {
    const path = join(directory, 'empty.db');
    new DatabaseSync(path).close();
    writeFileSync(path, '');
    expect(await refusal(openVolume(`sqlite3://${path}`))).toMatch(/^NotFormatted: .*`portcullis format` first/);
  });

  it('says that a file is no database', async () => {
    const path = join(directory, 'text.db');
    writeFileSync(path, 'not a database'.repeat(100));
    expect(await refusal(openVolume(`sqlite3://${path}`))).toMatch(/^DatabaseUnreachable: .*not a database/);
  });

  it.each([
    ['tikv://h:2379/v', /^UnsupportedEngine: .*tikv/],
    ['mysql://u:secret@(h:1)', /^InvalidUrl: .*mysql:/],
    ['mysql://u:secret@(h:1)/d?x=y', /^InvalidUrl: .*parameter x/],
    ['mysql://u:secret@(127.0.0.1:1)/d', /^DatabaseUnreachable: .*mysql:\/\/u@\(127.0.0.1:1\)\/d.*REFUSED/],
    ['postgres://u:secret@127.0.0.1:1/d', /^DatabaseUnreachable: .*postgres:\/\/u@127.0.0.1:1\/d.*REFUSED/],
    ['postgres://u:secret@h/d?sslmode=sometimes', /^InvalidUrl: sslmode/],
    ['postgres://u:secret@h/d?search_path=a,b', /^InvalidUrl: search_path/],
    ['postgres://u:%zzsecret@h/d', /^InvalidUrl: .*percent/],
    ['redis://u:sec%ret@h/1', /^InvalidUrl: .*percent/],
    ['mysql://u:my?secret/@x@(127.0.0.1:1)/d', /^DatabaseUnreachable: .*mysql:\/\/u@\(127.0.0.1:1\)\/d.*REFUSED/],
    ['://', /^InvalidUrl/],
    ['sqlite3://', /^InvalidUrl/],
    ['sqlite3:///x.db?table_prefix=a-b', /^InvalidUrl/],
    ['sqlite3:///x.db?_sync=perhaps', /^InvalidUrl/],
  ])('refuses %s, without a secret in the message', async (url, message) => {
    const said = await refusal(openVolume(url));
    expect(said).toMatch(message);
    expect(said).not.toContain('secret');
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ MetaVersion: 2 }, /^ClientTooOld: .*metadata version 2/],
    [{ MinClientVersion: '1.5.0' }, /^ClientTooOld: .*1\.5\.0 or later/],
    [{ MaxClientVersion: '1.3.9' }, /^ClientTooOld: .*1\.3\.9 or earlier/],
    [{ MinClientVersion: 'new' }, /^InvalidFormat: .*"new"/],
    [{ EncryptKey: 'k' }, /^EncryptionKeyUnusable: .*no private key in PEM form/],
    [{ EncryptKey: 'k', KeyEncrypted: true }, /^InvalidFormat: the encryption key .*cannot be decrypted/],
    [{ SecretKey: 'removed', KeyEncrypted: true }, /^InvalidFormat: the secret key .*was removed/],
    [{ EncryptKey: 'k', EncryptAlgo: 'sm4gcm' }, /^UnsupportedFormat: .*"sm4gcm"/],
    [{ Compression: 'brotli' }, /^UnsupportedFormat: .*"brotli"/],
    [{ Storage: 'oss' }, /^UnsupportedFormat: .*"oss"/],
    [{ Storage: 's3' }, /^StorageUnusable: .*access key/],
    [{ Shards: 4 }, /^InvalidFormat: .*4 shards needs %d/],
    [{ ChangeLog: true }, /^UnsupportedFormat: .*change log/],
    [{ BlockSize: 'big' }, /^InvalidFormat: .*BlockSize/],
    [{ BlockSize: 7 }, /^InvalidFormat: .*7 KiB/],
  ])('refuses a volume with %j by name', async (members, message) => {
    made = await makeVolume();
    changeFormat(made, members);
    expect(await refusal(openVolume(made.metaUrl))).toMatch(message);
  });

  it.each([{ MinClientVersion: '1.4.1-beta1' }, { MaxClientVersion: '1.4.1' }, { MinClientVersion: '1.4.1+x' }])(
    'accepts a volume with %j',
    async (members) => {
      made = await makeVolume();
      changeFormat(made, members);
      await (await openVolume(made.metaUrl)).close();
    },
  );

  it('opens a volume of older tables, and adds what is missing only when writing', async () => {
    made = await makeVolume();
    for (const column of ['tier_id', 'default_acl_id', 'access_acl_id']) {
      sql(made.database, `ALTER TABLE jfs_node DROP COLUMN ${column}`);
    }
    sql(made.database, 'DROP TABLE jfs_dir_quota');
    const reading = await openVolume(made.metaUrl, { readOnly: true });
    expect((await reading.stat([])).type).toBe('directory');
    await reading.close();
    const writing = await openVolume(made.metaUrl);
    await writing.mkdir(['d']);
    await writing.close();
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });

  it('changes nothing when it only reads', async () => {
    made = await makeVolume();
    const volume = await openVolume(made.metaUrl, { readOnly: true });
    expect(() => volume.create(['f'])).toThrow(/^EROFS/);
    await expect(volume.mkdir(['d'])).rejects.toThrow(/^EROFS/);
    await volume.close();
    expect(sql(made.database, "SELECT value FROM jfs_counter WHERE name = 'nextSession'")).toEqual([{ value: 0 }]);
  });
});

describe('formatting', () => {
  it('changes what may be changed, and refuses what the data depends on', async () => {
    made = await makeVolume({ trashDays: 0 });
    const settings = { name: 'testvol', trashDays: 7, capacity: 2 ** 30 };
    expect((await formatVolume(made.metaUrl, settings)).outcome).toBe('updated');
    expect(await refusal(formatVolume(made.metaUrl, { name: 'other' }))).toMatch(/^FormatRefused: .*name/);
    expect(await refusal(formatVolume(made.metaUrl, { name: 'testvol', blockSizeKiB: 128 }))).toMatch(/blockSize/);
    expect(await refusal(formatVolume(made.metaUrl, { name: 'testvol', hashPrefix: true }))).toMatch(/hashPrefix/);
    expect((await formatVolume(made.metaUrl, { name: 'other', noUpdate: true })).outcome).toBe('unchanged');
    const [{ value } = {}] = sql(made.database, 'SELECT value FROM jfs_setting');
    expect(JSON.parse(String(value))).toMatchObject({ TrashDays: 7, Capacity: 2 ** 30, BlockSize: 64 });
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });

  it('keeps members it does not know when it updates', async () => {
    made = await makeVolume();
    changeFormat(made, { FutureFeature: { a: 1 }, RangerService: 'r' });
    await formatVolume(made.metaUrl, { name: 'testvol', trashDays: 2 });
    const [{ value } = {}] = sql(made.database, 'SELECT value FROM jfs_setting');
    expect(JSON.parse(String(value))).toMatchObject({ FutureFeature: { a: 1 }, RangerService: 'r', TrashDays: 2 });
  });

  it('writes one member a line, and no version for 1.0 clients', async () => {
    made = await makeVolume({ compat: '1.0' });
    const [{ value } = {}] = sql(made.database, 'SELECT value FROM jfs_setting');
    const lines = String(value).split('\n');
    expect(lines[1]).toBe('"Name": "testvol",');
    expect(lines).toContain('"BlockSize": 64,');
    expect(value).not.toContain('MinClientVersion');
    expect(value).not.toContain('DirStats');
  });

  it('does not show or keep a secret in the clear', async () => {
    const metaUrl = `sqlite3://${join(directory, 'm.db')}`;
    const { setting } = await formatVolume(metaUrl, {
      name: 'vol',
      bucket: join(directory, 'o'),
      secretKey: 'hush-hush',
    });
    expect(setting).toContain('"SecretKey": "removed"');
    expect(JSON.stringify(sql(join(directory, 'm.db'), 'SELECT value FROM jfs_setting'))).not.toContain('hush');
  });

  it.each(['x', 'UPPER', '-ab', 'a/b', 'a'.repeat(64)])('refuses the name %j', async (name) => {
    const metaUrl = `sqlite3://${join(directory, 'm.db')}`;
    expect(await refusal(formatVolume(metaUrl, { name, bucket: join(directory, 'o') }))).toMatch(/^FormatRefused/);
    expect(existsSync(join(directory, 'm.db'))).toBe(false);
  });

  it('refuses storage that holds a volume of the name, or cannot be written', async () => {
    made = await makeVolume();
    const metaUrl = `sqlite3://${join(directory, 'm.db')}`;
    expect(await refusal(formatVolume(metaUrl, { name: 'testvol', bucket: made.objects }))).toMatch(/holds objects/);
    writeFileSync(join(directory, 'file'), '');
    const bucket = join(directory, 'file', 'o');
    expect(await refusal(formatVolume(metaUrl, { name: 'vol', bucket }))).toMatch(/^StorageUnusable/);
    expect(existsSync(join(directory, 'm.db'))).toBe(false);
  });
});

describe('sessions', () => {
  it('register while a volume is open, and end with it', async () => {
    made = await makeVolume();
    const volume = await openVolume(made.metaUrl, { mountpoint: 'here' });
    const [row] = sql(made.database, 'SELECT sid, expire, CAST(info AS TEXT) AS info FROM jfs_session2');
    expect(JSON.parse(String(row?.info))).toMatchObject({ MountPoint: 'here', ProcessID: process.pid });
    expect(Number(row?.expire)).toBeGreaterThan(Date.now() / 1000 + 50);
    await volume.close();
    await volume.close();
    expect(sql(made.database, 'SELECT * FROM jfs_session2')).toEqual([]);
  });

  it('of the dead are cleaned up, with what they kept alive', async () => {
    made = await makeVolume({ trashDays: 0 });
    const dying = await openVolume(made.metaUrl, { deleteGraceMs: 0, heartbeatMs: 3_600_000 });
    const writer = dying.create(['f']);
    await writer.write(Buffer.alloc(100_000));
    await writer.commit();
    await dying.open(['f']);
    await dying.unlink(['f']);
    sql(made.database, 'UPDATE jfs_session2 SET expire = 1');
    const { database } = made;
    const living = await openVolume(made.metaUrl, { deleteGraceMs: 0, heartbeatMs: 20 });
    await vi.waitFor(() => expect(sql(database, 'SELECT * FROM jfs_sustained')).toEqual([]), { timeout: 10_000 });
    await vi.waitFor(() => expect(sql(database, 'SELECT sid FROM jfs_session2')).toHaveLength(1), { timeout: 10_000 });
    await living.close();
    expect(checkVolume(database, made.objects)).toEqual([]);
    await dying.close();
  });

  it('come back when another client took them for dead', async () => {
    made = await makeVolume();
    const volume = await openVolume(made.metaUrl, { heartbeatMs: 20 });
    const { database } = made;
    sql(database, 'DELETE FROM jfs_session2');
    await vi.waitFor(() => expect(sql(database, 'SELECT sid FROM jfs_session2')).toHaveLength(1), { timeout: 10_000 });
    await volume.close();
  });

  it('notice that the volume became another one, and refuse to go on', async () => {
    made = await makeVolume();
    const lost = vi.fn();
    const volume = await openVolume(made.metaUrl, { heartbeatMs: 20, onLost: lost });
    changeFormat(made, { UUID: '00000000-0000-4000-8000-000000000000' });
    await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce(), { timeout: 10_000 });
    await expect(volume.mkdir(['d'])).rejects.toThrow(/^EIO: the volume was formatted anew/);
    await expect(volume.stat([])).rejects.toThrow(VolumeError);
    await volume.close();
  });

  it('take over a changed limit', async () => {
    made = await makeVolume();
    const volume = await openVolume(made.metaUrl, { heartbeatMs: 20 });
    changeFormat(made, { Inodes: 1 });
    await vi.waitFor(async () => expect(await makes(volume)).toBe('ENOSPC'), { timeout: 10_000 });
    await volume.close();
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });
});

let counter = 0;
async function makes(volume: Volume): Promise<string> {
  try {
    await volume.mkdir([`d${counter++}`]);
    return 'made';
  } catch (error) {
    return error instanceof VolumeError ? error.code : 'other';
  }
}

describe('a directory that is served as the root', () => {
  const DIRECTORY = ['tenants', 'one'];

  async function put(volume: Volume, path: readonly string[], text: string): Promise<void> {
    const writer = volume.create(path);
    await writer.write(Buffer.from(text));
    await writer.commit();
  }

  async function names(volume: Volume, path: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for await (const { name } of volume.list(path)) found.push(name);
    return found;
  }

  it('is made, holds what is written, and shows nothing of the rest, by links neither', async () => {
    made = await makeVolume();
    const whole = await openVolume(made.metaUrl);
    await put(whole, ['secret'], 'of another');
    const part = await openVolume(made.metaUrl, { subdir: DIRECTORY, mountpoint: '/mnt/jfs' });
    await put(part, ['d', 'f'], 'mine');
    expect(await names(whole, DIRECTORY)).toEqual(['d']);
    expect(await names(part, [])).toEqual(['d']);
    await expect(part.stat(['secret'])).rejects.toThrow(/ENOENT/);
    await expect(part.stat(['.trash'])).rejects.toThrow(/ENOENT/);
    const links: readonly (readonly [string, string])[] = [
      ['up', '../../secret'],
      ['top', '/mnt/jfs/secret'],
      ['inside', '/mnt/jfs/d/f'],
    ];
    const parent = (await whole.stat(DIRECTORY)).inode;
    links.forEach(([name, target], i) => {
      const { database = '' } = made ?? {};
      const inode = 900_000 + i;
      sql(
        database,
        'INSERT INTO jfs_edge (parent, name, inode, type) VALUES (?, CAST(? AS BLOB), ?, 3)',
        Number(parent),
        name,
        inode,
      );
      sql(
        database,
        'INSERT INTO jfs_node SELECT ?, 3, flags, 511, uid, gid, atime, mtime, ctime, atimensec, mtimensec, ctimensec, 1, 10, rdev, ?, 0, 0, 0 FROM jfs_node WHERE inode = 1',
        inode,
        Number(parent),
      );
      sql(database, 'INSERT INTO jfs_symlink VALUES (?, CAST(? AS BLOB))', inode, target);
    });
    await expect(part.stat(['up'])).rejects.toThrow(/ENOENT/);
    await expect(part.stat(['top'])).rejects.toThrow(/ENOENT/);
    expect((await part.stat(['inside'])).inode).toBe((await part.stat(['d', 'f'])).inode);
    await part.rename(['d', 'f'], ['g']);
    await part.unlink(['g']);
    await part.removeTree(['d']);
    await part.close();
    const again = await openVolume(made.metaUrl, { subdir: DIRECTORY, readOnly: true });
    expect(await names(again, [])).toEqual([]);
    await again.close();
    await whole.close();
  });

  it('is not made by a reader, and is no file', async () => {
    made = await makeVolume();
    expect(await refusal(openVolume(made.metaUrl, { subdir: ['none'], readOnly: true }))).toMatch(
      /^DirectoryUnusable: \/none cannot be served as the root: ENOENT/,
    );
    const volume = await openVolume(made.metaUrl);
    await put(volume, ['file'], 'x');
    await volume.close();
    expect(await refusal(openVolume(made.metaUrl, { subdir: ['file'] }))).toMatch(/^DirectoryUnusable: .*ENOTDIR/);
  });
});

describe('the storage', () => {
  it('is tried before the volume is opened, when that is asked for', async () => {
    made = await makeVolume();
    const bucket = join(made.directory, 'file-in-the-way');
    writeFileSync(bucket, '');
    const volume = await openVolume(made.metaUrl, { bucket: `${bucket}/` });
    await volume.close();
    expect(await refusal(openVolume(made.metaUrl, { bucket: `${bucket}/`, checkStorage: true }))).toMatch(
      /^StorageUnusable: the storage file:.*cannot be used/,
    );
  });
});

describe('backups of the metadata', () => {
  it('are stored among the objects, one at a time for all clients, and load again', async () => {
    made = await makeVolume();
    const options = { backupIntervalMs: 200 };
    const volumes = [await openVolume(made.metaUrl, options), await openVolume(made.metaUrl, { ...options, rank: 1 })];
    const [volume] = volumes;
    if (volume === undefined) throw new Error('no volume');
    await volume.mkdir(['kept']);
    const folder = join(made.objects, 'testvol/meta');
    await vi.waitFor(
      () => expect(readdirSync(folder).filter((name) => name.endsWith('.gz')).length).toBeGreaterThan(0),
      {
        timeout: 20_000,
      },
    );
    for (const each of volumes) await each.close();
    const [name = ''] = readdirSync(folder).filter((each) => each.endsWith('.gz'));
    expect(name).toMatch(/^dump-\d{4}-\d\d-\d\d-\d{6}\.json\.gz$/);
    const text = gunzipSync(readFileSync(join(folder, name))).toString();
    expect(Object.keys(JSON.parse(text).FSTree.entries)).toEqual(['kept']);
    const [root] = sql(made.database, "SELECT value FROM jfs_xattr WHERE inode = 1 AND name = 'lastBackup'");
    expect(Buffer.from(root?.value as Uint8Array).toString()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });
});
