// The RSA key of an encrypted volume, from its PEM text: PKCS#1 or PKCS#8, plain or under a passphrase.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { VolumeOpenError } from '../volume-error.ts';

const ENCRYPTED = /^Proc-Type:.*ENCRYPTED|^-----BEGIN ENCRYPTED /m;
/** Wrapping a data key of 32 bytes with SHA-256 takes 98 bytes. */
const MIN_BITS = 1024;

/** The private key of a PEM; EncryptionKeyUnusable says whether the passphrase is missing or wrong, or the text is no RSA key. */
export function parsePrivateKey(pem: string, passphrase: string | undefined): KeyObject {
  const refuse = (message: string, cause?: unknown): never => {
    throw new VolumeOpenError('EncryptionKeyUnusable', message, { cause });
  };
  const encrypted = ENCRYPTED.test(pem);
  const given = passphrase ?? '';
  if (encrypted && given === '') {
    return refuse('the RSA key of the volume is protected: set its passphrase in JFS_RSA_PASSPHRASE');
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(encrypted ? { key: pem, passphrase: given } : pem);
  } catch (cause) {
    return encrypted
      ? refuse('the RSA key of the volume does not open with the passphrase in JFS_RSA_PASSPHRASE', cause)
      : refuse('the RSA key of the volume is no private key in PEM form', cause);
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (asymmetricKeyType !== 'rsa') return refuse(`the key of the volume is ${asymmetricKeyType}, and must be RSA`);
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_BITS) return refuse(`the RSA key of the volume has ${bits} bits, and needs ${MIN_BITS} or more`);
  return key;
}
