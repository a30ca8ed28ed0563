// Objects encrypted at rest: each under a random key of its own, which the volume's RSA key wraps and which stands before the
// ciphertext. A damaged or foreign object never decrypts to something else. JuiceFS: pkg/object/encrypt.go.
import {
  type CipherChaCha20Poly1305Types,
  type CipherGCMTypes,
  constants,
  createCipheriv,
  createDecipheriv,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import { VolumeOpenError } from '../volume-error.ts';
import {
  type ByteRange,
  type ObjectBody,
  type ObjectStore,
  renewObject,
  type StoredObject,
  type UnfinishedObject,
  unfinishedIn,
  wholeOf,
} from './object-store.ts';

const DATA_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Length of the wrapped key (two bytes) and of the nonce (one). */
const LENGTHS_BYTES = 3;

type Cipher = CipherGCMTypes | CipherChaCha20Poly1305Types;

const CIPHERS: Readonly<Record<string, Cipher>> = {
  '': 'aes-256-gcm',
  'aes256gcm-rsa': 'aes-256-gcm',
  'chacha20-rsa': 'chacha20-poly1305',
};

/** Algorithms that can be used, for messages. */
export const SUPPORTED_ENCRYPTIONS = ['aes256gcm-rsa', 'chacha20-rsa'] as const;

/** The cipher of a format's EncryptAlgo; UnsupportedFormat names one that is not there. */
export function encryptionCipher(algorithm: string): Cipher {
  const cipher = Object.hasOwn(CIPHERS, algorithm) ? CIPHERS[algorithm] : undefined;
  if (cipher === undefined) {
    throw new VolumeOpenError(
      'UnsupportedFormat',
      `the encryption ${JSON.stringify(algorithm)} is not supported (${SUPPORTED_ENCRYPTIONS.join(', ')} are)`,
    );
  }
  return cipher;
}

export class EncryptedStore implements ObjectStore {
  readonly description: string;
  /** An object is decrypted whole. */
  readonly readUnit = Number.MAX_SAFE_INTEGER;
  readonly #store: ObjectStore;
  readonly #key: KeyObject;
  readonly #cipher: Cipher;

  /** `key`: the volume's private RSA key. */
  constructor(store: ObjectStore, key: KeyObject, cipher: Cipher) {
    this.#store = store;
    this.#key = key;
    this.#cipher = cipher;
    this.description = `${store.description}(encrypted)`;
  }

  async put(key: string, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    await this.#store.put(key, seal(this.#key, this.#cipher, wholeOf(body)), signal);
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array> {
    const body = unseal(this.#key, this.#cipher, await this.#store.get(key, undefined, signal));
    return range === undefined ? body : body.subarray(range.start, range.end);
  }

  head(key: string): Promise<StoredObject | undefined> {
    return this.#store.head(key);
  }

  delete(key: string): Promise<void> {
    return this.#store.delete(key);
  }

  list(prefix: string): AsyncIterable<StoredObject> {
    return this.#store.list(prefix);
  }

  renew(key: string): Promise<void> {
    return renewObject(this.#store, key);
  }

  unfinished(folder: string): AsyncIterable<UnfinishedObject> {
    return unfinishedIn(this.#store, folder);
  }

  createBucket(): Promise<void> {
    return this.#store.createBucket();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function wrapping(key: KeyObject) {
  return { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from('keys') };
}

/** The stored form: lengths, wrapped key, nonce, ciphertext, tag. */
export function seal(key: KeyObject, cipher: Cipher, body: Uint8Array): Buffer {
  const dataKey = randomBytes(DATA_KEY_BYTES);
  const wrapped = publicEncrypt(wrapping(key), dataKey);
  const nonce = randomBytes(NONCE_BYTES);
  // Both ciphers have the same interface; the types know them by name only.
  const encryption = createCipheriv(cipher as CipherGCMTypes, dataKey, nonce, { authTagLength: TAG_BYTES });
  const lengths = Buffer.from([wrapped.length >> 8, wrapped.length & 0xff, nonce.length]);
  const head = [lengths, wrapped, nonce];
  return Buffer.concat([...head, encryption.update(body), encryption.final(), encryption.getAuthTag()]);
}

/** The bytes of a stored object; throws when any of it was changed, or it was encrypted for another key. */
export function unseal(key: KeyObject, cipher: Cipher, stored: Uint8Array): Buffer {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  if (bytes.length < LENGTHS_BYTES) throw new RangeError('the encrypted object is cut within its header');
  const wrappedEnd = LENGTHS_BYTES + bytes.readUInt16BE(0);
  const bodyStart = wrappedEnd + bytes.readUInt8(2);
  const bodyEnd = bytes.length - TAG_BYTES;
  if (bodyStart > bodyEnd) throw new RangeError('the encrypted object is cut within its header');
  const nonce = bytes.subarray(wrappedEnd, bodyStart);
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`the encrypted object has a nonce of ${nonce.length} bytes`);
  const dataKey = privateDecrypt(wrapping(key), bytes.subarray(LENGTHS_BYTES, wrappedEnd));
  if (dataKey.length !== DATA_KEY_BYTES)
    throw new RangeError(`the encrypted object has a key of ${dataKey.length} bytes`);
  const decryption = createDecipheriv(cipher as CipherGCMTypes, dataKey, nonce, { authTagLength: TAG_BYTES });
  decryption.setAuthTag(bytes.subarray(bodyEnd));
  return Buffer.concat([decryption.update(bytes.subarray(bodyStart, bodyEnd)), decryption.final()]);
}
