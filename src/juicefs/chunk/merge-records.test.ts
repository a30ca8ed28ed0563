import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planMerge } from './merge-records.ts';
import { overlay, type SliceRecord } from './slice-record.ts';

const UNIT = 256 * 1024;
const UNITS = 64;

/** What a reader sees, unit by unit: `id:offset`, or a hole. */
function seen(records: readonly SliceRecord[]): string[] {
  const units = new Array<string>(UNITS).fill('-');
  for (const { pos, id, off, len } of overlay(records)) {
    for (let at = 0; at < len; at += UNIT) units[(pos + at) / UNIT] = `${id}:${(off + at) / UNIT}`;
  }
  return units;
}

const record = fc
  .record({
    pos: fc.integer({ min: 0, max: UNITS - 1 }),
    len: fc.integer({ min: 1, max: 16 }),
    off: fc.integer({ min: 0, max: 3 }),
    id: fc.integer({ min: 0, max: 40 }),
  })
  .map(({ pos, len, off, id }): SliceRecord => {
    const units = Math.min(len, UNITS - pos);
    const offset = id === 0 ? 0 : off;
    return { pos: pos * UNIT, id: BigInt(id), size: (offset + units) * UNIT, off: offset * UNIT, len: units * UNIT };
  });

describe('planMerge', () => {
  it('never changes what a reader sees', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 24 }), (records) => {
        const plan = planMerge(records);
        if (plan === undefined) return;
        const before = seen(records);
        // The merged slice holds the bytes seen in its stretch: name them by where they came from.
        const after = seen([
          ...records.slice(0, plan.skipped),
          { pos: plan.pos, id: 999n, size: plan.size, off: 0, len: plan.size },
        ]).map((unit) => {
          if (!unit.startsWith('999:')) return unit;
          return seen(plan.replaced)[plan.pos / UNIT + Number(unit.slice(4))];
        });
        // Holes alone become one byte, which is a unit here.
        expect(after).toEqual(before);
      }),
      { numRuns: 2000 },
    );
  });

  const MIB = 1 << 20;
  const slice = (id: number, pos: number, len: number): SliceRecord => ({
    pos: pos * MIB,
    id: BigInt(id),
    size: len * MIB,
    off: 0,
    len: len * MIB,
  });

  it('leaves large records at the front alone, unless something lies over them', () => {
    const small = (id: number, pos: number): SliceRecord => slice(id, pos, 0.5);
    expect(planMerge([slice(1, 0, 8), small(2, 8), small(3, 8.5)])).toMatchObject({
      skipped: 1,
      pos: 8 * MIB,
      size: MIB,
    });
    expect(planMerge([slice(1, 0, 8), small(2, 7), small(3, 8)])).toMatchObject({
      skipped: 0,
      pos: 0,
      size: 8.5 * MIB,
    });
    expect(planMerge([small(1, 0), slice(2, 1, 8)])).toMatchObject({ skipped: 0, size: 9 * MIB });
  });

  it('has nothing to do for one record, or none', () => {
    expect(planMerge([])).toBeUndefined();
    expect(planMerge([slice(1, 0, 1)])).toBeUndefined();
    expect(planMerge([slice(1, 0, 8), slice(2, 8, 2)])).toBeUndefined();
  });

  it('makes one byte of holes alone', () => {
    const hole = { pos: 0, id: 0n, size: 0, off: 0, len: 100 };
    expect(planMerge([hole, hole])).toMatchObject({ skipped: 0, pos: 0, size: 1 });
  });
});
