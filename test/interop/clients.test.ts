// The AWS CLI and boto3, as they are installed and with their default settings, against a gateway: what goes in comes out byte for byte.
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, createReadStream, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { TestProcess } from '../harness/processes.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { hasAwsCli, hasBoto3, hasCurl } from './client-tools.ts';

const MIB = 1024 * 1024;
const SLOW_MS = 300_000;

const directory = makeTempFolder();
let gateway: Gateway;
logsOnFailure(() => gateway);

beforeAll(async () => {
  const volume = await formatTestVolume(directory);
  gateway = await startGateway({
    metaUrl: volume.metaUrl,
    flags: ['--multi-buckets', '--keep-etag', '--object-meta', '--workers', '2', '--metrics', '127.0.0.1:0'],
  });
});
afterAll(async () => {
  await gateway?.dispose();
  removeTempFolder(directory);
});

/** A file of random bytes. */
function randomFile(name: string, size: number): string {
  const path = join(directory, name);
  const file = openSync(path, 'w');
  for (let written = 0; written < size; written += MIB) writeSync(file, randomBytes(Math.min(MIB, size - written)));
  closeSync(file);
  return path;
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Runs a client with the root user's keys and nothing of the machine's own configuration; its output. */
async function client(command: string, args: readonly string[]): Promise<string> {
  const nowhere = join(directory, 'no-such-file');
  const child = new TestProcess(command, args, {
    ...cleanEnvironment(),
    AWS_ACCESS_KEY_ID: gateway.root.accessKey,
    AWS_SECRET_ACCESS_KEY: gateway.root.secretKey,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_CONFIG_FILE: nowhere,
    AWS_SHARED_CREDENTIALS_FILE: nowhere,
  });
  const { code } = await child.exited;
  child.killGroup();
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${child.log}`);
  return child.log;
}

const aws = (...args: string[]): Promise<string> => client('aws', ['--endpoint-url', gateway.url, ...args]);

describe.skipIf(!hasAwsCli)('the AWS CLI', () => {
  beforeAll(async () => {
    await aws('s3', 'mb', 's3://cli');
  });

  it.each([
    ['5 KB', 5_000],
    ['5 MiB and a byte', 5 * MIB + 1],
    ['100 MiB', 100 * MIB],
    ['200 MiB, in parts', 200 * MIB],
  ])(
    'copies %s there and back',
    async (_, size) => {
      const file = randomFile(`file-${size}`, size);
      const back = join(directory, `back-${size}`);
      await aws('s3', 'cp', '--no-progress', file, `s3://cli/sizes/${size}`);
      await aws('s3', 'cp', '--no-progress', `s3://cli/sizes/${size}`, back);
      expect(await fileHash(back)).toBe(await fileHash(file));
      expect(await aws('s3', 'ls', 's3://cli/sizes/')).toMatch(new RegExp(` ${size} ${size}$`, 'm'));
      const head = JSON.parse(await aws('s3api', 'head-object', '--bucket', 'cli', '--key', `sizes/${size}`));
      expect(head).toMatchObject({ ContentLength: size });
      // The CLI uploads from 8 MiB on in parts of 8 MiB.
      const etag = size > 8 * MIB ? new RegExp(`^"[0-9a-f]{32}-${Math.ceil(size / (8 * MIB))}"$`) : /^"[0-9a-f]{32}"$/;
      expect(head.ETag).toMatch(etag);
    },
    SLOW_MS,
  );

  it(
    'syncs a directory there, back, and only what changed',
    async () => {
      const tree = join(directory, 'tree');
      const files: Record<string, string> = {
        'a.txt': 'a',
        'with space & plus+.txt': 'odd name',
        'ünï/日本.txt': 'unicode',
        'deep/er/still/leaf.bin': 'leaf',
        empty: '',
      };
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(tree, name)), { recursive: true });
        writeFileSync(join(tree, name), text);
      }
      await aws('s3', 'sync', '--no-progress', tree, 's3://cli/tree/');
      const back = join(directory, 'tree-back');
      await aws('s3', 'sync', '--no-progress', 's3://cli/tree/', back);
      const read = Object.fromEntries(Object.keys(files).map((name) => [name, readFileSync(join(back, name), 'utf8')]));
      expect(read).toEqual(files);

      expect((await aws('s3', 'sync', '--no-progress', tree, 's3://cli/tree/')).trim()).toBe('');
      writeFileSync(join(tree, 'a.txt'), 'longer now');
      const second = await aws('s3', 'sync', '--no-progress', tree, 's3://cli/tree/');
      expect(second.trim().split('\n')).toEqual([expect.stringContaining('tree/a.txt')]);
    },
    SLOW_MS,
  );

  it(
    'reads a range',
    async () => {
      const file = randomFile('ranged', 6 * MIB);
      await aws('s3', 'cp', '--no-progress', file, 's3://cli/ranged');
      const part = join(directory, 'part');
      const range = ['--range', `bytes=${4 * MIB - 5}-${4 * MIB + 4}`];
      await aws('s3api', 'get-object', '--bucket', 'cli', '--key', 'ranged', ...range, part);
      expect(readFileSync(part)).toEqual(readFileSync(file).subarray(4 * MIB - 5, 4 * MIB + 5));
    },
    SLOW_MS,
  );

  it.skipIf(!hasCurl)(
    'presigns a URL that curl can fetch',
    async () => {
      const file = randomFile('presigned', 70_000);
      await aws('s3', 'cp', '--no-progress', file, 's3://cli/a presigned+name');
      const url = (await aws('s3', 'presign', 's3://cli/a presigned+name', '--expires-in', '60')).trim();
      const fetched = join(directory, 'fetched');
      await client('curl', ['--fail', '--silent', '--show-error', '--output', fetched, url]);
      expect(readFileSync(fetched).equals(readFileSync(file))).toBe(true);
    },
    SLOW_MS,
  );

  it(
    'removes everything, and then the bucket',
    async () => {
      await aws('--region', 'eu-west-1', 's3', 'mb', 's3://doomed');
      expect(JSON.parse(await aws('s3api', 'get-bucket-location', '--bucket', 'doomed'))).toEqual({
        LocationConstraint: 'eu-west-1',
      });
      for (const name of ['one', 'two/three', 'two/four']) {
        await aws('s3api', 'put-object', '--bucket', 'doomed', '--key', name);
      }
      await expect(aws('s3', 'rb', 's3://doomed')).rejects.toThrow('BucketNotEmpty');
      await aws('s3', 'rm', '--recursive', 's3://doomed');
      expect(await aws('s3', 'ls', '--recursive', 's3://doomed')).toBe('');
      await aws('s3', 'rb', 's3://doomed');
      expect(await aws('s3', 'ls')).not.toContain('doomed');
    },
    SLOW_MS,
  );
});

describe.skipIf(!hasBoto3)('boto3', () => {
  it(
    'does a day of work',
    async () => {
      const file = randomFile('boto-file', 20 * MIB + 7);
      const script = join(dirname(fileURLToPath(import.meta.url)), 'boto3-session.py');
      const output = await client('python3', [script, gateway.url, file, directory]);
      const etag = `"${createHash('md5').update('plain').digest('hex')}"`;
      const keys = ['big/file', 'copied', 'plain ü+&.txt'];
      expect(JSON.parse(output.trim().split('\n').at(-1) ?? '')).toEqual({
        object: ['plain', 'text/x-plain', { colour: 'blue' }, etag],
        transferred: true,
        range: ['bytes 1000000-1000099', true],
        presigned: 'plain',
        keys,
        missing: 404,
        'not empty': 'BucketNotEmpty',
        deleted: keys,
        buckets: expect.not.arrayContaining(['boto']),
      });
    },
    SLOW_MS,
  );
});
