// s3fs: a bucket mounted as a folder. Directories, renames, appends and times are what other clients never ask for. It needs FUSE, which not
// every machine that runs tests lets a process use.
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';
import { hasS3fs } from './client-tools.ts';

const MIB = 1024 * 1024;
const SLOW_MS = 180_000;

const CAP_SYS_ADMIN = 1n << 21n;

/** FUSE is there, and nothing keeps this process from mounting: many containers do. */
function canMount(): boolean {
  const isThere = existsSync('/dev/fuse') && spawnSync('fusermount', ['-V'], { stdio: 'ignore' }).status === 0;
  const [, bounding = '0'] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const mayMount = isThere && (BigInt(`0x${bounding}`) & CAP_SYS_ADMIN) !== 0n;
  if (!mayMount) process.stderr.write('\nSKIPPED: s3fs, because nothing can be mounted here\n\n');
  return mayMount;
}

describe.skipIf(!hasS3fs || !canMount())('s3fs', () => {
  const folder = makeTempFolder();
  const mount = join(folder, 'mount');
  let gateway: Gateway;
  let mounted: TestProcess | undefined;
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    const volume = await formatTestVolume(folder);
    gateway = await startGateway({
      metaUrl: volume.metaUrl,
      flags: ['--multi-buckets', '--keep-etag', '--object-meta', '--workers', '1'],
    });
    const { client, root: keys } = gateway;
    expect((await client.send({ method: 'PUT', bucket: 'mounted', keys })).status).toBe(200);
    mkdirSync(mount);
    const passwords = join(folder, 'passwords');
    writeFileSync(passwords, `${keys.accessKey}:${keys.secretKey}\n`, { mode: 0o600 });
    const options = `url=${gateway.url},use_path_request_style,passwd_file=${passwords}`;
    mounted = new TestProcess('s3fs', ['mounted', mount, '-f', '-o', options], process.env);
    await eventually('the bucket is mounted', () => {
      if (mounted?.exit !== undefined) throw new Error(`s3fs ended: ${mounted.log}`);
      return readFileSync('/proc/mounts', 'utf8').includes(mount);
    });
  }, SLOW_MS);
  afterAll(async () => {
    spawnSync('fusermount', ['-u', '-z', mount], { stdio: 'ignore' });
    mounted?.killGroup();
    await gateway?.dispose();
    removeTempFolder(folder);
  });

  const at = (...parts: string[]): string => join(mount, ...parts);
  const read = async (key: string): Promise<string> =>
    String((await gateway.client.send({ bucket: 'mounted', key, keys: gateway.root })).body);

  it('writes, reads, appends, renames and removes, files and directories', { timeout: SLOW_MS }, async () => {
    mkdirSync(at('d', 'e'), { recursive: true });
    writeFileSync(at('d', 'e', 'ü &+.txt'), 'hello\n');
    appendFileSync(at('d', 'e', 'ü &+.txt'), 'more\n');
    expect(readFileSync(at('d', 'e', 'ü &+.txt'), 'utf8')).toBe('hello\nmore\n');
    expect(await read('d/e/ü &+.txt')).toBe('hello\nmore\n');
    truncateSync(at('d', 'e', 'ü &+.txt'), 3);
    expect(await read('d/e/ü &+.txt')).toBe('hel');

    chmodSync(at('d', 'e', 'ü &+.txt'), 0o640);
    utimesSync(at('d', 'e', 'ü &+.txt'), 1_500_000_000, 1_500_000_000);
    const { mode, mtimeMs } = statSync(at('d', 'e', 'ü &+.txt'));
    expect([mode & 0o777, mtimeMs]).toEqual([0o640, 1_500_000_000_000]);
    symlinkSync('ü &+.txt', at('d', 'e', 'link'));
    expect(readlinkSync(at('d', 'e', 'link'))).toBe('ü &+.txt');

    renameSync(at('d'), at('renamed'));
    expect(readdirSync(at('renamed', 'e')).sort()).toEqual(['link', 'ü &+.txt'].sort());
    expect(await read('renamed/e/ü &+.txt')).toBe('hel');
    rmSync(at('renamed'), { recursive: true });
    expect(readdirSync(mount)).toEqual([]);
  });

  it('uploads in parts what is large, and sees what others put', { timeout: SLOW_MS }, async () => {
    const content = randomBytes(33 * MIB + 1);
    const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    writeFileSync(at('large'), content);
    const { client, root: keys } = gateway;
    const there = await client.send({ bucket: 'mounted', key: 'large', keys });
    expect(hash(there.body)).toBe(hash(content));
    expect(there.headers.etag).toMatch(/^"[0-9a-f]{32}-\d+"$/);
    renameSync(at('large'), at('moved'));
    expect(hash(readFileSync(at('moved')))).toBe(hash(content));
    await client.send({ method: 'PUT', bucket: 'mounted', key: 'other/one', body: 'theirs', keys });
    expect(readFileSync(at('other', 'one'), 'utf8')).toBe('theirs');
  });
});
