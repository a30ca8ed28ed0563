import { describe, expect, it } from 'vitest';
import { blockBytes, blockCount, blockKey } from './block-key.ts';

const layout = { volume: 'vol', blockSize: 4 * 1024 * 1024, hashPrefix: false };

describe('block keys', () => {
  it('group slices by thousands and millions', () => {
    expect(blockKey(layout, 1n, 0, 303)).toBe('vol/chunks/0/0/1_0_303');
    expect(blockKey(layout, 1_234_567n, 2, 4194304)).toBe('vol/chunks/1/1234/1234567_2_4194304');
  });

  it('begin with a hash of two upper-case digits where the volume wants it', () => {
    expect(blockKey({ ...layout, hashPrefix: true }, 1_000_171n, 0, 5)).toBe('vol/chunks/EB/1/1000171_0_5');
    expect(blockKey({ ...layout, hashPrefix: true }, 10n, 0, 5)).toBe('vol/chunks/0A/0/10_0_5');
  });

  it('cut a slice into full blocks and a rest', () => {
    const size = 2 * layout.blockSize + 1;
    expect(blockCount(layout, size)).toBe(3);
    expect([0, 1, 2].map((index) => blockBytes(layout, size, index))).toEqual([layout.blockSize, layout.blockSize, 1]);
    expect(blockCount(layout, 0)).toBe(0);
  });
});
