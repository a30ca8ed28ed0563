import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGoDuration } from './go-duration.ts';

describe('parseGoDuration', () => {
  it.each([
    ['300ms', 300],
    ['-1.5h', -5_400_000],
    ['2h45m', 9_900_000],
    ['1m', 60_000],
    ['10us', 0.01],
    ['10µs', 0.01],
    ['10μs', 0.01],
    ['1h2m3.5s', 3_723_500],
    ['0', 0],
    ['+5s', 5_000],
    ['.5s', 500],
    ['1.s', 1_000],
  ])('reads %s', (text, milliseconds) => {
    expect(parseGoDuration(text)).toMatchObject({ ok: true, milliseconds });
  });

  it.each(['', '-', '5', 'banana', '1', '1d', '1 s', '1s ', 's', '.s', '1e3s', '0x1s', '99999999999h', '１s'])(
    'refuses %j',
    (text) => {
      expect(parseGoDuration(text)).toMatchObject({ ok: false });
    },
  );

  it('never throws, and is exact in nanoseconds', () => {
    fc.assert(fc.property(fc.string(), (text) => typeof parseGoDuration(text).ok === 'boolean'));
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 62n }), (n) => {
        expect(parseGoDuration(`${n}ns`)).toMatchObject({ ok: true, nanoseconds: n });
      }),
    );
  });
});
