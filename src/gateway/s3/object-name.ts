// The one door for names: every bucket and key, wherever it comes from (path, copy source, the XML of DeleteObjects, a
// listing's prefix and markers), becomes a typed name here, and the decision and the volume see that same name.
import { S3Error } from './errors.ts';

declare const bucketBrand: unique symbol;
declare const keyBrand: unique symbol;
/** A bucket name that satisfies S3's strict rules and is not reserved. */
export type BucketName = string & { readonly [bucketBrand]: true };
/** An object key that names exactly one place below its bucket. */
export type ObjectKey = string & { readonly [keyBrand]: true };

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const IPV4_SHAPE = /^\d+\.\d+\.\d+\.\d+$/;
/** Most bytes of a key, as S3 has it. */
export const MAX_KEY_BYTES = 1024;
/** First path components that belong to the volume itself and are never reachable as keys (single-bucket mode) or buckets. */
export const RESERVED_ROOTS: ReadonlySet<string> = new Set(['.sys', '.minio.sys', '.trash', 'minio']);

/** True for a name that S3's strict rules accept as a bucket and that is not reserved. */
export function isBucketName(text: string): boolean {
  return (
    BUCKET.test(text) &&
    !text.includes('..') &&
    !text.includes('.-') &&
    !text.includes('-.') &&
    !IPV4_SHAPE.test(text) &&
    !RESERVED_ROOTS.has(text)
  );
}

/** Reads a bucket name. Throws S3Error InvalidBucketName; AllAccessDisabled for the reserved ones. */
export function parseBucketName(text: string): BucketName {
  if (RESERVED_ROOTS.has(text)) throw new S3Error('AllAccessDisabled');
  if (!isBucketName(text)) throw new S3Error('InvalidBucketName');
  return text as BucketName;
}

/**
 * Reads an object key that was percent-decoded once already. A trailing '/' names a directory object. Keys that cannot be
 * one path ('a//b', a leading '/', '.', '..', NUL, lone surrogates) are refused: they would name another place than they say.
 * A component over 255 bytes names what another client may have put there; the volume refuses to make a new one. Throws KeyTooLongError, InvalidObjectName (as XMinioInvalidObjectName) or AllAccessDisabled.
 */
export function parseObjectKey(text: string): ObjectKey {
  if (Buffer.byteLength(text) > MAX_KEY_BYTES) throw new S3Error('KeyTooLongError');
  if (text === '' || !text.isWellFormed() || text.includes('\0')) throw new S3Error('XMinioInvalidObjectName');
  const parts = text.split('/');
  if (parts[parts.length - 1] === '') parts.pop();
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..') throw new S3Error('XMinioInvalidObjectName');
  }
  if (RESERVED_ROOTS.has(parts[0] as string) && parts[0] !== 'minio') throw new S3Error('AllAccessDisabled');
  return text as ObjectKey;
}

/** The components of a key's path below its bucket ('a/b/' → ['a','b']). */
export function keyComponents(key: ObjectKey): readonly string[] {
  return (key.endsWith('/') ? key.slice(0, -1) : key).split('/');
}

/** True when the key names a directory object ('a/b/'). */
export function isDirectoryKey(key: ObjectKey): boolean {
  return key.endsWith('/');
}
