import { describe, expect, it } from 'vitest';
import { declaredChecksum, decodeBase64, startChecksum } from './checksum.ts';
import { Crc64Nvme, crc32c } from './crc.ts';
import type { ChecksumAlgorithm } from './operation.ts';

const digest = (algorithm: ChecksumAlgorithm, ...pieces: Uint8Array[]): string => {
  const running = startChecksum(algorithm);
  for (const piece of pieces) running.update(piece);
  return running.digest().toString('hex');
};

describe('checksums', () => {
  // "123456789" is the check value of the catalogue of CRCs; the others are RFC 3720 B.4 and the algorithms' definitions.
  it.each<[ChecksumAlgorithm, Buffer, string]>([
    ['crc32', Buffer.from('123456789'), 'cbf43926'],
    ['crc32c', Buffer.from('123456789'), 'e3069283'],
    ['crc64nvme', Buffer.from('123456789'), 'ae8b14860a799888'],
    ['sha1', Buffer.from('abc'), 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['sha256', Buffer.from('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['crc32', Buffer.alloc(0), '00000000'],
    ['crc32c', Buffer.alloc(0), '00000000'],
    ['crc64nvme', Buffer.alloc(0), '0000000000000000'],
    ['crc32c', Buffer.alloc(32), '8a9136aa'],
    ['crc32c', Buffer.alloc(32, 0xff), '62a8ab43'],
    ['crc32c', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), '46dd794e'],
  ])('%s of %j', (algorithm, data, hex) => {
    expect(digest(algorithm, data)).toBe(hex);
  });

  it('do not depend on how the data is cut', () => {
    const data = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 131 + (i >> 3)) & 0xff));
    for (const algorithm of ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const) {
      const whole = digest(algorithm, data);
      for (const cut of [1, 7, 8, 9, 500, 999]) {
        expect(digest(algorithm, data.subarray(0, cut), data.subarray(cut))).toBe(whole);
      }
    }
  });

  it('agree with a bit by bit computation', () => {
    const data = Buffer.from(Array.from({ length: 77 }, (_, i) => (i * 57) & 0xff));
    const slow = (bits: bigint, polynomial: bigint): bigint => {
      const ones = (1n << bits) - 1n;
      let crc = ones;
      for (const byte of data) {
        crc ^= BigInt(byte);
        for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
      }
      return crc ^ ones;
    };
    expect(BigInt(crc32c(data))).toBe(slow(32n, 0x82f63b78n));
    const crc64 = new Crc64Nvme();
    crc64.update(data);
    expect(crc64.digest().readBigUInt64BE()).toBe(slow(64n, 0x9a6c9329ac4bc9b5n));
  });
});

describe('declaredChecksum', () => {
  const read = (headers: Record<string, string>, trailers = false) =>
    declaredChecksum(new Map(Object.entries(headers)), trailers);

  it('reads a header, a trailer, or nothing', () => {
    expect(read({})).toBeUndefined();
    expect(read({ 'x-amz-checksum-crc32': 'y/Q5Jg==' })).toEqual({
      where: 'header',
      algorithm: 'crc32',
      value: Buffer.from('cbf43926', 'hex'),
    });
    expect(
      read({ 'x-amz-trailer': 'x-amz-checksum-crc64nvme', 'x-amz-sdk-checksum-algorithm': 'CRC64NVME' }, true),
    ).toEqual({ where: 'trailer', algorithm: 'crc64nvme' });
    expect(read({ 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-mode': 'ENABLED' })).toBeUndefined();
  });

  it.each<[string, Record<string, string>, boolean]>([
    ['a value that is not base64', { 'x-amz-checksum-crc32': '????' }, false],
    ['a value of another size', { 'x-amz-checksum-crc32': 'AAAAAAAAAAA=' }, false],
    ['an unknown algorithm', { 'x-amz-checksum-md4': 'AAAA' }, false],
    ['two headers', { 'x-amz-checksum-crc32': 'y/Q5Jg==', 'x-amz-checksum-crc32c': 'y/Q5Jg==' }, false],
    ['a header and a trailer', { 'x-amz-checksum-crc32': 'y/Q5Jg==', 'x-amz-trailer': 'x-amz-checksum-crc32' }, true],
    ['a trailer where there can be none', { 'x-amz-trailer': 'x-amz-checksum-crc32' }, false],
    ['a trailer that is no checksum', { 'x-amz-trailer': 'x-other' }, true],
    ['an algorithm without its checksum', { 'x-amz-sdk-checksum-algorithm': 'CRC32' }, false],
    [
      'an algorithm beside another checksum',
      { 'x-amz-sdk-checksum-algorithm': 'SHA1', 'x-amz-checksum-crc32': 'y/Q5Jg==' },
      false,
    ],
  ])('refuses %s', (_, headers, trailers) => {
    expect(() => read(headers, trailers)).toThrow(expect.objectContaining({ code: 'InvalidRequest' }));
  });

  it('takes strict base64 only', () => {
    expect(decodeBase64('YQ==')?.toString()).toBe('a');
    for (const text of ['YQ', 'YQ=', 'Y Q=', 'YQ==\n', 'Y-Q=']) expect(decodeBase64(text)).toBeUndefined();
  });
});
