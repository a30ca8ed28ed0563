// Compaction of chunks that lie in many pieces: by reading them, beside readers and writers, with trash and without.
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Budget } from '../../src/juicefs/chunk/byte-budget.ts';
import { openVolume, type Volume, type VolumeOptions } from '../../src/juicefs/index.ts';
import { BackgroundCompaction, type CompactionParts, compactChunk } from '../../src/juicefs/maintenance/compaction.ts';
import { openEngine } from '../../src/juicefs/meta/meta-url.ts';
import { openParts } from '../../src/juicefs/open-volume.ts';
import { eventually } from '../harness/waiting.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';
import { checkVolume } from './volume-check.ts';

let made: TemporaryVolume | undefined;
const open: Volume[] = [];
afterEach(async () => {
  for (const volume of open.splice(0)) await volume.close();
  made?.remove();
});

async function openIt(options: VolumeOptions = {}): Promise<Volume> {
  if (made === undefined) throw new Error('no volume was made');
  const volume = await openVolume(made.metaUrl, { deleteGraceMs: 10, ...options });
  open.push(volume);
  return volume;
}

/** A file of so many pieces, each a slice of its own; its bytes. */
async function writePieces(volume: Volume, name: string, count: number, size = 50_000): Promise<Buffer> {
  const pieces = [];
  const content: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const body = randomBytes(size + index);
    const writer = volume.create(['parts', `${name}-${index}`]);
    await writer.write(body);
    const { inode } = await writer.commit();
    pieces.push({ inode, start: 0, end: body.length });
    content.push(body);
  }
  await volume.composeFile([name], pieces, { removeAfter: ['parts'] });
  return Buffer.concat(content);
}

async function read(volume: Volume, name: string): Promise<Buffer> {
  const reader = await volume.open([name]);
  try {
    const parts: Uint8Array[] = [];
    for await (const bytes of reader.read(0, Number.MAX_SAFE_INTEGER)) parts.push(bytes);
    return Buffer.concat(parts);
  } finally {
    await reader.close();
  }
}

async function recordsOf(inode: bigint): Promise<number> {
  const engine = await openEngine(made?.metaUrl ?? '', { readOnly: true });
  try {
    const chunks = await engine.look(async (reader) => reader.chunks(inode));
    return chunks.reduce((total, { slices }) => total + slices.length / 24, 0);
  } finally {
    await engine.close();
  }
}

describe.each([
  ['with trash', 1],
  ['without trash', 0],
])('compaction %s', (_name, trashDays) => {
  it('makes one slice of a file that is read, and the file stays what it was', async () => {
    made = await makeVolume({ trashDays });
    const volume = await openIt();
    const content = await writePieces(volume, 'file', 7);
    const { inode } = await volume.stat(['file']);
    expect(await recordsOf(inode)).toBe(7);
    expect((await read(volume, 'file')).equals(content)).toBe(true);
    await eventually('the chunk is compacted', async () => (await recordsOf(inode)) === 1);
    expect((await read(volume, 'file')).equals(content)).toBe(true);
    await volume.close();
    const { database, objects } = made;
    await eventually('nothing is left over', () => checkVolume(database, objects).length === 0);
  });

  it('leaves four pieces alone, and everything when told so', async () => {
    made = await makeVolume({ trashDays });
    const volume = await openIt({ backgroundJobs: false });
    await writePieces(volume, 'many', 9);
    await read(volume, 'many');
    const other = await openIt();
    await writePieces(other, 'four', 4);
    await read(other, 'four');
    await other.close();
    await volume.close();
    expect(checkVolume(made.database, made.objects)).toEqual([]);
    const fresh = await openIt({ readOnly: true });
    expect(await recordsOf((await fresh.stat(['many'])).inode)).toBe(9);
    expect(await recordsOf((await fresh.stat(['four'])).inode)).toBe(4);
  });

  it('does no harm to a reader that had opened the file before', async () => {
    made = await makeVolume({ trashDays });
    const volume = await openIt({ backgroundJobs: false });
    const content = await writePieces(volume, 'file', 40, 100_000);
    const reader = await volume.open(['file']);
    const other = await openIt();
    const { inode } = await volume.stat(['file']);
    const parts: Uint8Array[] = [];
    for await (const bytes of reader.read(0, content.length)) {
      parts.push(bytes);
      if (parts.length === 1) {
        await read(other, 'file');
        await eventually('the chunk is compacted', async () => (await recordsOf(inode)) === 1);
        // long enough for the replaced slices to be gone
        await other.close();
      }
    }
    await reader.close();
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });
});

describe('compaction', () => {
  const partsOf = async (): Promise<CompactionParts & { close(): Promise<void> }> => {
    const engine = await openEngine(made?.metaUrl ?? '', {});
    const parts = await openParts(engine, { deleteGraceMs: 10 });
    return { ...parts, buffers: new Budget(1 << 26), close: () => engine.close() };
  };

  it('gives up when the chunk was changed meanwhile, and leaves nothing', async () => {
    made = await makeVolume({ trashDays: 0 });
    const volume = await openIt({ backgroundJobs: false });
    const content = await writePieces(volume, 'file', 6);
    const { inode } = await volume.stat(['file']);
    const parts = await partsOf();
    const { database, objects } = made;
    const look = parts.fs.engine.look.bind(parts.fs.engine);
    let looks = 0;
    // Another client compacts between this one's reading and its commit.
    parts.fs.engine.look = async (body) => {
      const found = await look(body);
      if (looks++ === 0) await compactChunk(parts, inode, 0);
      return found;
    };
    expect(await compactChunk(parts, inode, 0)).toEqual({ outcome: 'lost' });
    await eventually('nothing is left over', () => checkVolume(database, objects).length === 0);
    await parts.close();
    expect((await read(volume, 'file')).equals(content)).toBe(true);
    await volume.close();
  });

  it('replaces nothing when a block is missing', async () => {
    made = await makeVolume({ trashDays: 0 });
    const volume = await openIt({ backgroundJobs: false });
    await writePieces(volume, 'file', 6);
    const { inode } = await volume.stat(['file']);
    const parts = await partsOf();
    const get = parts.blocks.get.bind(parts.blocks);
    let gets = 0;
    parts.blocks.get = (...given) => (gets++ === 3 ? Promise.reject(new Error('gone')) : get(...given));
    await expect(compactChunk(parts, inode, 0)).rejects.toThrow('gone');
    expect(await recordsOf(inode)).toBe(6);
    const background = new BackgroundCompaction(parts);
    await background.stop();
    await parts.close();
    await volume.close();
    expect(checkVolume(made.database, made.objects)).toEqual([]);
  });
});
