import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PackedWords, type Word } from './packed-words.ts';

function unpacked(bytes: Buffer): Buffer[] {
  const words: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    words.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return words;
}

test('a marked word is the mark and what it marks', () => {
  const packed = new PackedWords();
  packed.addMarked('+', 'ä');
  packed.addMarked('+', Buffer.alloc(40_000, 1));
  const [text, bytes] = unpacked(packed.whole());
  expect(text?.toString()).toBe('+ä');
  expect(bytes?.equals(Buffer.concat([Buffer.from('+'), Buffer.alloc(40_000, 1)]))).toBe(true);
});

test('what was gathered stays when something else is', () => {
  const [first, second] = ['first', 'other'].map((word) => {
    const packed = new PackedWords();
    packed.add(word);
    return packed.whole();
  });
  expect([first, second].map((bytes) => bytes?.subarray(4).toString())).toEqual(['first', 'other']);
});

test('every word comes out as it went in', () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.string({ maxLength: 60 }),
    fc.integer(),
    fc.uint8Array({ maxLength: 1000 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 60 }), (words: Word[]) => {
      const packed = new PackedWords();
      for (const each of words) packed.add(each);
      const expected = words.map((each) => (Buffer.isBuffer(each) ? each : Buffer.from(String(each))));
      expect(unpacked(packed.whole()).map((each) => each.toString('latin1'))).toEqual(
        expected.map((each) => each.toString('latin1')),
      );
    }),
  );
});
