// `policy diff` on documents that were changed. `npm run fuzz -- diff` tries many more.
import { describe, expect, it } from 'vitest';
import { difference, findDifferences } from './found-differences.ts';
import { mutations } from './policy-mutations.ts';

const COUNT = 100;
const SEED = 20_261;

describe('the difference of two policies', () => {
  it(`is found for at least 99 of 100 changes, with witnesses that hold`, () => {
    const { missed } = findDifferences(COUNT, SEED);
    expect(missed.length, missed.join('\n\n')).toBeLessThanOrEqual(COUNT / 100);
  });

  it('is none where a document is only written otherwise', () => {
    for (const { before, kind } of mutations(20, SEED + 1)) {
      const { Statement, ...rest } = JSON.parse(before);
      const after = JSON.stringify({ ...rest, Statement: [...Statement].reverse() });
      const diff = difference({ kind, before, after });
      expect(diff).toMatchObject({ same: true, newlyAllowed: [], newlyDenied: [] });
    }
  });
});
