// Volumes shared with the real JuiceFS client (its library, version 1.0.2): what one side writes the other reads, one after
// the other and at the same time. Needs LIBJFS, the path of libjfs.so, and python3; skipped without (see CONTRIBUTING.md).
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FormatSettings, openVolume, type Volume, type VolumePath } from '../../src/juicefs/index.ts';
import {
  type EngineKind,
  MARIADB_ENGINE,
  POSTGRES_DATABASE_ENGINE,
  REDIS_ENGINE,
  type RunningEngine,
  SQLITE_ENGINE,
} from '../contract/meta-engines.ts';
import { mulberry32 } from '../contract/random-volume.ts';
import { makeVolume, type TemporaryVolume } from '../contract/temporary-volume.ts';

const LIBRARY = process.env.LIBJFS ?? '';
const DRIVER = fileURLToPath(new URL('./libjfs-driver.py', import.meta.url));
/** How long both write at once; longer by hand. */
const MIXED_SECONDS = Number(process.env.LIBJFS_SECONDS ?? 6);
const MIB = 1024 * 1024;

interface Answer {
  readonly result?: unknown;
  readonly errno?: number;
}

/** The real client in a process of its own: a Go runtime takes over its process' signals. */
class RealClient {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(metaUrl: string, name: string) {
    this.#process = spawn('python3', ['-B', DRIVER, LIBRARY, metaUrl, name], { stdio: ['pipe', 'pipe', 'ignore'] });
    if (this.#process.stdout === null) throw new Error('the client has no output');
    this.#reader = createInterface(this.#process.stdout);
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async try(...request: readonly (string | number)[]): Promise<Answer> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    // The library logs to the same output.
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error('the client ended');
      if (value.startsWith('{"result"') || value.startsWith('{"errno"')) return JSON.parse(value);
    }
  }

  async do(...request: readonly (string | number)[]): Promise<unknown> {
    const answer = await this.try(...request);
    if (answer.errno !== undefined) throw new Error(`${request.join(' ')}: errno ${answer.errno}`);
    return answer.result;
  }

  async end(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await exited;
    this.#reader.close();
  }
}

/** The same bytes the driver makes of a seed and a size. */
function content(seed: string, size: number): Buffer {
  const digests = Array.from({ length: 512 }, (_, i) => createHash('sha256').update(`${seed}:${i}`).digest());
  return Buffer.alloc(size, Buffer.concat(digests));
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function put(volume: Volume, path: VolumePath, bytes: Buffer): Promise<void> {
  const writer = volume.create(path);
  await writer.write(bytes);
  await writer.commit({ xattrs: new Map([['s3-etag', Buffer.from('etag')]]) });
}

/** As a multipart upload: parts are files of their own, and the whole refers to their slices. */
async function putInParts(volume: Volume, path: VolumePath, bytes: Buffer, upload: string): Promise<void> {
  const half = Math.floor(bytes.length / 2);
  await put(volume, ['.sys', upload, '1'], bytes.subarray(0, half));
  await put(volume, ['.sys', upload, '2'], bytes.subarray(half));
  const pieces = [];
  for (const part of ['1', '2']) {
    const { inode, size } = await volume.stat(['.sys', upload, part]);
    pieces.push({ inode, start: 0, end: size });
  }
  await volume.composeFile(path, pieces, { removeAfter: ['.sys', upload] });
}

async function read(volume: Volume, path: VolumePath): Promise<Buffer> {
  const reader = await volume.open(path);
  const parts: Uint8Array[] = [];
  for await (const part of reader.read(0, reader.attributes.size)) parts.push(part);
  await reader.close();
  return Buffer.concat(parts);
}

/** Settings that the library understands, on engines that it opens. */
const KINDS: readonly (readonly [string, EngineKind, Partial<FormatSettings>])[] = [
  ['SQLite, plain', SQLITE_ENGINE, { blockSizeKiB: 4096 }],
  ['SQLite, lz4, 1 MiB blocks', SQLITE_ENGINE, { blockSizeKiB: 1024, compression: 'lz4' }],
  ['SQLite, hash prefix, no trash', SQLITE_ENGINE, { blockSizeKiB: 256, hashPrefix: true, trashDays: 0 }],
  ['Redis', REDIS_ENGINE, { blockSizeKiB: 1024 }],
  ['MariaDB', MARIADB_ENGINE, { blockSizeKiB: 1024 }],
  ['PostgreSQL, no trash', POSTGRES_DATABASE_ENGINE, { blockSizeKiB: 1024, trashDays: 0 }],
];

describe.skipIf(LIBRARY === '').each(KINDS.filter(([, kind]) => LIBRARY === '' || kind.available()))(
  'a volume shared with the real client (%s)',
  (_kind, kind, settings) => {
    let engine: RunningEngine;
    let made: TemporaryVolume;
    let volume: Volume;
    let real: RealClient;

    beforeAll(async () => {
      engine = await kind.start();
    });
    afterAll(() => engine.stop());

    beforeEach(async () => {
      made = await makeVolume({ compat: '1.0', ...settings }, engine);
      volume = await openVolume(made.metaUrl, { deleteGraceMs: 0 });
      real = new RealClient(made.metaUrl, 'testvol');
    });

    afterEach(() => made.remove());

    const finish = async (): Promise<void> => {
      await volume.close();
      // The real client writes its counts once a second, and deletes data in the background.
      const lenient = { allowPendingDeletes: true, allowLeakedBlocks: true };
      await vi.waitFor(async () => expect(await made.check(lenient)).toEqual([]), {
        timeout: 20_000,
        interval: 200,
      });
      await real.end();
    };

    const SIZES = [0, 1, 4096, 300_000, 4 * MIB, 5 * MIB + 1, 70 * MIB];

    it('is read by it as we wrote it', async () => {
      for (const size of SIZES) await put(volume, ['ours', 'below', `f${size}`], content(`o${size}`, size));
      const { inode, size } = await volume.stat(['ours', 'below', `f${5 * MIB + 1}`]);
      const pieces = [
        { inode, start: 7, end: size },
        { inode, start: 0, end: 7 },
      ];
      await volume.composeFile(['ours', 'composed'], pieces);
      for (const size of SIZES) {
        expect(await real.do('sha256', `/ours/below/f${size}`)).toBe(sha256(content(`o${size}`, size)));
        expect(await real.do('getx', `/ours/below/f${size}`, 's3-etag')).toBe('etag');
      }
      const source = content(`o${size}`, size);
      const composed = Buffer.concat([source.subarray(7), source.subarray(0, 7)]);
      expect(await real.do('sha256', '/ours/composed')).toBe(sha256(composed));
      const names = SIZES.map((size) => `f${size}`).sort();
      expect(((await real.do('ls', '/ours/below')) as [string][]).map(([name]) => name)).toEqual(names);
      await finish();
    });

    it('is read by us as it wrote it', async () => {
      await real.do('mkdir', '/theirs');
      for (const size of SIZES) await real.do('put', `/theirs/f${size}`, `t${size}`, size);
      await real.do('setx', '/theirs/f1', 'user.k', 'v');
      await real.do('trunc', '/theirs/f300000', 100_000);
      await real.do('trunc', '/theirs/f4096', 200_000);
      for (const size of SIZES.filter((size) => size !== 300_000 && size !== 4096)) {
        expect(sha256(await read(volume, ['theirs', `f${size}`]))).toBe(sha256(content(`t${size}`, size)));
      }
      expect((await read(volume, ['theirs', 'f300000'])).equals(content('t300000', 300_000).subarray(0, 100_000))).toBe(
        true,
      );
      const grown = Buffer.concat([content('t4096', 4096), Buffer.alloc(200_000 - 4096)]);
      expect((await read(volume, ['theirs', 'f4096'])).equals(grown)).toBe(true);
      const { xattrs } = await volume.statWithXattrs(['theirs', 'f1']);
      expect(Buffer.from(xattrs.get('user.k') ?? []).toString()).toBe('v');
      await finish();
    });

    it('has its files replaced, renamed and removed by either side', async () => {
      await real.do('mkdir', '/d');
      await real.do('put', '/d/a', 'a', 100_000);
      await put(volume, ['d', 'a'], content('a2', 50_000));
      expect(await real.do('sha256', '/d/a')).toBe(sha256(content('a2', 50_000)));
      await volume.rename(['d', 'a'], ['d', 'b']);
      expect((await real.try('sha256', '/d/a')).errno).toBe(2);
      await real.do('mv', '/d/b', '/c');
      expect(sha256(await read(volume, ['c']))).toBe(sha256(content('a2', 50_000)));
      await volume.rmdir(['d']);
      await real.do('rm', '/c');
      expect(await real.do('ls', '/')).toEqual([]);
      await finish();
    });

    it(`survives both writing at once for ${MIXED_SECONDS} s`, { timeout: (MIXED_SECONDS + 60) * 1000 }, async () => {
      for (const d of ['d0', 'd1', 'd2']) await volume.mkdir([d]);
      const end = Date.now() + MIXED_SECONDS * 1000;
      const written = new Map<string, string>();
      const ours = async (): Promise<void> => {
        const random = mulberry32(1);
        const pick = (n: number): number => Math.floor(random() * n);
        for (let i = 0; Date.now() < end; i++) {
          const name = `d${pick(3)}/o${pick(20)}`;
          const bytes = content(`o${i}`, pick(500_000));
          if (pick(4) === 0) await putInParts(volume, name.split('/'), bytes, `o${i}`);
          else await put(volume, name.split('/'), bytes);
          written.set(name, sha256(bytes));
          expect(sha256(await read(volume, name.split('/')))).toBe(written.get(name));
          if (pick(3) === 0) {
            const to = `d${pick(3)}/o${20 + pick(10)}`;
            await volume.rename(name.split('/'), to.split('/'));
            move(name, to);
          }
          if (pick(4) === 0) {
            const [gone] = [...written.keys()].filter((key) => key.includes('/o'));
            if (gone !== undefined) await volume.unlink(gone.split('/'));
            written.delete(gone ?? '');
          }
        }
      };
      const theirs = async (): Promise<void> => {
        const random = mulberry32(2);
        const pick = (n: number): number => Math.floor(random() * n);
        for (let i = 0; Date.now() < end; i++) {
          const name = `d${pick(3)}/t${pick(20)}`;
          const size = pick(500_000);
          await real.do('put', `/${name}`, `t${i}`, size);
          written.set(name, sha256(content(`t${i}`, size)));
          const to = `d${pick(3)}/t${20 + pick(10)}`;
          if (pick(3) === 0 && !written.has(to)) {
            await real.do('mv', `/${name}`, `/${to}`);
            move(name, to);
          }
          if (pick(4) === 0) {
            const [gone] = [...written.keys()].filter((key) => key.includes('/t'));
            if (gone !== undefined) await real.do('rm', `/${gone}`);
            written.delete(gone ?? '');
          }
        }
      };
      const move = (from: string, to: string): void => {
        written.set(to, written.get(from) ?? '');
        if (from !== to) written.delete(from);
      };
      await Promise.all([ours(), theirs()]);
      expect(written.size).toBeGreaterThan(5);
      for (const [name, hash] of written) {
        expect(sha256(await read(volume, name.split('/')))).toBe(hash);
        expect(await real.do('sha256', `/${name}`)).toBe(hash);
      }
      const names: string[] = [];
      for (const d of ['d0', 'd1', 'd2']) {
        for await (const { name } of volume.list([d])) names.push(`${d}/${name}`);
        const listed = ((await real.do('ls', `/${d}`)) as [string][]).map(([name]) => `${d}/${name}`);
        expect(listed.sort()).toEqual(names.filter((name) => name.startsWith(d)).sort());
      }
      expect(names.sort()).toEqual([...written.keys()].sort());
      await finish();
    });
  },
);
