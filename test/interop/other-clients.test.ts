// s3cmd and rclone against a gateway: other signers, other multipart habits, other listings. What goes in comes out byte for byte.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { hasRclone, hasS3cmd } from './client-tools.ts';

const MIB = 1024 * 1024;
const SLOW_MS = 180_000;

const folder = makeTempFolder();
const tree = join(folder, 'tree');
/** Larger than the size from which s3cmd (15 MiB) and, as told below, rclone (8 MiB) upload in parts. */
const files: Readonly<Record<string, Buffer>> = {
  'a.txt': Buffer.from('a'),
  empty: Buffer.alloc(0),
  'with space & plus+.txt': Buffer.from('odd name'),
  'ünï/日本.txt': Buffer.from('unicode'),
  'deep/er/large.bin': randomBytes(33 * MIB + 1),
};
let gateway: Gateway;
logsOnFailure(() => gateway);

beforeAll(async () => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, name)), { recursive: true });
    writeFileSync(join(tree, name), content);
  }
  const volume = await formatTestVolume(folder);
  const flags = ['--multi-buckets', '--keep-etag', '--object-meta', '--metrics', '127.0.0.1:0'];
  gateway = await startGateway({ metaUrl: volume.metaUrl, flags });
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(folder);
});

/** Runs a client to its end; its output. */
async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = new TestProcess(command, args, { ...cleanEnvironment(), LC_ALL: 'C.UTF-8', ...env });
  const { code } = await child.exited;
  child.killGroup();
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${child.log}`);
  return child.log;
}

/** All files below a folder, by relative name. */
function readTree(root: string): Record<string, Buffer> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [path.slice(root.length + 1), readFileSync(path)]));
}

/** Compares names first: a difference between buffers of this size is not for people. */
function expectSameFiles(found: Readonly<Record<string, Buffer>>): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(files).sort());
  const different = Object.keys(files).filter((name) => found[name]?.equals(files[name] ?? Buffer.of()) !== true);
  expect(different).toEqual([]);
}

describe.skipIf(!hasS3cmd)('s3cmd', () => {
  const s3cmd = (...args: string[]): Promise<string> => {
    const host = `127.0.0.1:${gateway.port}`;
    const config = join(folder, 's3cfg');
    writeFileSync(
      config,
      `[default]\naccess_key = ${gateway.root.accessKey}\nsecret_key = ${gateway.root.secretKey}\nhost_base = ${host}\nhost_bucket = ${host}\nuse_https = False\n`,
    );
    return run('s3cmd', ['--config', config, '--no-progress', ...args]);
  };

  it('syncs a tree there and back, lists, copies, moves and removes it', { timeout: SLOW_MS }, async () => {
    await s3cmd('mb', 's3://cmd');
    await s3cmd('sync', `${tree}/`, 's3://cmd/tree/');
    expect(await s3cmd('ls', 's3://cmd/tree/')).toMatch(/DIR +s3:\/\/cmd\/tree\/deep\//);
    const back = join(folder, 's3cmd-back');
    mkdirSync(back);
    await s3cmd('sync', 's3://cmd/tree/', `${back}/`);
    expectSameFiles(readTree(back));

    await s3cmd('cp', 's3://cmd/tree/a.txt', 's3://cmd/copied');
    await s3cmd('mv', 's3://cmd/copied', 's3://cmd/moved');
    expect(await s3cmd('info', 's3://cmd/moved')).toContain('0cc175b9c0f1b6a831c399e269772661');
    await s3cmd('del', '--recursive', '--force', 's3://cmd');
    expect(await s3cmd('ls', '--recursive', 's3://cmd')).toBe('');
    await s3cmd('rb', 's3://cmd');
    expect(await s3cmd('ls')).not.toContain('s3://cmd');
  });
});

describe.skipIf(!hasRclone)('rclone', () => {
  const rclone = (...args: string[]): Promise<string> =>
    run('rclone', ['--config', '/dev/null', ...args], {
      RCLONE_CONFIG_PC_TYPE: 's3',
      RCLONE_CONFIG_PC_PROVIDER: 'Other',
      RCLONE_CONFIG_PC_ACCESS_KEY_ID: gateway.root.accessKey,
      RCLONE_CONFIG_PC_SECRET_ACCESS_KEY: gateway.root.secretKey,
      RCLONE_CONFIG_PC_ENDPOINT: gateway.url,
      RCLONE_S3_UPLOAD_CUTOFF: '8Mi',
      RCLONE_S3_CHUNK_SIZE: '8Mi',
    });

  it('syncs a tree there and back, checks, and purges it', { timeout: SLOW_MS }, async () => {
    await rclone('mkdir', 'pc:clone');
    await rclone('sync', tree, 'pc:clone/tree');
    await rclone('check', tree, 'pc:clone/tree');
    await rclone('check', '--download', tree, 'pc:clone/tree');
    const listed = await rclone('lsf', '--recursive', '--files-only', 'pc:clone/tree');
    expect(listed.trim().split('\n').sort()).toEqual(Object.keys(files).sort());
    const back = join(folder, 'rclone-back');
    await rclone('copy', 'pc:clone/tree', back);
    expectSameFiles(readTree(back));
    // Times are kept in metadata: a second sync has nothing to do.
    expect(await rclone('sync', '--verbose', tree, 'pc:clone/tree')).toContain('nothing to transfer');
    await rclone('moveto', 'pc:clone/tree/a.txt', 'pc:clone/moved.txt');
    expect(await rclone('cat', 'pc:clone/moved.txt')).toBe('a');
    await rclone('purge', 'pc:clone');
    expect(await rclone('lsd', 'pc:')).not.toContain('clone');
  });
});
