import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VolumeError } from '../volume.ts';
import { CHUNK_SIZE, decodeRecords, encodeRecords, overlay, type SliceRecord } from './slice-record.ts';

/** A chunk small enough to be laid out byte by byte. */
const SPAN = 64;

const record = fc
  .record({ pos: fc.nat(SPAN - 1), id: fc.nat(6), off: fc.nat(20), length: fc.nat(SPAN) })
  .map(({ pos, id, off, length }): SliceRecord => {
    const len = Math.min(length, SPAN - pos);
    return { pos, id: BigInt(id), size: off + len + 3, off, len };
  });

describe('overlay', () => {
  it('shows what writing the records one after the other into an array shows', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), (records) => {
        const plain = Array<string>(SPAN).fill('0');
        for (const { pos, id, off, len } of records) {
          for (let i = 0; i < len; i++) plain[pos + i] = id === 0n ? '0' : `${id}:${off + i}`;
        }
        const shown = Array<string>(SPAN).fill('0');
        let end = 0;
        for (const { pos, id, off, len } of overlay(records)) {
          expect(pos).toBeGreaterThanOrEqual(end);
          expect(len).toBeGreaterThan(0);
          end = pos + len;
          for (let i = 0; i < len; i++) shown[pos + i] = `${id}:${off + i}`;
        }
        expect(shown).toEqual(plain);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('stored records', () => {
  it('are 24 bytes, big-endian', () => {
    const records = [{ pos: 0, id: 6n, size: 5 * 1024 * 1024, off: 0, len: 5 * 1024 * 1024 }];
    expect(encodeRecords(records).toString('hex')).toBe('000000000000000000000006005000000000000000500000');
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(record), (records) => {
        expect(decodeRecords(encodeRecords(records), 'here')).toEqual(records);
      }),
    );
  });

  it.each([
    ['cut', encodeRecords([{ pos: 0, id: 1n, size: 5, off: 0, len: 5 }]).subarray(0, 23)],
    ['beyond the slice', encodeRecords([{ pos: 0, id: 1n, size: 5, off: 1, len: 5 }])],
    ['beyond the chunk', encodeRecords([{ pos: CHUNK_SIZE - 1, id: 1n, size: 5, off: 0, len: 2 }])],
  ])('that are %s are an I/O error', (_how, stored) => {
    expect(() => decodeRecords(stored, 'inode 7, chunk 0')).toThrow(VolumeError);
    expect(() => decodeRecords(stored, 'inode 7, chunk 0')).toThrow(/EIO: .*inode 7, chunk 0/);
  });
});
