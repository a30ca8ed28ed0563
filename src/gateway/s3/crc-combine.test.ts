import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startChecksum } from './checksum.ts';
import { type CrcAlgorithm, combineCrcs, isCrc } from './crc-combine.ts';

function checksum(algorithm: CrcAlgorithm, bytes: Uint8Array): Buffer {
  const running = startChecksum(algorithm);
  running.update(bytes);
  return running.digest();
}

describe.each(['crc32', 'crc32c', 'crc64nvme'] as const)('joined %s', (algorithm) => {
  it('is the checksum of the joined bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 }), (pieces) => {
        const checked = pieces.map((bytes) => ({ value: checksum(algorithm, bytes), size: bytes.length }));
        expect(combineCrcs(algorithm, checked)).toEqual(checksum(algorithm, Buffer.concat(pieces)));
      }),
    );
  });

  it('joins ten thousand pieces of five mebibytes at once', () => {
    const piece = { value: checksum(algorithm, Buffer.alloc(100, 1)), size: 5 * 1024 * 1024 };
    const started = performance.now();
    combineCrcs(
      algorithm,
      Array.from({ length: 10_000 }, () => piece),
    );
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

it('tells which checksums can be joined', () => {
  expect(isCrc('crc32')).toBe(true);
  expect(isCrc('sha256')).toBe(false);
});
