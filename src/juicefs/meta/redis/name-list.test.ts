import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NameList } from './name-list.ts';

it('has the names in bytewise order, each once, and finds places between them', () => {
  const name = fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 3000 }), name, (names, sought) => {
      const list = new NameList();
      for (const each of names) list.add(each);
      list.sort();
      const expected = [...new Set(names.map((each) => each.toString('latin1')))]
        .map((text) => Buffer.from(text, 'latin1'))
        .sort(Buffer.compare);
      expect(list.length).toBe(expected.length);
      expect(expected.map((_, i) => list.at(i)?.toString('hex'))).toEqual(expected.map((each) => each.toString('hex')));
      expect(list.placeAfter(sought, false)).toBe(expected.filter((each) => Buffer.compare(each, sought) <= 0).length);
      expect(list.placeAfter(sought, true)).toBe(expected.filter((each) => Buffer.compare(each, sought) < 0).length);
    }),
    { numRuns: 100 },
  );
});
