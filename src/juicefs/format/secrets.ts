// Secrets in the setting record, kept from a casual look: AES-128-GCM under a key made of the volume's UUID, which stands
// beside them. JuiceFS: pkg/meta/config.go.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { VolumeOpenError } from '../volume-error.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What stands in the place of a secret in a dump without secrets. */
export const REMOVED_SECRET = 'removed';

function keyOf(uuid: string): Buffer {
  return createHash('md5').update(uuid).digest();
}

/** The stored form of a secret: base64 of nonce, ciphertext and tag. */
export function encryptSecret(secret: string, uuid: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-128-gcm', keyOf(uuid), nonce);
  const sealed = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return sealed.toString('base64');
}

/** A secret from its stored form; InvalidFormat when it was removed, or the record was changed. `what` names it. */
export function decryptSecret(stored: string, uuid: string, what: string): string {
  if (stored === REMOVED_SECRET) {
    throw new VolumeOpenError(
      'InvalidFormat',
      `the ${what} of the volume was removed from its settings; set it again with \`portcullis config\``,
    );
  }
  const sealed = Buffer.from(stored, 'base64');
  try {
    if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new RangeError('it is too short');
    const decipher = createDecipheriv('aes-128-gcm', keyOf(uuid), sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const body = sealed.subarray(NONCE_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new VolumeOpenError('InvalidFormat', `the ${what} in the settings of the volume cannot be decrypted`, {
      cause,
    });
  }
}
