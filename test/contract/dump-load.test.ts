// Dumps: those of the Go client loaded and read byte for byte, ours the same text as its own, and there and back again.
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkTree, dumpVolume, loadVolume, openVolume, volumeStatus } from '../../src/juicefs/index.ts';
import { escapeDump, unescapeDump } from '../../src/juicefs/maintenance/dump-text.ts';
import { type GoldenVolume, unpackGolden } from '../fixtures/volumes/golden.ts';
import { makeVolume } from './temporary-volume.ts';

const ADMIN = { environment: {}, log: { info: () => undefined, warn: () => undefined } };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-dump-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const databaseUrl = (name: string): string => `sqlite3://${join(folder, name)}`;

async function dumped(
  metaUrl: string,
  options: { keepSecrets?: boolean; skipTrash?: boolean; subdir?: string[] } = {},
): Promise<string> {
  let text = '';
  await dumpVolume(metaUrl, {
    ...ADMIN,
    ...options,
    write: async (part) => {
      text += part;
    },
  });
  return text;
}

/** A text in pieces that end anywhere. */
async function* inPieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

const withoutSession = (text: string): string => text.replace(/"nextSession": \d+/, '"nextSession": 0');

describe.each(['sqlite-posix', 'sqlite-chacha', 'redis-zstd-multi', 'redis-encrypted'])('the dump of %s', (name) => {
  let golden: GoldenVolume;
  beforeEach(() => {
    golden = unpackGolden(name);
  });
  afterEach(() => rmSync(golden.directory, { recursive: true }));

  it('is loaded, dumped again as the same text, and all its objects are read right, many at once', async () => {
    const metaUrl = databaseUrl('loaded.db');
    const file = join(golden.directory, 'dump.json');
    await loadVolume(metaUrl, createReadStream(file, 'utf8'), ADMIN);
    expect(withoutSession(await dumped(metaUrl, { keepSecrets: true }))).toBe(
      withoutSession(readFileSync(file, 'utf8')),
    );
    const report = await checkTree(metaUrl, { ...ADMIN, path: [], recursive: true, syncDirStat: true });
    expect(report.problems).toEqual([]);
    const volume = await openVolume(metaUrl, {
      readOnly: true,
      bucket: golden.bucket,
      environment: { JFS_RSA_PASSPHRASE: golden.passphrase },
    });
    const objects = golden.manifest.objects.filter(
      ({ key, head_error }) => !key.endsWith('/') && head_error === undefined,
    );
    const wrong = await Promise.all(
      objects.map(async ({ bucket, key, sha256 }) => {
        const names = key.split('/').filter((part) => part !== '');
        const reader = await volume.open(golden.manifest.single_bucket_mode ? names : [bucket, ...names]);
        const hash = createHash('sha256');
        for await (const bytes of reader.read(0, Number.MAX_SAFE_INTEGER)) hash.update(bytes);
        await reader.close();
        return hash.digest('hex') === sha256 ? [] : [key];
      }),
    );
    await volume.close();
    expect(wrong.flat()).toEqual([]);
  });
});

describe('dump and load', () => {
  it('keep what a volume holds: odd names, links, attributes, counters', async () => {
    const made = await makeVolume();
    const volume = await openVolume(made.metaUrl);
    const names = ['plain', 'with space', '100%', 'a"b\\c', 'ünï', '\u0001', '\ufffd', '%41'];
    for (const name of names) {
      const writer = volume.create(['dir', name]);
      await writer.write(Buffer.from(name));
      await writer.commit({ xattrs: new Map([['s3-meta', Buffer.from([0, 255, 37, 10])]]) });
    }
    await volume.unlink(['dir', 'plain']);
    await volume.close();
    const text = await dumped(made.metaUrl);
    for (const size of [1, 7, 4096]) {
      const metaUrl = databaseUrl(`copy-${size}.db`);
      await loadVolume(metaUrl, inPieces(text, size), ADMIN);
      expect(withoutSession(await dumped(metaUrl))).toBe(withoutSession(text));
      const copy = await openVolume(metaUrl);
      const found: string[] = [];
      for await (const { name } of copy.list(['dir'])) found.push(name);
      expect(found.sort()).toEqual(names.filter((name) => name !== 'plain').sort());
      const { xattrs } = await copy.statWithXattrs(['dir', '100%']);
      expect(Buffer.from(xattrs.get('s3-meta') ?? [])).toEqual(Buffer.from([0, 255, 37, 10]));
      await copy.close();
      const { Stat } = await volumeStatus(metaUrl, ADMIN);
      expect(Stat).toEqual((await volumeStatus(made.metaUrl, ADMIN)).Stat);
    }
    made.remove();
  });

  it('dump a directory alone, without trash, and never a secret that was not asked for', async () => {
    const made = await makeVolume({ secretKey: 'hidden', accessKey: 'shown' });
    const volume = await openVolume(made.metaUrl);
    await volume.mkdirs(['a', 'b']);
    await volume.mkdirs(['other']);
    await volume.close();
    const part = JSON.parse(await dumped(made.metaUrl, { subdir: ['a'] }));
    expect(Object.keys(part.FSTree.entries)).toEqual(['b']);
    expect(part.Trash).toBeUndefined();
    expect(part.Setting).toMatchObject({ AccessKey: 'shown', SecretKey: 'removed' });
    expect(JSON.parse(await dumped(made.metaUrl, { keepSecrets: true })).Setting.SecretKey).not.toBe('removed');
    expect(JSON.parse(await dumped(made.metaUrl, { skipTrash: true })).Trash).toBeUndefined();
    await expect(dumped(made.metaUrl, { subdir: ['nowhere'] })).rejects.toThrow(/ENOENT/);
    made.remove();
  });

  it('load nothing into a database in use, and leave nothing of a dump that is damaged', async () => {
    const made = await makeVolume();
    const text = await dumped(made.metaUrl);
    await expect(loadVolume(made.metaUrl, inPieces(text, 1000), ADMIN)).rejects.toThrow(/is used by volume testvol/);
    const metaUrl = databaseUrl('new.db');
    for (const damaged of [
      text.slice(0, -200),
      '',
      'nonsense',
      '[]',
      text.replace('"Counters"', '"Countless"'),
      text.replace('"type":"directory"', '"type":"unheard"'),
      text.replace('"BlockSize": 64', '"BlockSize": "big"'),
    ]) {
      await expect(loadVolume(metaUrl, inPieces(damaged, 999), ADMIN)).rejects.toThrow();
    }
    // The database is as empty as it was.
    await loadVolume(metaUrl, inPieces(text, 999), ADMIN);
    made.remove();
  });
});

describe('text in dumps', () => {
  it.each([
    ['plain', 'plain'],
    ['a b', 'a%20b'],
    ['100%', '100%25'],
    ['a"\\', 'a%22%5C'],
    ['ünï😀', 'ünï😀'],
    ['\u0001\n', '%01%0A'],
  ])('%j stands as %s', (text, escaped) => {
    expect(escapeDump(Buffer.from(text))).toBe(escaped);
    expect(unescapeDump(escaped).toString()).toBe(text);
  });

  it('holds any bytes', () => {
    for (const hex of ['ff', '61ff62', 'c3', 'c3a9ff', 'efbfbd', 'e282', 'f09f98', '00', 'c080', 'eda080']) {
      expect(unescapeDump(escapeDump(Buffer.from(hex, 'hex'))).toString('hex')).toBe(hex);
    }
    expect(unescapeDump('%zz%4').toString()).toBe('%zz%4');
  });
});
