import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PieceList } from './piece-list.ts';

test('the pieces are the bytes, in order, however they came', () => {
  const sizes = fc.array(fc.oneof(fc.nat(200), fc.nat(20_000), fc.nat(90_000)), { maxLength: 60 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const list = new PieceList();
      const came = lengths.map((length, i) => Buffer.alloc(length, i + 1));
      for (const bytes of came) list.add(bytes);
      const whole = Buffer.concat(came);
      expect(list.length).toBe(whole.length);
      expect(Buffer.concat(list.takeAll()).equals(whole)).toBe(true);
      expect(list.length).toBe(0);
      expect(list.takeAll()).toEqual([]);
    }),
  );
});

test('large pieces are not copied, small ones do not keep what they came in', () => {
  const list = new PieceList();
  const large = Buffer.alloc(100_000);
  list.add(large);
  const small = Buffer.alloc(1_000_000).subarray(0, 10);
  for (let i = 0; i < 100; i++) list.add(small);
  list.add(large);
  const pieces = list.takeAll();
  expect(pieces).toHaveLength(3);
  expect(pieces[0]?.buffer).toBe(large.buffer);
  expect(pieces[1]).toHaveLength(1000);
  expect(pieces[1]?.buffer).not.toBe(small.buffer);
});

test('a small piece that stays the only one is not copied, unless it holds much memory', () => {
  const list = new PieceList();
  const small = Buffer.alloc(4_096);
  list.add(small);
  expect(list.takeAll()[0]?.buffer).toBe(small.buffer);
  const part = Buffer.alloc(1_000_000).subarray(0, 10);
  list.add(part);
  expect(list.takeAll()[0]?.buffer).not.toBe(part.buffer);
});

test('what is added after the pieces were taken leaves them as they are', () => {
  const list = new PieceList();
  list.add(Buffer.from('first'));
  const taken = list.takeAll();
  list.add(Buffer.from('other'));
  expect(Buffer.concat(taken).toString()).toBe('first');
});
