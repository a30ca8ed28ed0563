// Reads the files that `juicefs gateway` encrypts when MINIO_KMS_SECRET_KEY is set (IAM-LAYOUT, "Encrypted?"):
// 0x01 | u32le n | JSON metadata (n bytes) | fragments of 16384 + 16 bytes, AES-256-GCM.
import { createDecipheriv, createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Unreadable } from './iam-store.ts';
import { NONCE_BYTES, openFragments, SealBroken, TAG_BYTES } from './sealed-fragments.ts';

/** Decrypts the file at a path of the volume ('.minio.sys/config/…'): its text, or why not. */
export type FileDecryptor = (path: string, bytes: Uint8Array) => string | Unreadable;

const Base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const Metadata = z.object({ keyid: z.string(), kmskey: Base64, algorithm: z.string(), nonce: Base64 });
const SealedKey = z.object({ aead: z.string(), iv: Base64, nonce: Base64, bytes: Base64 });

class UnreadableFile extends Error {}

/**
 * A decryptor for a key as the environment gives it: `NAME:BASE64` of 32 bytes. Undefined when it is not of that form.
 */
export function kmsDecryptor(secretKey: string): FileDecryptor | undefined {
  const colon = secretKey.indexOf(':');
  const name = secretKey.slice(0, colon);
  const master = Buffer.from(secretKey.slice(colon + 1), 'base64');
  if (colon <= 0 || master.length !== 32) return undefined;
  return (path, bytes) => {
    try {
      return decryptFile(name, master, path, Buffer.from(bytes));
    } catch (error) {
      if (error instanceof UnreadableFile) return { unreadable: error.message };
      throw error;
    }
  };
}

function decryptFile(name: string, master: Buffer, path: string, bytes: Buffer): string {
  if (bytes.length < 5 || bytes[0] !== 1) throw new UnreadableFile('it is neither text nor an encrypted file');
  const bodyAt = 5 + bytes.readUInt32LE(1);
  if (bodyAt > bytes.length) throw new UnreadableFile('it ends early');
  const metadata = readJson(Metadata, bytes.subarray(5, bodyAt));
  if (metadata.keyid !== name) throw new UnreadableFile(`it is encrypted with another key than the configured one`);
  if (metadata.algorithm !== 'AES-256-GCM') throw new UnreadableFile('its cipher is not AES-256-GCM');
  const sealed = readJson(SealedKey, metadata.kmskey);
  if (sealed.aead !== 'AES-256-GCM-HMAC-SHA-256') throw new UnreadableFile('the cipher of its key is not AES-256-GCM');
  const sealingKey = createHmac('sha256', master).update(sealed.iv).digest();
  const [bucket = ''] = path.split('/');
  const key = openGcm(sealingKey, sealed.nonce, sealed.bytes, Buffer.from(JSON.stringify({ [bucket]: path })));
  return openBody(key, metadata.nonce, bytes.subarray(bodyAt)).toString('utf8');
}

function openBody(key: Buffer, nonce: Buffer, body: Buffer): Buffer {
  if (nonce.length !== NONCE_BYTES) throw new UnreadableFile('its encryption metadata is not what it should be');
  try {
    return openFragments('aes-256-gcm', key, nonce, body);
  } catch (cause) {
    if (!(cause instanceof SealBroken)) throw cause;
    throw new UnreadableFile('it does not decrypt with the configured key', { cause });
  }
}

function openGcm(key: Buffer, nonce: Buffer, sealed: Buffer, associated: Buffer): Buffer {
  if (sealed.length < TAG_BYTES || nonce.length !== 12) throw new UnreadableFile('it ends early');
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new UnreadableFile('it does not decrypt with the configured key', { cause });
  }
}

function readJson<T>(schema: z.ZodType<T>, bytes: Buffer): T {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new UnreadableFile('its encryption metadata is not JSON', { cause });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new UnreadableFile('its encryption metadata is not what it should be');
  return parsed.data;
}
