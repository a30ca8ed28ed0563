// New access keys and secrets, and the tokens that tie a credential to its parent.
import { createHmac, randomBytes } from 'node:crypto';

const ACCESS_KEY_CHARACTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const ACCESS_KEY_LENGTH = 20;
const SECRET_KEY_LENGTH = 40;

/** 20 characters of 36: about 103 bits. */
export function newAccessKey(): string {
  let key = '';
  while (key.length < ACCESS_KEY_LENGTH) {
    for (const byte of randomBytes(ACCESS_KEY_LENGTH)) {
      // Larger bytes would make some characters likelier than others.
      if (byte < 252 && key.length < ACCESS_KEY_LENGTH) key += ACCESS_KEY_CHARACTERS[byte % 36];
    }
  }
  return key;
}

/** 40 characters of base64: 240 bits. Without '/', which some clients put into URLs unescaped. */
export function newSecretKey(): string {
  return randomBytes((SECRET_KEY_LENGTH * 3) / 4)
    .toString('base64')
    .replaceAll('/', '+');
}

/** What a token may say. */
export interface NewClaims {
  readonly accessKey: string;
  readonly parent?: string;
  readonly 'sa-policy'?: 'inherited-policy' | 'embedded-policy';
  /** Base64 of the inline policy. */
  readonly sessionPolicy?: string;
  /** Names of the policies at the time, comma-separated. */
  readonly policy?: string;
  /** Unix seconds. */
  readonly exp?: number;
  /** What its owner calls a session. */
  readonly roleSessionName?: string;
}

/** A JSON Web Token, HS512 with the root secret, claims sorted by name: as `juicefs gateway` makes and accepts them. */
export function signToken(claims: NewClaims & Readonly<Record<string, unknown>>, rootSecretKey: string): string {
  const sorted = Object.fromEntries(Object.entries(claims).sort(([a], [b]) => (a < b ? -1 : 1)));
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const text = `${encode({ alg: 'HS512', typ: 'JWT' })}.${encode(sorted)}`;
  return `${text}.${createHmac('sha512', rootSecretKey).update(text).digest('base64url')}`;
}
