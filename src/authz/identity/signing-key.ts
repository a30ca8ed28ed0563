// Signing keys of Signature Version 4, and the comparison of signatures. Keys never leave this process.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Derived keys kept; one is used by an access key for a day and region. */
export const MAX_CACHED_SIGNING_KEYS = 10_000;

/** Where a signature is valid. */
export interface Scope {
  readonly date: string; // yyyymmdd
  readonly region: string;
  readonly service: string;
}

interface CachedKey {
  readonly secretKey: string;
  readonly key: Buffer;
}

const cache = new LRUCache<string, CachedKey>({ max: MAX_CACHED_SIGNING_KEYS });

/** The text of a scope as signatures spell it. */
export function scopeText(scope: Scope): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
}

/** The signing key of a secret for a scope. Cached; a changed secret is never served the old key. */
export function signingKey(accessKey: string, secretKey: string, scope: Scope): Buffer {
  const id = `${accessKey}\0${scope.date}\0${scope.region}\0${scope.service}`;
  const cached = cache.get(id);
  if (cached !== undefined && cached.secretKey === secretKey) return cached.key;
  const key = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, scope.date), scope.region), scope.service), 'aws4_request');
  cache.set(id, { secretKey, key });
  return key;
}

/** HMAC-SHA-256. */
export function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function hmacHex(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex');
}

/** HMAC-SHA-1 in base64, as Signature Version 2 has it. */
export function hmacSha1Base64(secretKey: string, text: string): string {
  return createHmac('sha1', secretKey).update(text).digest('base64');
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Compares two texts in a time that depends on the length of the given one alone. */
export function constantTimeEqual(given: string, expected: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  if (left.length === right.length) return timingSafeEqual(left, right);
  timingSafeEqual(left, left);
  return false;
}
