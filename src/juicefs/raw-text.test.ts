import { describe, expect, it } from 'vitest';
import { bytesOfText, textOfBytes } from './raw-text.ts';

describe('names as text', () => {
  it.each([
    ['plain', 'plain'],
    ['é😀', 'é😀'],
    ['\ufeffbom', '\ufeffbom'],
  ])('are what they are where they are UTF-8: %j', (name, text) => {
    expect(textOfBytes(Buffer.from(name))).toBe(text);
    expect(bytesOfText(text)).toEqual(Buffer.from(name));
  });

  it('keep every byte where they are not, and come back as they were', () => {
    expect(textOfBytes(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xc3, 0x28]))).toBe('a\udcffé\udcc3(');
    let seed = 1;
    for (let i = 0; i < 3000; i++) {
      const bytes = Buffer.from(
        Array.from({ length: 1 + (i % 9) }, () => {
          seed = (seed * 1103515245 + 12345) & 0x7fffffff;
          return (seed >> 12) & 0xff;
        }),
      );
      const text = textOfBytes(bytes);
      expect(bytesOfText(text)).toEqual(bytes);
      const utf8 = bytes.equals(Buffer.from(bytes.toString('utf8')));
      expect(text.isWellFormed()).toBe(utf8);
    }
  });

  it.each(['\ud800', '\udc00', '\udc7f', '\ude00', '\udcc3\udca9', 'x\udced\udca0\udc80\ud83d'])(
    'have one text alone: %j is none',
    (text) => {
      expect(bytesOfText(text)).toBeUndefined();
    },
  );
});
