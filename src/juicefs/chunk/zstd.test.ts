import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { contentSize, nativeZstd, wasmZstd, type ZstdCodec } from './zstd.ts';

const native = nativeZstd();
const codecs: [name: string, codec: ZstdCodec][] = [
  ['wasm', wasmZstd()],
  ...(native === undefined ? [] : ([['native', native]] as [string, ZstdCodec][])),
];

describe.each(codecs)('zstd (%s)', (_name, codec) => {
  it.each([1, 255, 256, 65_536, 4 << 20, 16 << 20])(
    'gives back a block of %i bytes, its size in the frame',
    async (size) => {
      const block = Buffer.concat([randomBytes(Math.ceil(size / 2)), Buffer.alloc(Math.floor(size / 2), 7)]);
      const frame = await codec.compress(block);
      expect(contentSize(frame)).toBe(BigInt(size));
      expect(block.equals(await codec.decompress(frame, size))).toBe(true);
    },
  );

  it('gives back many blocks at once, each its own', async () => {
    const blocks = Array.from({ length: 40 }, (_, index) => Buffer.alloc(10_000 + index, index));
    const frames = await Promise.all(blocks.map((block) => codec.compress(block)));
    const back = await Promise.all(frames.map((frame, index) => codec.decompress(frame, 10_000 + index)));
    expect(back.every((block, index) => blocks[index]?.equals(block))).toBe(true);
  });

  it('refuses what is damaged, cut, no frame, or of another size', async () => {
    const block = randomBytes(5000);
    const frame = Buffer.from(await codec.compress(block));
    const flipped = Buffer.from(frame);
    flipped.writeUInt8(0xff, 9);
    flipped.writeUInt8(0xff, 10);
    for (const [stored, size] of [
      [frame, 4999],
      [frame, 5001],
      [frame.subarray(0, 20), 5000],
      [frame.subarray(0, 6), 5000],
      [flipped, 5000],
      [Buffer.from('no frame at all'), 5000],
      [Buffer.alloc(0), 5000],
    ] as const) {
      await expect(codec.decompress(stored, size)).rejects.toThrow();
    }
    // and goes on working
    expect(block.equals(await codec.decompress(frame, 5000))).toBe(true);
  });

  it('gives no memory for a size that a frame merely claims', async () => {
    const claims = Buffer.from('28b52ffde0ffffffffffffff7f010000', 'hex');
    await expect(codec.decompress(claims, 1000)).rejects.toThrow(/holds 9223372036854775807 bytes, not 1000/);
  });
});

describe('zstd frames', () => {
  it('of a frame without content size say so, and are still held to the size', async () => {
    const [, codec] = codecs[0] ?? [];
    // `zstd --no-content-size` of 100 bytes 'a'
    const frame = Buffer.from('28b52ffd0458550000106161010057 2a6102'.replace(/ /g, ''), 'hex');
    expect(contentSize(frame)).toBeUndefined();
    await expect(codec?.decompress(frame, 64)).rejects.toThrow();
  });
});
