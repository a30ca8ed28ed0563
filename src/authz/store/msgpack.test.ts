import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMsgpack, MsgpackError } from './msgpack.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('decodeMsgpack', () => {
  // MessagePack specification, "Formats".
  it.each([
    ['00', 0],
    ['7f', 127],
    ['ff', -1],
    ['e0', -32],
    ['c0', null],
    ['c2', false],
    ['c3', true],
    ['cc ff', 255],
    ['cd 01 00', 256],
    ['ce 00 01 00 00', 65_536],
    ['cf 00 00 00 01 00 00 00 00', 4_294_967_296n],
    ['d0 80', -128],
    ['d1 80 00', -32_768],
    ['d2 80 00 00 00', -2_147_483_648],
    ['d3 ff ff ff ff ff ff ff ff', -1n],
    ['ca 3f c0 00 00', 1.5],
    ['cb 3f f8 00 00 00 00 00 00', 1.5],
    ['a3 61 62 63', 'abc'],
    ['d9 03 61 62 63', 'abc'],
    ['da 00 01 61', 'a'],
    ['db 00 00 00 01 61', 'a'],
    ['c4 02 01 02', Uint8Array.from([1, 2])],
    ['c5 00 01 09', Uint8Array.from([9])],
    ['c6 00 00 00 00', new Uint8Array()],
    ['92 01 c3', [1, true]],
    ['dc 00 01 05', [5]],
    ['81 a1 61 01', new Map([['a', 1]])],
    ['de 00 01 a1 61 01', new Map([['a', 1]])],
    ['c7 01 05 07', { extension: 5, data: Uint8Array.from([7]) }],
    ['d4 ff 07', { extension: -1, data: Uint8Array.from([7]) }],
  ])('%s', (hex, value) => {
    expect(decodeMsgpack(bytes(hex))).toEqual(value);
  });

  it.each([
    ['', 'ends early'],
    ['a3 61', 'ends early'],
    ['c6 ff ff ff ff', 'ends early'],
    ['dd ff ff ff ff', 'ends early'],
    ['00 00', 'more than one'],
    ['c1', 'unknown type'],
    ['81 01 01', 'not a string'],
    ['91'.repeat(100), 'nested'],
  ])('refuses %s', (hex, why) => {
    expect(() => decodeMsgpack(bytes(hex))).toThrow(why);
  });

  it('ends with a value or a MsgpackError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (data) => {
        try {
          decodeMsgpack(data);
        } catch (error) {
          expect(error).toBeInstanceOf(MsgpackError);
        }
      }),
    );
  });
});
