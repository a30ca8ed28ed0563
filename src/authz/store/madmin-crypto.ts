// Bodies of the admin API that hold secrets: sealed under the caller's own secret key, both ways.
// Layout: salt (32 bytes), algorithm (1), nonce (8), then sealed fragments.
import { pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { hashRaw } from '@node-rs/argon2';
import {
  KEY_BYTES,
  NONCE_BYTES,
  openFragments,
  type SealAlgorithm,
  SealBroken,
  sealFragments,
} from './sealed-fragments.ts';

const SALT_BYTES = 32;
const HEADER_BYTES = SALT_BYTES + 1 + NONCE_BYTES;
/** Largest sealed body that MinIO's clients send or servers take: 256 KiB of text with its seals. */
export const MAX_SEALED_BYTES = 262_272;
/** MinIO: memory in KiB, passes and lanes of the key derivation. */
const ARGON2_COST = { memoryCost: 64 * 1024, timeCost: 1, parallelism: 4 };
/** The package's numbers of Argon2id and of version 0x13: its enums are ambient, so they can't be named here. */
const ARGON2ID_V13 = { algorithm: 2, version: 1 } as const;
const PBKDF2_ITERATIONS = 8192;

type Derivation = 'argon2id' | 'pbkdf2';
interface SealKind {
  readonly cipher: SealAlgorithm;
  readonly derivation: Derivation;
}
/** By the algorithm byte. */
const KINDS: readonly SealKind[] = [
  { cipher: 'aes-256-gcm', derivation: 'argon2id' },
  { cipher: 'chacha20-poly1305', derivation: 'argon2id' },
  { cipher: 'aes-256-gcm', derivation: 'pbkdf2' },
];

/** Fixed in tests; random otherwise. */
export interface SealParameters {
  readonly salt: Buffer;
  readonly nonce: Buffer;
  /** The algorithm byte. */
  readonly algorithm: 0 | 1 | 2;
}

/** Seals a body for the holder of `secretKey`. */
export async function sealAdminBody(
  secretKey: string,
  plain: Uint8Array,
  parameters: SealParameters = { salt: randomBytes(SALT_BYTES), nonce: randomBytes(NONCE_BYTES), algorithm: 0 },
): Promise<Buffer> {
  const { salt, nonce, algorithm } = parameters;
  const kind = KINDS[algorithm] as SealKind;
  const key = await deriveKey(kind.derivation, secretKey, salt);
  return Buffer.concat([salt, Buffer.from([algorithm]), nonce, sealFragments(kind.cipher, key, nonce, plain)]);
}

/** Opens a body that the holder of `secretKey` sealed. Throws SealBroken for anything else. */
export async function openAdminBody(secretKey: string, sealed: Buffer): Promise<Buffer> {
  const kind = KINDS[sealed[SALT_BYTES] ?? KINDS.length];
  if (sealed.byteLength <= HEADER_BYTES || kind === undefined) {
    throw new SealBroken('the body is not sealed as the admin API seals bodies');
  }
  const key = await deriveKey(kind.derivation, secretKey, sealed.subarray(0, SALT_BYTES));
  const nonce = sealed.subarray(SALT_BYTES + 1, HEADER_BYTES);
  return openFragments(kind.cipher, key, nonce, sealed.subarray(HEADER_BYTES));
}

const pbkdf2Async = promisify(pbkdf2);
let derivations: Promise<unknown> = Promise.resolve();

/** One derivation at a time: each takes 64 MiB, and the threads it would wait for serve decisions as well. */
function deriveKey(derivation: Derivation, secretKey: string, salt: Buffer): Promise<Buffer> {
  const derive = () =>
    derivation === 'pbkdf2'
      ? pbkdf2Async(secretKey, salt, PBKDF2_ITERATIONS, KEY_BYTES, 'sha256')
      : hashRaw(secretKey, {
          ...ARGON2_COST,
          ...ARGON2ID_V13,
          outputLen: KEY_BYTES,
          salt,
        });
  const derived = derivations.then(derive);
  derivations = derived.then(
    () => undefined,
    () => undefined,
  );
  return derived;
}
