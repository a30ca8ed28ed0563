// The commands on a volume as a person types them, in processes of their own: what they print where, and how they end.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVolume } from '../../src/juicefs/index.ts';
import { runCli } from '../harness/gateway.ts';

let folder: string;
let url: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-commands-'));
  url = `sqlite3://${join(folder, 'meta.db')}`;
  const made = await runCli(['format', '--bucket', join(folder, 'objects'), '--trash-days', '0', url, 'myvol']);
  expect(made.code).toBe(0);
  const volume = await openVolume(url);
  const writer = volume.create(['dir', 'file']);
  await writer.write(Buffer.alloc(5000));
  await writer.commit();
  await volume.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

const objects = (): string[] =>
  readdirSync(join(folder, 'objects'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

describe('commands on a volume', () => {
  it('status and config print JSON', async () => {
    const status = await runCli(['status', url]);
    expect(JSON.parse(status.output)).toMatchObject({
      Setting: { Name: 'myvol' },
      Sessions: [],
      Stat: { UsedInodes: 2 },
    });
    const config = await runCli(['config', url]);
    expect(JSON.parse(config.output)).toEqual(JSON.parse(status.output).Setting);
  });

  it('take flags as programs in Go do', async () => {
    const other = `sqlite3://${join(folder, 'other.db')}`;
    const bucket = join(folder, 'objects-of-other');
    const made = await runCli(['format', '-bucket', bucket, '--hash-prefix=true', '-trash-days=3', other, 'another']);
    expect(made.code).toBe(0);
    const changed = await runCli(['config', '--yes=true', '--enable-acl', other, '-dir-stats=false']);
    expect(changed.code).toBe(0);
    const setting = JSON.parse((await runCli(['config', other])).output);
    expect(setting).toMatchObject({ HashPrefix: true, TrashDays: 3, EnableACL: true });
    expect(setting).not.toHaveProperty('DirStats');
    const refused = await runCli(['config', '--enable-acl=perhaps', other]);
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('--enable-acl must be true or false') });
  });

  it('info and fsck say what is there', async () => {
    const info = await runCli(['info', url, '/dir/file']);
    expect(info).toMatchObject({ code: 0, output: expect.stringContaining('myvol/chunks/0/0/1_0_5000') });
    const fsck = await runCli(['fsck', url]);
    expect(fsck).toMatchObject({ code: 0, output: 'Found 1 blocks (5000 bytes)\nUsed by 1 slices (5000 bytes)\n' });
  });

  it('gc deletes nothing unless it is told to', async () => {
    const before = objects();
    const gc = await runCli(['gc', url], { JFS_GC_SKIPPEDTIME: '0' });
    expect(gc).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^using 1 slices \(5000 bytes\)\nscanned 1 objects, /),
    });
    expect(objects()).toEqual(before);
  });

  it('dump writes a file when it is whole, and load takes it', async () => {
    const file = join(folder, 'dump.json.gz');
    expect(await runCli(['dump', url, file])).toMatchObject({ code: 0 });
    expect(JSON.parse(gunzipSync(readFileSync(file)).toString()).FSTree.entries.dir.entries.file.attr.length).toBe(
      5000,
    );
    expect(readdirSync(folder)).not.toContain('dump.json.gz.tmp');
    const copy = `sqlite3://${join(folder, 'copy.db')}`;
    expect(await runCli(['load', copy, file])).toMatchObject({ code: 0 });
    expect(await runCli(['load', copy, file])).toMatchObject({
      code: 1,
      output: expect.stringContaining('is used by volume myvol'),
    });
    const nowhere = await runCli(['dump', url, join(folder, 'no', 'such', 'dump.json')]);
    expect(nowhere).toMatchObject({ code: 1, output: expect.stringMatching(/^portcullis: cannot write .*ENOENT/) });
  });

  it.each<[string, string[], RegExp]>([
    ['a database that is not there', ['status', 'sqlite3:///no/such.db'], /^portcullis: there is no database file/],
    ['an engine that is not there', ['fsck', 'tikv://h/1'], /^portcullis: .*tikv/],
    ['--repair without a path', ['fsck', '--repair', 'URL'], /--repair needs the path/],
    ['a relative path', ['info', 'URL', 'dir'], /absolute path within the volume/],
    ['a path that is not there', ['info', 'URL', '/nowhere'], /ENOENT: there is nothing at \/nowhere/],
    ['a binary dump that is none', ['load', '--binary', 'COPY', import.meta.filename], /binary dump/],
    ['a dump that is none', ['load', 'COPY', import.meta.filename], /this is no dump of a volume/],
    ['another UUID', ['destroy', '--yes', 'URL', 'e94d66a8'], /UUID "e94d66a8" != expected/],
    ['no yes', ['destroy', 'URL', 'UUID'], /aborted; nothing was destroyed/],
    ['S3 without a bucket', ['format', '--storage', 's3', 'COPY', 'other'], /name it with --bucket/],
  ])('refuse %s in one line', async (_what, args, message) => {
    const uuid = JSON.parse((await runCli(['config', url])).output).UUID;
    const names: Record<string, string> = { URL: url, UUID: uuid, COPY: `sqlite3://${join(folder, 'new.db')}` };
    const { code, output } = await runCli(args.map((argument) => names[argument] ?? argument));
    expect(code).toBe(1);
    expect(output.trim().split('\n').at(-1)).toMatch(message);
    expect(output).not.toMatch(/\n {4}at /);
    expect(objects().length).toBe(2);
  });

  it('destroy leaves nothing', async () => {
    const uuid = JSON.parse((await runCli(['config', url])).output).UUID;
    const destroyed = await runCli(['destroy', '--yes', url, uuid]);
    expect(destroyed).toMatchObject({ code: 0, output: expect.stringContaining('The volume has been destroyed!') });
    expect(objects()).toEqual([]);
    expect(await runCli(['status', url])).toMatchObject({ code: 1, output: expect.stringContaining('not formatted') });
    expect(existsSync(folder)).toBe(true);
  });
});
