import { describe, expect, it } from 'vitest';
import type { ByteRange, ObjectStore } from '../storage/object-store.ts';
import type { ReadBuffers } from '../storage/read-buffers.ts';
import type { Attributes } from '../volume.ts';
import { blockCodec } from './block-codec.ts';
import { BlockStore } from './block-store.ts';
import { Budget } from './byte-budget.ts';
import { SliceFileReader } from './file-reader.ts';
import { encodeRecords } from './slice-record.ts';

const MIB = 1024 * 1024;
const SIZE = 16 * MIB;
const LEAST = 128 * 1024;

const NEVER = async (): Promise<never> => {
  throw new Error('not asked for here');
};

/** A store of files that gives zeros and says what it was asked for. */
function zeros(asked: number[]): ObjectStore {
  return {
    description: 'zeros',
    readUnit: MIB,
    local: true,
    get: async (_key: string, range?: ByteRange, _signal?: AbortSignal, buffers?: ReadBuffers) => {
      const bytes = (range?.end ?? SIZE) - (range?.start ?? 0);
      asked.push(bytes);
      return buffers?.take(bytes).fill(0) ?? new Uint8Array(bytes);
    },
    put: NEVER,
    head: NEVER,
    delete: NEVER,
    list: async function* () {},
    createBucket: NEVER,
    close: NEVER,
  };
}

const ATTRIBUTES: Attributes = {
  inode: 1n,
  type: 'file',
  mode: 0,
  uid: 0,
  gid: 0,
  atimeNs: 0n,
  mtimeNs: 0n,
  ctimeNs: 0n,
  nlink: 1,
  size: SIZE,
  parent: 1n,
};

function setUp(budget: number) {
  const asked: number[] = [];
  const layout = { volume: 'v', blockSize: 4 * MIB, hashPrefix: false };
  const limits = { maxUploads: 1, maxDownloads: 1000, maxDeletes: 1, prefetch: 0 };
  const blocks = new BlockStore(zeros(asked), blockCodec('none'), layout, limits);
  const held = new Budget(budget);
  const record = encodeRecords([{ pos: 0, id: 7n, size: SIZE, off: 0, len: SIZE }]);
  const start = (size = SIZE): AsyncIterator<Uint8Array> => {
    const parts = { attributes: { ...ATTRIBUTES, size }, chunks: new Map([[0, record]]), blocks, held };
    const reader = new SliceFileReader({ ...parts, onClose: () => undefined });
    return reader.read(0, size, undefined, { reuse: true })[Symbol.asyncIterator]();
  };
  const total = (): number => asked.reduce((sum, bytes) => sum + bytes, 0);
  return { asked, held, start, total };
}

async function rest(reader: AsyncIterator<Uint8Array>): Promise<number> {
  let bytes = 0;
  for (let next = await reader.next(); next.done !== true; next = await reader.next()) bytes += next.value.length;
  return bytes;
}

describe('many readers at once', () => {
  it.each([SIZE, MIB])('hold little, however many of them take nothing (objects of %i bytes)', async (size) => {
    const { total, start } = setUp(32 * MIB);
    const readers = Array.from({ length: 256 }, () => start(size));
    for (const reader of readers) expect((await reader.next()).done).toBe(false);
    expect(total()).toBeLessThanOrEqual(16 * MIB + 256 * LEAST);
    for (const reader of readers) await reader.return?.();
  });

  it('leave room for those that take what they are given', async () => {
    const { asked, start } = setUp(32 * MIB);
    const stalled = Array.from({ length: 256 }, () => start());
    for (const reader of stalled) await reader.next();
    asked.length = 0;
    expect(await rest(start())).toBe(SIZE);
    // The first piece is a small one; then there are whole units.
    expect(asked.length).toBeLessThanOrEqual(SIZE / MIB + 4);
    for (const reader of stalled) await reader.return?.();
  });

  it('give back all that they held, whether they read to the end, stop or fail', async () => {
    const { held, start } = setUp(32 * MIB);
    const readers = Array.from({ length: 64 }, () => start());
    for (const reader of readers) await reader.next();
    for (const [i, reader] of readers.entries()) {
      if (i % 2 === 0) await reader.return?.();
      else expect(await rest(reader)).toBeGreaterThan(0);
    }
    expect(held.tryAcquire(32 * MIB)).toBe(true);
  });

  it('go on in small pieces where nothing is left for them', async () => {
    const { asked, held, start } = setUp(4 * MIB);
    held.tryAcquire(4 * MIB);
    expect(await rest(start())).toBe(SIZE);
    expect(Math.max(...asked)).toBe(LEAST);
  });
});
