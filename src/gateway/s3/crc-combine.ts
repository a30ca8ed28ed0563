// The CRC of bytes that are the join of pieces, out of the CRCs of the pieces: nothing is read again.
// The CRCs here are reflected, begin with all ones and end inverted, for which crc(A‖B) = crc(A)·x^(8·|B|) + crc(B) modulo the polynomial.
import type { ChecksumAlgorithm } from './operation.ts';

/** Reversed polynomials, and their width in bits. */
const POLYNOMIALS = {
  crc32: { width: 32n, polynomial: 0xedb88320n },
  crc32c: { width: 32n, polynomial: 0x82f63b78n },
  crc64nvme: { width: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
} as const;

export type CrcAlgorithm = keyof typeof POLYNOMIALS;

/** True for the checksums that can be joined. */
export function isCrc(algorithm: ChecksumAlgorithm): algorithm is CrcAlgorithm {
  return Object.hasOwn(POLYNOMIALS, algorithm);
}

/** A piece: its checksum, most significant byte first, and how many bytes it has. */
export interface CheckedPiece {
  readonly value: Buffer;
  readonly size: number;
}

/** The checksum of the pieces in their order; of none it is that of no bytes. */
export function combineCrcs(algorithm: CrcAlgorithm, pieces: readonly CheckedPiece[]): Buffer {
  const field = new CrcField(algorithm);
  let joined = 0n;
  for (const { value, size } of pieces) joined = field.multiply(field.shift(size), joined) ^ toBits(value);
  const { width } = POLYNOMIALS[algorithm];
  return Buffer.from(joined.toString(16).padStart(Number(width) / 4, '0'), 'hex');
}

function toBits(value: Buffer): bigint {
  return value.length === 0 ? 0n : BigInt(`0x${value.toString('hex')}`);
}

/** Polynomials modulo the CRC's, their lowest power in the highest bit. */
class CrcField {
  readonly #width: bigint;
  readonly #polynomial: bigint;
  readonly #one: bigint;
  /** x^(8·size): the pieces of an object are mostly of one size. */
  readonly #shifts = new Map<number, bigint>();

  constructor(algorithm: CrcAlgorithm) {
    const { width, polynomial } = POLYNOMIALS[algorithm];
    this.#width = width;
    this.#polynomial = polynomial;
    this.#one = 1n << (width - 1n);
  }

  multiply(a: bigint, b: bigint): bigint {
    let product = 0n;
    let factor = b;
    for (let bit = this.#width - 1n; bit >= 0n; bit--) {
      if ((a >> bit) & 1n) product ^= factor;
      factor = factor & 1n ? (factor >> 1n) ^ this.#polynomial : factor >> 1n;
    }
    return product;
  }

  /** x^(8·bytes) */
  shift(bytes: number): bigint {
    const known = this.#shifts.get(bytes);
    if (known !== undefined) return known;
    let power = this.#one;
    let square = this.#one >> 8n; // x^8
    for (let exponent = BigInt(bytes); exponent > 0n; exponent >>= 1n) {
      if (exponent & 1n) power = this.multiply(power, square);
      square = this.multiply(square, square);
    }
    this.#shifts.set(bytes, power);
    return power;
  }
}
