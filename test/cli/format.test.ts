// `portcullis format` as a person types it.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { configCommand } from '../../src/cli/config.ts';
import { formatCommand } from '../../src/cli/format.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-format-'));
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const url = (): string => `sqlite3://${join(folder, 'm.db')}`;

function run(...args: string[]): Promise<Command> {
  const quiet = { writeErr: () => undefined, writeOut: () => undefined };
  return formatCommand().exitOverride().configureOutput(quiet).parseAsync(args, { from: 'user' });
}

function configure(...args: string[]): Promise<Command> {
  return configCommand().exitOverride().parseAsync(args, { from: 'user' });
}

function setting(): Record<string, unknown> {
  const db = new DatabaseSync(join(folder, 'm.db'), { readOnly: true });
  try {
    return JSON.parse(String(db.prepare("SELECT value FROM jfs_setting WHERE name = 'format'").get()?.value));
  } finally {
    db.close();
  }
}

describe('format', () => {
  it('makes a volume of the flags', async () => {
    const flags = ['--block-size', '1M', '--compress', 'lz4', '--hash-prefix', '--capacity', '2', '--inodes', '100'];
    await run('--storage', 'file', '--bucket', `${folder}/o`, ...flags, '--trash-days', '7', url(), 'myvol');
    expect(setting()).toMatchObject({
      Name: 'myvol',
      Storage: 'file',
      Bucket: `${folder}/o/`,
      BlockSize: 1024,
      Compression: 'lz4',
      HashPrefix: true,
      Capacity: 2 * 2 ** 30,
      Inodes: 100,
      TrashDays: 7,
      MetaVersion: 1,
      MinClientVersion: '1.1.0-A',
      DirStats: true,
      EnableACL: false,
    });
  });

  it('makes a volume with access control lists, or turns them on for good', async () => {
    const lists = { EnableACL: true, MinClientVersion: '1.2.0-A' };
    await run('--bucket', `${folder}/o`, '--enable-acl', url(), 'myvol');
    expect(setting()).toMatchObject(lists);
    await expect(configure('--enable-acl=false', url())).rejects.toThrow(/enable-acl cannot be taken back/);
    rmSync(join(folder, 'm.db'));
    await run('--bucket', `${folder}/p`, url(), 'myvol');
    await expect(run('--enable-acl', url(), 'myvol')).rejects.toThrow(/use config --enable-acl/);
    expect(setting()).toMatchObject({ EnableACL: false });
    await configure('--enable-acl=true', url());
    expect(setting()).toMatchObject(lists);
  });

  it('changes only what is asked of a volume that exists', async () => {
    await run('--bucket', `${folder}/o`, '--trash-days', '7', '--block-size', '64K', url(), 'myvol');
    const before = setting();
    vi.stubEnv('ACCESS_KEY', 'from-the-environment');
    await run('--capacity', '1T', url(), 'myvol');
    expect(setting()).toEqual({ ...before, Capacity: 2 ** 40 });
    await run('--no-update', '--trash-days', '0', url(), 'myvol');
    expect(setting()).toEqual({ ...before, Capacity: 2 ** 40 });
  });

  it.each([
    [['--encrypt-rsa-key', '/nowhere/k.pem'], /--encrypt-rsa-key: ENOENT/],
    [['--encrypt-algo', 'sm4gcm', '--encrypt-rsa-key', import.meta.filename], /"sm4gcm" is not supported/],
    [['--encrypt-rsa-key', import.meta.filename], /no private key in PEM form/],
    [['--enable-acl', '--compat', '1.0'], /access control lists need clients of version 1.2.0-A/],
    [['--ranger-rest-url', 'http://r'], /--ranger-rest-url is not supported/],
    [['--compress', 'brotli'], /"brotli" is not supported/],
    [['--shards', '4'], /4 shards needs %d in its bucket/],
    [['--storage', 'oss'], /"oss" is not supported/],
    [['--storage', 's3'], /the bucket|access key/],
    [['--block-size', '4X'], /a size is a number/],
    [['--trash-days', '-1'], /a whole number/],
    [['--compat', '0.9'], /compat/],
    [['--nonsense'], /unknown option/],
  ])('refuses %j and makes nothing', async (flags, message) => {
    await expect(run('--bucket', `${folder}/o`, ...flags, url(), 'myvol')).rejects.toThrow(message);
    expect(existsSync(join(folder, 'm.db'))).toBe(false);
  });
});
