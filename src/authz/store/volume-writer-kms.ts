// Encrypts files as `juicefs gateway` does when MINIO_KMS_SECRET_KEY is set; kms-file.ts reads them.
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { KEY_BYTES, NONCE_BYTES, sealFragments } from './sealed-fragments.ts';

/** Encrypts the text of the file at a path of the volume ('.minio.sys/config/…'). */
export type FileEncryptor = (path: string, text: string) => Buffer;

const FORMAT = 1;
const IV_BYTES = 16;
const KEY_NONCE_BYTES = 12;

/** An encryptor for a key as the environment gives it: `NAME:BASE64` of 32 bytes. Undefined when it is not of that form. */
export function kmsEncryptor(secretKey: string): FileEncryptor | undefined {
  const colon = secretKey.indexOf(':');
  const name = secretKey.slice(0, colon);
  const master = Buffer.from(secretKey.slice(colon + 1), 'base64');
  if (colon <= 0 || master.length !== KEY_BYTES) return undefined;
  return (path, text) => encryptFile(name, master, path, Buffer.from(text));
}

/** A fresh key for every file, itself sealed under the master key and bound to the path. */
function encryptFile(name: string, master: Buffer, path: string, text: Buffer): Buffer {
  const key = randomBytes(KEY_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const metadata = Buffer.from(
    JSON.stringify({
      keyid: name,
      kmskey: sealKey(master, path, key).toString('base64'),
      algorithm: 'AES-256-GCM',
      nonce: nonce.toString('base64'),
    }),
  );
  const head = Buffer.alloc(5);
  head.writeUInt8(FORMAT);
  head.writeUInt32LE(metadata.byteLength, 1);
  return Buffer.concat([head, metadata, sealFragments('aes-256-gcm', key, nonce, text)]);
}

function sealKey(master: Buffer, path: string, key: Buffer): Buffer {
  const iv = randomBytes(IV_BYTES);
  const nonce = randomBytes(KEY_NONCE_BYTES);
  const [bucket = ''] = path.split('/');
  const cipher = createCipheriv('aes-256-gcm', createHmac('sha256', master).update(iv).digest(), nonce);
  cipher.setAAD(Buffer.from(JSON.stringify({ [bucket]: path })));
  const bytes = Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  const encode = (part: Buffer): string => part.toString('base64');
  return Buffer.from(
    JSON.stringify({
      aead: 'AES-256-GCM-HMAC-SHA-256',
      iv: encode(iv),
      nonce: encode(nonce),
      bytes: encode(bytes),
    }),
  );
}
