// Files of a volume: writing, replacing, reading while they are removed, and damage that must never become wrong bytes.
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  checkTree,
  dumpVolume,
  type FileReader,
  loadVolume,
  openVolume,
  type Volume,
  VolumeError,
  type VolumeOptions,
  type VolumePath,
} from '../../src/juicefs/index.ts';
import { unpackGolden } from '../fixtures/volumes/golden.ts';
import { binaryDumpSuite } from './binary-dump-suite.ts';
import { detachedTreesSuite } from './detached-trees-suite.ts';
import type { EngineKind, RunningEngine } from './meta-engines.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';

const KIB = 1024;
const ADMIN = { environment: {}, log: { info: () => undefined, warn: () => undefined } };

/** The suite on one engine. */
export function volumeFilesSuite(kind: EngineKind): void {
  let engine: RunningEngine;
  beforeAll(async () => {
    engine = await kind.start();
  });
  afterAll(() => engine.stop());

  detachedTreesSuite(() => engine);
  binaryDumpSuite(() => engine);

  let made: TemporaryVolume;
  let volume: Volume;

  async function open(settings: Parameters<typeof makeVolume>[0], options: VolumeOptions = {}): Promise<void> {
    made = await makeVolume(settings, engine);
    volume = await openVolume(made.metaUrl, { deleteGraceMs: 0, ...options });
  }

  async function put(path: VolumePath, content: Buffer | string): Promise<bigint> {
    const writer = volume.create(path);
    await writer.write(Buffer.from(content));
    return (await writer.commit()).inode;
  }

  async function read(path: VolumePath): Promise<Buffer> {
    const reader = await volume.open(path);
    try {
      return await collect(reader.read(0, reader.attributes.size));
    } finally {
      await reader.close();
    }
  }

  /** All bytes of a reader, which is closed then. */
  async function bytesOf(reader: FileReader | undefined): Promise<Buffer> {
    if (reader === undefined) throw new Error('there is no reader');
    try {
      return await collect(reader.read(0, Number.MAX_SAFE_INTEGER));
    } finally {
      await reader.close();
    }
  }

  async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of source) parts.push(part);
    return Buffer.concat(parts);
  }

  function blocks(): string[] {
    const folder = join(made.objects, 'testvol');
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name)).filter((path) => path.includes('/chunks/'));
  }

  const failure = async (work: Promise<unknown>): Promise<string> => {
    try {
      await work;
      return 'no failure';
    } catch (error) {
      if (error instanceof VolumeError) return error.code;
      throw error;
    }
  };

  const pattern = (bytes: number): Buffer =>
    Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

  afterEach(async () => {
    await volume?.close();
    made?.remove();
  });

  describe('a file being written', () => {
    beforeEach(() => open({ trashDays: 0 }));

    it('is not there before its commit, and there with its parents after', async () => {
      const writer = volume.create(['a', 'b', 'c']);
      await writer.write(Buffer.alloc(200 * KIB, 7));
      expect(await failure(volume.stat(['a']))).toBe('ENOENT');
      await vi.waitFor(() => expect(blocks().length).toBeGreaterThan(0));
      await writer.commit({ xattrs: new Map([['s3-etag', Buffer.from('e')]]) });
      expect(await read(['a', 'b', 'c'])).toEqual(Buffer.alloc(200 * KIB, 7));
      const { attributes, xattrs } = await volume.statWithXattrs(['a', 'b', 'c']);
      expect(attributes).toMatchObject({ type: 'file', mode: 0o644, nlink: 1, size: 200 * KIB });
      expect(Buffer.from(xattrs.get('s3-etag') ?? []).toString()).toBe('e');
      expect(await volume.stat(['a'])).toMatchObject({ type: 'directory', mode: 0o755, nlink: 3 });
    });

    it('does not make the directories that must be there', async () => {
      const writer = volume.create(['bucket', 'd', 'f'], { existingParents: 1 });
      await writer.write(Buffer.from('bytes'));
      expect(await failure(writer.commit())).toBe('ENOENT');
      await writer.abort();
      expect(await failure(volume.stat(['bucket']))).toBe('ENOENT');
      await volume.mkdir(['bucket']);
      await volume.create(['bucket', 'd', 'f'], { existingParents: 1 }).commit();
      expect((await volume.stat(['bucket', 'd', 'f'])).type).toBe('file');
    });

    it('leaves nothing behind when it is aborted', async () => {
      const writer = volume.create(['a', 'b']);
      await writer.write(Buffer.alloc(500 * KIB));
      await writer.abort();
      await writer.abort();
      expect(blocks()).toEqual([]);
      expect(await failure(volume.stat(['a']))).toBe('ENOENT');
      expect(await failure(writer.write(Buffer.alloc(1)))).toBe('EINVAL');
      expect(await failure(writer.commit())).toBe('EINVAL');
    });

    it('leaves nothing behind when it is aborted during a write', async () => {
      const writer = volume.create(['a']);
      const writing = writer.write(Buffer.alloc(4 * KIB * KIB));
      await writer.abort();
      expect(await failure(writing)).toBe('ECANCELED');
      expect(blocks()).toEqual([]);
    });

    it('can be empty', async () => {
      await volume.create(['empty']).commit();
      expect(await read(['empty'])).toEqual(Buffer.alloc(0));
    });

    it('may be larger than a chunk', async () => {
      const size = 64 * KIB * KIB + 100 * KIB + 3;
      const content = Buffer.alloc(size, 'chunks and slices ');
      await put(['large'], content);
      expect((await read(['large'])).equals(content)).toBe(true);
      const reader = await volume.open(['large']);
      const around = await collect(reader.read(64 * KIB * KIB - 10, 64 * KIB * KIB + 10));
      expect(around.equals(content.subarray(64 * KIB * KIB - 10, 64 * KIB * KIB + 10))).toBe(true);
      await reader.close();
    });

    it('is there in the end, however often others remove the directory it goes to', { timeout: 60_000 }, async () => {
      await volume.close();
      made.remove();
      await open({ trashDays: 1 });
      const other = await openVolume(made.metaUrl, { deleteGraceMs: 0 });
      let writing = true;
      const tidy = async (): Promise<void> => {
        const end = Date.now() + 40_000;
        while (writing && Date.now() < end) {
          await failure(other.unlink(['d', 'e', 'f']));
          await failure(other.rmdir(['d', 'e']));
          await failure(other.rmdir(['d']));
          // Without a pause nobody else gets to do anything.
          await delay(10);
        }
      };
      const write = async (): Promise<void> => {
        for (let i = 0; i < 25; i++) await put(['d', 'e', 'f'], 'content');
      };
      const tidying = tidy();
      try {
        await Promise.all([write(), write()]);
      } finally {
        writing = false;
        await tidying;
        await other.close();
      }
      await volume.close();
      expect(await made.check()).toEqual([]);
    });

    it('cannot take the place of a directory, nor stand below a file', async () => {
      await volume.mkdirs(['d', 'e']);
      await put(['f'], 'x');
      expect(await failure(put(['d'], 'x'))).toBe('EISDIR');
      expect(await failure(put(['f', 'g'], 'x'))).toBe('ENOTDIR');
      expect(await failure(put([], 'x'))).toBe('EISDIR');
    });
  });

  describe('a commit with a guard', () => {
    beforeEach(() => open({ trashDays: 0 }));

    it('shows the guard what stands there, and throws what it throws', async () => {
      const inode = await put(['f'], 'old');
      await volume.setXattrs(['f'], new Map([['s3-etag', Buffer.from('1')]]));
      const writer = volume.create(['f']);
      await writer.write(Buffer.from('new'));
      const refusal = new Error('not this one');
      let seen: unknown;
      const committing = writer.commit({
        guard: (existing) => {
          seen = [existing?.attributes.inode, Buffer.from(existing?.xattrs.get('s3-etag') ?? []).toString()];
          throw refusal;
        },
      });
      await expect(committing).rejects.toBe(refusal);
      expect(seen).toEqual([inode, '1']);
      await writer.abort();
      expect((await read(['f'])).toString()).toBe('old');
      expect(blocks()).toHaveLength(1);
    });

    it('shows nothing where nothing is', async () => {
      const seen: unknown[] = [];
      await volume.create(['a', 'f']).commit({ guard: (existing) => void seen.push(existing) });
      expect(seen).toEqual([undefined]);
    });

    it('keeps two writers from both being first', async () => {
      const first = (existing: unknown): void => {
        if (existing !== undefined) throw new VolumeError('EEXIST', 'not the first');
      };
      const writers = Array.from({ length: 8 }, () => volume.create(['one']));
      const results = await Promise.all(writers.map((writer) => failure(writer.commit({ guard: first }))));
      expect(results.filter((result) => result === 'no failure')).toHaveLength(1);
      await Promise.all(writers.map((writer) => writer.abort()));
    });
  });

  describe('a file that is replaced or removed', () => {
    it('goes to the trash where there is one', async () => {
      await open({ trashDays: 1 });
      const inode = await put(['d', 'f'], 'first');
      const parent = (await volume.stat(['d'])).inode;
      await put(['d', 'f'], 'second');
      const [hour] = await names(['.trash']);
      expect(hour).toMatch(/^\d{4}-\d\d-\d\d-\d\d$/);
      const entry = `${parent}-${inode}-f`;
      expect(await names(['.trash', hour ?? ''])).toEqual([entry]);
      expect((await read(['.trash', hour ?? '', entry])).toString()).toBe('first');
      await volume.unlink(['d', 'f'], { skipTrash: true });
      await volume.rmdir(['d']);
      expect(await names(['.trash', hour ?? ''])).toHaveLength(2);
      expect(await names([])).toEqual([]);
      await volume.close();
      expect(await made.check()).toEqual([]);
    });

    it('is deleted with its blocks where there is none', async () => {
      await open({ trashDays: 0 });
      await put(['f'], pattern(300 * KIB));
      await put(['f'], 'short');
      await volume.close();
      expect(blocks()).toHaveLength(1);
      expect(await made.check()).toEqual([]);
    });

    it('stays readable for who has it open, and goes when the last is done', async () => {
      await open({ trashDays: 0 });
      const content = pattern(300 * KIB);
      await put(['f'], content);
      const readers = [await volume.open(['f']), await volume.open(['f'])];
      await volume.unlink(['f']);
      expect(await failure(volume.open(['f']))).toBe('ENOENT');
      expect(await failure(volume.openInode(readers[0]?.attributes.inode ?? 0n))).toBe('ENOENT');
      for (const reader of readers) {
        expect((await collect(reader.read(0, content.length))).equals(content)).toBe(true);
        await reader.close();
      }
      await volume.close();
      expect(blocks()).toEqual([]);
      expect(await made.check()).toEqual([]);
    });

    it('stays readable when it was replaced by a rename', async () => {
      await open({ trashDays: 0 });
      await put(['old'], 'old');
      await put(['new'], 'new');
      const reader = await volume.open(['old']);
      await volume.rename(['new'], ['old']);
      expect((await collect(reader.read(0, 3))).toString()).toBe('old');
      await reader.close();
      expect((await read(['old'])).toString()).toBe('new');
    });

    it('shares its blocks with what was composed of it', async () => {
      await open({ trashDays: 0 });
      const content = pattern(200 * KIB);
      const inode = await put(['parts', '1'], content);
      const pieces = [
        { inode, start: 100, end: content.length },
        { inode, start: 0, end: 100 },
      ];
      await volume.composeFile(['whole'], pieces, { removeAfter: ['parts'] });
      expect(await failure(volume.stat(['parts']))).toBe('ENOENT');
      expect((await read(['whole'])).equals(Buffer.concat([content.subarray(100), content.subarray(0, 100)]))).toBe(
        true,
      );
      expect(await failure(volume.composeFile(['x'], [{ inode, start: 0, end: 1 }]))).toBe('ENOENT');
      const whole = (await volume.stat(['whole'])).inode;
      expect(await failure(volume.composeFile(['x'], [{ inode: whole, start: 5, end: content.length + 1 }]))).toBe(
        'EINVAL',
      );
      await volume.close();
      expect(await made.check()).toEqual([]);
    });
  });

  async function names(path: VolumePath): Promise<string[]> {
    const found: string[] = [];
    for await (const { name } of volume.list(path)) found.push(name);
    return found;
  }

  describe.each(['none', 'lz4'])('a damaged block (%s)', (compression) => {
    beforeEach(async () => {
      await open({ compression });
      await put(['f'], pattern(64 * KIB));
    });

    it.each<[string, (block: string) => void]>([
      ['missing', (block) => rmSync(block)],
      ['cut short', (block) => truncateSync(block, 1000)],
      ['empty', (block) => truncateSync(block, 0)],
    ])('that is %s is an I/O error that names it', async (_how, damage) => {
      const [block = ''] = blocks();
      damage(block);
      const reader = await volume.open(['f']);
      const reading = collect(reader.read(0, 64 * KIB));
      await expect(reading).rejects.toThrow(/^EIO: block testvol\/chunks\/0\/0\/1_0_65536 is /);
      await expect(collect(reader.read(10, 60 * KIB))).rejects.toThrow(/^EIO: block testvol/);
      await reader.close();
    });

    it('that is garbage is an I/O error where it is compressed', async () => {
      const [block = ''] = blocks();
      const stored = readFileSync(block);
      writeFileSync(block, Buffer.alloc(stored.length, 0xff));
      if (compression === 'none') return;
      await expect(read(['f'])).rejects.toThrow(/^EIO: block/);
    });
  });

  describe('reading', () => {
    beforeEach(() => open({}));

    it('ends when it is cancelled', async () => {
      await put(['f'], pattern(640 * KIB));
      const reader = await volume.open(['f']);
      const stop = new AbortController();
      const reading = (async () => {
        for await (const _part of reader.read(0, 640 * KIB, stop.signal)) stop.abort();
      })();
      expect(await failure(reading)).toBe('ECANCELED');
      await reader.close();
    });

    it('may stop in the middle, and start again', async () => {
      const content = pattern(640 * KIB);
      await put(['f'], content);
      const reader = await volume.open(['f']);
      for await (const part of reader.read(0, content.length)) {
        expect(part.length).toBeLessThan(content.length);
        break;
      }
      expect((await collect(reader.read(5, content.length))).equals(content.subarray(5))).toBe(true);
      await reader.close();
      expect(await failure(collect(reader.read(0, 1)))).toBe('EINVAL');
    });

    it('is found and opened at once, with its extended attributes', async () => {
      await open({ trashDays: 0 });
      const content = Buffer.alloc(64 * KIB * KIB + 100, 'more than one chunk');
      const inode = await put(['d', 'large'], content);
      await volume.setXattrs(['d', 'large'], new Map([['user.ä', Buffer.from('value')]]));
      const empty = await put(['d', 'empty'], '');
      const large = await volume.openWithXattrs(['d', 'large']);
      expect(large.attributes).toMatchObject({ inode, size: content.length, type: 'file' });
      expect([...large.xattrs].map(([name, value]) => [name, Buffer.from(value).toString()])).toEqual([
        ['user.ä', 'value'],
      ]);
      // Its data stays, as of any reader.
      await volume.unlink(['d', 'large']);
      expect((await bytesOf(large.reader)).equals(content)).toBe(true);
      const nothing = await volume.openWithXattrs(['d', 'empty']);
      expect(nothing.attributes.inode).toBe(empty);
      expect(nothing.xattrs.size).toBe(0);
      expect(await bytesOf(nothing.reader)).toHaveLength(0);
      const directory = await volume.openWithXattrs(['d']);
      expect(directory.attributes.type).toBe('directory');
      expect(directory.reader).toBeUndefined();
      expect(await failure(volume.openWithXattrs(['d', 'large']))).toBe('ENOENT');
      expect(await failure(volume.openWithXattrs(['d', 'empty', 'x']))).toBe('ENOTDIR');
      await volume.close();
      expect(blocks()).toEqual([]);
    });

    it('is what stands there, also when it is replaced while it is being opened', async () => {
      await open({ trashDays: 0 });
      await put(['f'], '0');
      for (let round = 1; round <= 20; round++) {
        const [opened] = await Promise.all([volume.openWithXattrs(['f']), put(['f'], String(round))]);
        const text = (await bytesOf(opened.reader)).toString();
        expect([String(round - 1), String(round)]).toContain(text);
      }
    });

    it('is what another client made of its path, at once, however often the path was followed before', async () => {
      await open({ trashDays: 0 });
      const other = await openVolume(made.metaUrl, { deleteGraceMs: 0 });
      const path = ['a', 'b', 'c', 'key'];
      const found = async (at: VolumePath): Promise<string> => {
        const attributes = await volume.stat(at);
        const existing = await volume.statWithXattrs(at);
        const opened = await volume.openWithXattrs(at);
        expect([existing.attributes, opened.attributes]).toEqual([attributes, attributes]);
        expect([...opened.xattrs]).toEqual([...existing.xattrs]);
        const named = [...existing.xattrs].map(([name, value]) => `${name}=${Buffer.from(value).toString()}`).sort();
        return [(await bytesOf(opened.reader)).toString(), ...named].join(' ');
      };
      const write = async (text: string, names: readonly string[]): Promise<void> => {
        const writer = other.create(path);
        await writer.write(Buffer.from(text));
        await writer.commit({ xattrs: new Map(names.map((name) => [name, Buffer.from(text)])) });
      };
      try {
        for (const [text, names] of [
          ['one', []],
          ['two', ['s3-etag', 's3-meta', 's3-tags']],
          ['three', ['s3-etag']],
        ] as const) {
          await write(text, names);
          for (let again = 0; again < 2; again++) {
            expect(await found(path)).toBe([text, ...names.map((name) => `${name}=${text}`)].join(' '));
          }
        }
        await other.rename(['a', 'b'], ['a', 'moved']);
        expect(await failure(found(path))).toBe('ENOENT');
        expect(await found(['a', 'moved', 'c', 'key'])).toBe('three s3-etag=three');
        await write('four', []);
        expect(await found(path)).toBe('four');
        await other.removeTree(['a', 'b']);
        expect(await failure(found(path))).toBe('ENOENT');
        await other.unlink(['a', 'moved', 'c', 'key']);
        expect(await failure(found(['a', 'moved', 'c', 'key']))).toBe('ENOENT');
      } finally {
        await other.close();
      }
    });

    it('is opened with many others at once, without those that are gone and directories', async () => {
      await open({ blockSizeKiB: 64 });
      const inodes = await Promise.all(['a', 'b', 'c'].map((name) => put(['d', name], `content of ${name}`)));
      const large = await put(['d', 'large'], Buffer.alloc(200 * KIB, 7));
      const directory = (await volume.stat(['d'])).inode;
      await volume.unlink(['d', 'b'], { skipTrash: true });
      const readers = await volume.openInodes([...inodes, large, directory]);
      const contents = await Promise.all(readers.map(async (reader) => reader && Buffer.from(await reader.readAll())));
      for (const reader of readers) await reader?.close();
      expect(contents.map((bytes) => bytes?.subarray(0, 12).toString())).toEqual([
        'content of a',
        undefined,
        'content of c',
        '\x07'.repeat(12),
        undefined,
      ]);
      expect(contents[3]?.length).toBe(200 * KIB);
      expect(readers[0]?.attributes).toMatchObject({ inode: inodes[0], size: 12, type: 'file' });
      expect(await volume.openInodes([])).toEqual([]);
    });

    it('is found below many directories at once, by its name', async () => {
      await open({});
      const names = Array.from({ length: 70 }, (_, index) => `d${index}`);
      for (const name of names) await put([name, name === 'd3' ? 'other' : 'file'], name);
      const directories = await Promise.all(names.map(async (name) => (await volume.stat([name])).inode));
      const found = await volume.childrenNamed(directories, 'file');
      const expected = await Promise.all(names.map((name) => volume.stat([name, 'file']).catch(() => undefined)));
      expect(found).toEqual(expected);
      expect(found[3]).toBeUndefined();
      expect(await volume.childrenNamed([], 'file')).toEqual([]);
    });

    it('is refused when another file stands there than was expected', async () => {
      const inode = await put(['f'], 'x');
      await put(['f'], 'y');
      expect(await failure(volume.open(['f'], { expectInode: inode }))).toBe('ENOENT');
      expect(await failure(volume.open(['f', 'g']))).toBe('ENOTDIR');
      expect(await failure(volume.open([]))).toBe('EISDIR');
    });
  });

  describe('names that could climb or hide', () => {
    beforeEach(() => open({}));

    it.each([
      ['', 'EINVAL'],
      ['.', 'EINVAL'],
      ['..', 'EINVAL'],
      ['a/b', 'EINVAL'],
      ['a\0', 'EINVAL'],
      ['\ud800', 'EINVAL'],
      ['n'.repeat(256), 'ENAMETOOLONG'],
      ['ü'.repeat(128), 'ENAMETOOLONG'],
    ])('are refused: %j', async (name, code) => {
      const attempt = async (): Promise<void> => void (await volume.create(['d', name]).commit());
      expect(await failure(attempt())).toBe(code);
      expect(await failure(volume.mkdir([name]))).toBe(code);
    });

    it('cannot put anything into the trash, nor take the trash away', async () => {
      expect(await failure(put(['.trash', 'x'], 'x'))).toBe('EPERM');
      expect(await failure(put(['.trash'], 'x'))).toBe('EISDIR');
      expect(await failure(volume.rmdir(['.trash']))).toBe('EPERM');
      expect(await failure(volume.rename(['.trash'], ['t']))).toBe('EPERM');
      expect(await failure(volume.mkdir(['.trash', 'x']))).toBe('EPERM');
    });
  });

  describe('a dump', () => {
    it('of any size is loaded, and dumped again as the same text', { timeout: 180_000 }, async () => {
      const golden = unpackGolden('sqlite-posix');
      try {
        await open({});
        await volume.close();
        const metaUrl = await engine.newMetaUrl(mkdtempSync(join(made.directory, 'loaded-')));
        const file = join(golden.directory, 'dump.json');
        await loadVolume(metaUrl, createReadStream(file, 'utf8'), ADMIN);
        let text = '';
        const write = async (part: string): Promise<void> => {
          text += part;
        };
        await dumpVolume(metaUrl, { ...ADMIN, keepSecrets: true, write });
        const session = /"nextSession": \d+/;
        expect(text.replace(session, '')).toBe(readFileSync(file, 'utf8').replace(session, ''));
        const report = await checkTree(metaUrl, { ...ADMIN, path: [], recursive: true, syncDirStat: true });
        expect(report.problems).toEqual([]);
      } finally {
        rmSync(golden.directory, { recursive: true });
      }
    });
  });

  async function dumped(metaUrl: string): Promise<string> {
    let text = '';
    const write = async (part: string): Promise<void> => {
      text += part;
    };
    await dumpVolume(metaUrl, { ...ADMIN, keepSecrets: true, write });
    return text;
  }

  async function loaded(text: string): Promise<string> {
    const metaUrl = await engine.newMetaUrl(mkdtempSync(join(made.directory, 'loaded-')));
    const source = (async function* () {
      yield text;
    })();
    await loadVolume(metaUrl, source, ADMIN);
    return metaUrl;
  }

  describe('names that are not UTF-8, as mounts make them', () => {
    it('are listed, read, removed, renamed and dumped as the bytes they are', async () => {
      await open({ trashDays: 0 });
      for (const name of ['RAW1', 'RAW2', 'é', 'z']) await put(['d', name], name);
      await put(['RAWDIR', 'RAW1'], 'inner');
      await volume.close();
      const text = (await dumped(made.metaUrl))
        .replaceAll('"RAW1"', '"%80"')
        .replaceAll('"RAW2"', '"a%FFb"')
        .replaceAll('"RAWDIR"', '"%FE"');
      const metaUrl = await loaded(text);
      volume = await openVolume(metaUrl, { deleteGraceMs: 0 });
      expect(await names([])).toEqual(['d', '\udcfe']);
      expect(await names(['d'])).toEqual(['a\udcffb', 'z', '\udc80', 'é']);
      expect((await read(['\udcfe', '\udc80'])).toString()).toBe('inner');
      expect(JSON.parse(await dumped(metaUrl)).FSTree.entries['%FE'].entries).toHaveProperty('%80');
      const after: string[] = [];
      for await (const { name } of volume.list(['d'], { after: 'a\udcffb', pageSize: 1 })) after.push(name);
      expect(after).toEqual(['z', '\udc80', 'é']);
      const starting: string[] = [];
      for await (const { name } of volume.list(['d'], { prefix: 'a\udcff' })) starting.push(name);
      expect(starting).toEqual(['a\udcffb']);
      expect(await failure(put(['d', '\udcff'], 'new'))).toBe('EINVAL');
      expect(await failure(volume.stat(['d', '\udcc3\udca9']))).toBe('EINVAL');
      await volume.rename(['d', 'a\udcffb'], ['d', 'ab']);
      expect(await volume.unlinkMany(['d'], ['ab', '\udc80'])).toEqual([undefined, undefined]);
      await volume.removeTree(['\udcfe']);
      expect(await names([])).toEqual(['d']);
      expect(await names(['d'])).toEqual(['z', 'é']);
    });
  });

  describe('a default access control list', () => {
    const list = (mask: number) => ({
      owner: 7,
      group: 5,
      other: 4,
      mask,
      users: [{ id: 1001, perm: 6 }],
      groups: null,
    });
    const minimal = { owner: 7, group: 5, other: 0, mask: 0xffff, users: null, groups: null };

    interface DumpedEntry {
      readonly attr: { readonly mode: number };
      readonly posix_acl_access?: unknown;
      readonly posix_acl_default?: unknown;
      readonly entries: Readonly<Record<string, DumpedEntry>>;
    }

    it('is passed on to what is made in its directory, as a mode and as lists of their own', async () => {
      await open({});
      await volume.mkdir(['listed']);
      await volume.mkdir(['minimal']);
      await volume.close();
      const parsed = JSON.parse(await dumped(made.metaUrl));
      parsed.FSTree.entries.listed.posix_acl_default = list(7);
      parsed.FSTree.entries.minimal.posix_acl_default = minimal;
      const metaUrl = await loaded(JSON.stringify(parsed));
      volume = await openVolume(metaUrl, {});
      const racing = ['a', 'b', 'c', 'd'].map((name) => put(['listed', 'sub', 'deeper', name], name));
      await Promise.all(racing);
      await put(['minimal', 'f'], 'x');
      await put(['minimal', 'sub', 'f'], 'x');
      expect(await volume.stat(['listed', 'sub', 'deeper', 'a'])).toMatchObject({ mode: 0o664 });
      await volume.close();
      const { entries } = JSON.parse(await dumped(metaUrl)).FSTree as DumpedEntry;
      const deeper = entries.listed?.entries.sub?.entries.deeper;
      expect(deeper).toMatchObject({ posix_acl_default: list(7), posix_acl_access: list(7) });
      expect(deeper?.attr.mode).toBe(0o774);
      expect(Object.keys(deeper?.entries ?? {})).toEqual(['a', 'b', 'c', 'd']);
      for (const file of Object.values(deeper?.entries ?? {})) {
        expect(file).toMatchObject({ posix_acl_access: { ...list(6), owner: 6 } });
        expect(file).not.toHaveProperty('posix_acl_default');
        expect(file.attr.mode).toBe(0o664);
      }
      expect(entries.minimal?.entries.f).toMatchObject({ attr: { mode: 0o640 } });
      expect(entries.minimal?.entries.f).not.toHaveProperty('posix_acl_access');
      expect(entries.minimal?.entries.sub).toMatchObject({ attr: { mode: 0o750 }, posix_acl_default: minimal });
    });
  });

  describe('a change of many parts', () => {
    beforeEach(() => open({ trashDays: 0 }));

    it('copies the bytes where a chunk would get more records than a row holds', { timeout: 60_000 }, async () => {
      const inode = await put(['part'], pattern(1000));
      const pieces = Array.from({ length: 3000 }, (_, i) => ({
        inode,
        start: i % 900,
        end: (i % 900) + 1 + (i % 100),
      }));
      await volume.composeFile(['whole'], pieces, { xattrs: new Map([['s3-etag', Buffer.from('e')]]) });
      const whole = Buffer.concat(pieces.map(({ start, end }) => pattern(1000).subarray(start, end)));
      expect((await read(['whole'])).equals(whole)).toBe(true);
      expect((await volume.statWithXattrs(['whole'])).xattrs.has('s3-etag')).toBe(true);
      const gone = [...pieces, { inode, start: 0, end: 1001 }];
      expect(await failure(volume.composeFile(['whole'], gone))).toBe('EINVAL');
      await volume.close();
      expect(await made.check()).toEqual([]);
    });

    it('makes a file of 140 pieces, and removes their directory', { timeout: 180_000 }, async () => {
      const pieces = [];
      for (let i = 0; i < 140; i++) {
        const inode = await put(['parts', String(i)], Buffer.alloc(10 + i, i));
        pieces.push({ inode, start: 0, end: 10 + i });
      }
      await volume.composeFile(['whole'], pieces, { removeAfter: ['parts'] });
      const expected = Buffer.concat(pieces.map((_, i) => Buffer.alloc(10 + i, i)));
      expect((await read(['whole'])).equals(expected)).toBe(true);
      expect(await failure(volume.stat(['parts']))).toBe('ENOENT');
      const names = Array.from({ length: 60 }, (_, i) => `f${i}`);
      await Promise.all(names.map((name) => put(['d', name], name)));
      expect((await volume.unlinkMany(['d'], names)).filter((result) => result !== undefined)).toEqual([]);
      expect(await volume.isEmpty(['d'])).toBe(true);
      await volume.close();
      expect(await made.check()).toEqual([]);
    });
  });
}
