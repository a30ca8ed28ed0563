// Server side encryption by request: a volume is encrypted as a whole, or not at all, so what asks for it is refused. What S3 itself would
// not take is told so in S3's words first.
// AWS: "Protecting data with server-side encryption".
import { createHash } from 'node:crypto';
import { decodeBase64 } from '../s3/checksum.ts';
import { S3Error } from '../s3/errors.ts';

type Headers = ReadonlyMap<string, string>;

const METHOD = 'x-amz-server-side-encryption';
const METHODS: ReadonlySet<string> = new Set(['AES256', 'aws:kms', 'aws:kms:dsse']);
const CUSTOMER = `${METHOD}-customer`;
const CUSTOMER_KEY_BYTES = 32;

/** Throws NotImplemented for a write that asks for encryption, InvalidArgument and InvalidEncryptionAlgorithmError for one that asks amiss. */
export function refuseEncryption(headers: Headers): void {
  const asked = [...headers.keys()].filter((name) => /^x-amz-(copy-source-)?server-side-encryption/.test(name));
  if (asked.length === 0) return;
  requireMethod(headers);
  requireCustomerKey(headers, CUSTOMER);
  requireCustomerKey(headers, `x-amz-copy-source-${CUSTOMER.slice('x-amz-'.length)}`);
  throw new S3Error('NotImplemented', 'Server side encryption by request is not implemented.');
}

/** Throws for a read that brings a key, which no object was encrypted with, or names a method, which no read does. */
export function refuseEncryptedRead(headers: Headers): void {
  if (headers.has(METHOD)) throw invalid(METHOD, `The header ${METHOD} is not supported for this operation.`);
  if (![...headers.keys()].some((name) => name.startsWith(METHOD))) return;
  requireCustomerKey(headers, CUSTOMER);
  throw new S3Error('InvalidRequest', 'The encryption parameters are not applicable to this object.');
}

function requireMethod(headers: Headers): void {
  const method = headers.get(METHOD);
  const keyId = `${METHOD}-aws-kms-key-id`;
  if (method !== undefined && !METHODS.has(method)) {
    throw invalid(METHOD, 'The encryption method specified is not supported.');
  }
  if (headers.has(keyId) && !method?.startsWith('aws:kms')) {
    throw invalid(keyId, `A KMS key goes with the header ${METHOD}: aws:kms.`);
  }
  if (method !== undefined && [...headers.keys()].some((name) => name.startsWith(CUSTOMER))) {
    throw invalid(METHOD, 'A key of the customer does not go with the encryption method specified.');
  }
}

/** All three headers, or none. */
function requireCustomerKey(headers: Headers, prefix: string): void {
  const [algorithm, key, md5] = ['algorithm', 'key', 'key-md5'].map((part) => headers.get(`${prefix}-${part}`));
  if (algorithm === undefined && key === undefined && md5 === undefined) return;
  if (algorithm === undefined) throw invalid(`${prefix}-algorithm`, 'A key of the customer needs an algorithm.');
  if (algorithm !== 'AES256') throw new S3Error('InvalidEncryptionAlgorithmError');
  if (key === undefined) throw invalid(`${prefix}-key`, 'The request should bring the secret key.');
  if (md5 === undefined) throw invalid(`${prefix}-key-MD5`, 'The request should bring the MD5 of the secret key.');
  const bytes = decodeBase64(key);
  if (bytes?.length !== CUSTOMER_KEY_BYTES) {
    throw invalid(`${prefix}-key`, 'The secret key was invalid for the specified algorithm.');
  }
  if (decodeBase64(md5)?.equals(createHash('md5').update(bytes).digest()) !== true) {
    throw invalid(`${prefix}-key-MD5`, 'The MD5 of the secret key is not the one that was sent.');
  }
}

/** InvalidArgument; the value is never repeated, as it may be a key. */
function invalid(header: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, { fields: { ArgumentName: header } });
}
