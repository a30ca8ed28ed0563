// A byte string sealed in fragments: how MinIO encrypts admin bodies and, with a KMS key, its configuration files.
// Every fragment is authenticated on its own, and the last one says so, so that a shortened stream is noticed.
import { createCipheriv, createDecipheriv } from 'node:crypto';

/** Plaintext bytes of every fragment but the last. */
export const FRAGMENT_BYTES = 16_384;
/** Bytes that authenticate a fragment. */
export const TAG_BYTES = 16;
/** Bytes of a nonce; the fragment's number makes it 12. */
export const NONCE_BYTES = 8;
export const KEY_BYTES = 32;

export type SealAlgorithm = 'aes-256-gcm' | 'chacha20-poly1305';

const NOT_LAST = 0x00;
const LAST = 0x80;

/** Thrown when sealed bytes were changed, cut short, or sealed with another key. */
export class SealBroken extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SealBroken';
  }
}

/** Bytes of a plaintext once sealed. */
export function sealedSize(plainBytes: number): number {
  return plainBytes + TAG_BYTES * Math.max(1, Math.ceil(plainBytes / FRAGMENT_BYTES));
}

/** Seals all of `plain`. A pair of key and nonce may seal one plaintext only. */
export function sealFragments(algorithm: SealAlgorithm, key: Buffer, nonce: Buffer, plain: Uint8Array): Buffer {
  const count = Math.max(1, Math.ceil(plain.byteLength / FRAGMENT_BYTES));
  const associated = associatedData(algorithm, key, nonce);
  const sealed: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    associated[0] = index === count - 1 ? LAST : NOT_LAST;
    const piece = plain.subarray(index * FRAGMENT_BYTES, (index + 1) * FRAGMENT_BYTES);
    sealed.push(...seal(algorithm, key, fragmentNonce(nonce, index + 1), piece, associated));
  }
  return Buffer.concat(sealed);
}

/** Opens what `sealFragments` made. Throws SealBroken. */
export function openFragments(algorithm: SealAlgorithm, key: Buffer, nonce: Buffer, sealed: Uint8Array): Buffer {
  const whole = FRAGMENT_BYTES + TAG_BYTES;
  const count = Math.max(1, Math.ceil(sealed.byteLength / whole));
  const associated = associatedData(algorithm, key, nonce);
  const plain: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    associated[0] = index === count - 1 ? LAST : NOT_LAST;
    const piece = sealed.subarray(index * whole, (index + 1) * whole);
    plain.push(...open(algorithm, key, fragmentNonce(nonce, index + 1), piece, associated));
  }
  return Buffer.concat(plain);
}

/** A flag, to be set for each fragment, and the tag of the empty message under number 0, which binds the nonce. */
function associatedData(algorithm: SealAlgorithm, key: Buffer, nonce: Buffer): Buffer {
  const tag = seal(algorithm, key, fragmentNonce(nonce, 0), new Uint8Array(0), Buffer.alloc(0))[1];
  return Buffer.concat([Buffer.from([NOT_LAST]), tag]);
}

function fragmentNonce(nonce: Buffer, number: number): Buffer {
  const full = Buffer.alloc(NONCE_BYTES + 4);
  nonce.copy(full, 0, 0, NONCE_BYTES);
  full.writeUInt32LE(number, NONCE_BYTES);
  return full;
}

function seal(
  algorithm: SealAlgorithm,
  key: Buffer,
  nonce: Buffer,
  plain: Uint8Array,
  associated: Buffer,
): [Buffer, Buffer] {
  // Two calls, because Node types the AEAD methods by the literal name of the algorithm.
  const cipher =
    algorithm === 'aes-256-gcm'
      ? createCipheriv(algorithm, key, nonce, { authTagLength: TAG_BYTES })
      : createCipheriv(algorithm, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated, { plaintextLength: plain.byteLength });
  const text = Buffer.concat([cipher.update(plain), cipher.final()]);
  return [text, cipher.getAuthTag()];
}

function open(
  algorithm: SealAlgorithm,
  key: Buffer,
  nonce: Buffer,
  sealed: Uint8Array,
  associated: Buffer,
): [Buffer, Buffer] {
  const length = sealed.byteLength - TAG_BYTES;
  if (length < 0) throw new SealBroken('the sealed data ends within a fragment');
  const decipher =
    algorithm === 'aes-256-gcm'
      ? createDecipheriv(algorithm, key, nonce, { authTagLength: TAG_BYTES })
      : createDecipheriv(algorithm, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(associated, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  try {
    return [decipher.update(sealed.subarray(0, length)), decipher.final()];
  } catch (cause) {
    throw new SealBroken('the sealed data was changed, cut short, or sealed with another key', { cause });
  }
}
