// Secrets in the setting record, kept from a casual look: AES-128-GCM under a key made of the volume's UUID, which stands
// beside them. JuiceFS: pkg/meta/config.go.
import { createCipheriv, createHash, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;

/** The stored form of a secret: base64 of nonce, ciphertext and tag. */
export function encryptSecret(secret: string, uuid: string): string {
  const key = createHash('md5').update(uuid).digest();
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  const sealed = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return sealed.toString('base64');
}
