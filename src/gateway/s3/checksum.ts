// The checksums that S3 clients send beside a body: which there are, how one is computed on the way, what a client declared.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Crc64Nvme, crc32c } from './crc.ts';
import { S3Error } from './errors.ts';
import type { ChecksumAlgorithm } from './operation.ts';

/** A checksum being computed. */
export interface RunningChecksum {
  update(data: Uint8Array): void;
  digest(): Buffer;
}

interface ChecksumSpec {
  readonly bytes: number;
  start(): RunningChecksum;
}

const CHECKSUMS: Readonly<Record<ChecksumAlgorithm, ChecksumSpec>> = {
  crc32: { bytes: 4, start: () => runningCrc32((data, value) => crc32(data, value)) },
  crc32c: { bytes: 4, start: () => runningCrc32(crc32c) },
  crc64nvme: { bytes: 8, start: () => new Crc64Nvme() },
  sha1: { bytes: 20, start: () => createHash('sha1') },
  sha256: { bytes: 32, start: () => createHash('sha256') },
};

const HEADER_PREFIX = 'x-amz-checksum-';
/** Headers of that prefix that are no checksum. */
const NOT_A_CHECKSUM: ReadonlySet<string> = new Set(['algorithm', 'mode', 'type']);

/** What the client says its body's checksum is, or that it will say so in the trailer. */
export type DeclaredChecksum =
  | { readonly where: 'header'; readonly algorithm: ChecksumAlgorithm; readonly value: Buffer }
  | { readonly where: 'trailer'; readonly algorithm: ChecksumAlgorithm };

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  return CHECKSUMS[algorithm].start();
}

export function isChecksumAlgorithm(text: string): text is ChecksumAlgorithm {
  return Object.hasOwn(CHECKSUMS, text);
}

/** The header that carries the algorithm's value. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `${HEADER_PREFIX}${algorithm}`;
}

/** Reads a value of a checksum header or trailer. Throws InvalidRequest unless it is base64 of the algorithm's size. */
export function parseChecksumValue(algorithm: ChecksumAlgorithm, text: string): Buffer {
  const value = decodeBase64(text);
  if (value?.length !== CHECKSUMS[algorithm].bytes) {
    throw new S3Error('InvalidRequest', `The value of ${checksumHeader(algorithm)} is not valid.`);
  }
  return value;
}

/** Strict base64; undefined for anything else. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

/**
 * What x-amz-checksum-*, x-amz-trailer and x-amz-sdk-checksum-algorithm declare together. At most one checksum may be declared.
 * @param trailers whether the body's form has a trailer
 */
export function declaredChecksum(
  headers: ReadonlyMap<string, string>,
  trailers: boolean,
): DeclaredChecksum | undefined {
  const found: DeclaredChecksum[] = [];
  for (const [name, value] of headers) {
    if (!name.startsWith(HEADER_PREFIX) || NOT_A_CHECKSUM.has(name.slice(HEADER_PREFIX.length))) continue;
    const algorithm = algorithmNamed(name.slice(HEADER_PREFIX.length), name);
    found.push({ where: 'header', algorithm, value: parseChecksumValue(algorithm, value) });
  }
  const trailer = headers.get('x-amz-trailer');
  if (trailer !== undefined) {
    if (!trailers) throw new S3Error('InvalidRequest', 'x-amz-trailer needs a body with a trailer.');
    for (const name of trailer.split(',').map((item) => item.trim().toLowerCase())) {
      const suffix = name.startsWith(HEADER_PREFIX) ? name.slice(HEADER_PREFIX.length) : '';
      found.push({ where: 'trailer', algorithm: algorithmNamed(suffix, 'x-amz-trailer') });
    }
  }
  if (found.length > 1) throw new S3Error('InvalidRequest', 'Only one checksum may be sent with a body.');
  const [declared] = found;
  const named = headers.get('x-amz-sdk-checksum-algorithm');
  if (named !== undefined && declared?.algorithm !== named.toLowerCase()) {
    throw new S3Error(
      'InvalidRequest',
      'x-amz-sdk-checksum-algorithm was sent without the x-amz-checksum header or trailer that belongs to it.',
    );
  }
  return declared;
}

function algorithmNamed(text: string, where: string): ChecksumAlgorithm {
  if (!isChecksumAlgorithm(text)) {
    throw new S3Error('InvalidRequest', `${where} names a checksum algorithm that is not supported.`);
  }
  return text;
}

function runningCrc32(step: (data: Uint8Array, previous: number) => number): RunningChecksum {
  let value = 0;
  return {
    update: (data) => {
      value = step(data, value);
    },
    digest: () => {
      const bytes = Buffer.allocUnsafe(4);
      bytes.writeUInt32BE(value, 0);
      return bytes;
    },
  };
}
