// The tokens of service accounts and sessions: JSON Web Tokens, HS512, signed with the root secret (IAM-LAYOUT of the volume).
// Other algorithms, 'none' among them, are not tokens.
import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Delegation } from './credential.ts';
import type { ExternalIdentity } from './external-identity.ts';
import { identityOfClaims } from './session-identity.ts';
import { constantTimeEqual } from './signing-key.ts';

/** Largest token that is read. */
export const MAX_TOKEN_BYTES = 64 * 1024;

const Header = z.object({ alg: z.literal('HS512') });
const Claims = z.looseObject({
  accessKey: z.string().optional(),
  parent: z.string().optional(),
  'sa-policy': z.string().optional(),
  sessionPolicy: z.string().optional(),
  roleSessionName: z.string().optional(),
});
export type TokenClaims = z.infer<typeof Claims>;

/** Checked tokens that are remembered: every new snapshot reads all stored ones again. */
export const MAX_REMEMBERED_TOKENS = 20_000;
const remembered = new LRUCache<string, { readonly rootSecret: string; readonly claims: TokenClaims | undefined }>({
  max: MAX_REMEMBERED_TOKENS,
});

/** Checks a token and reads its claims; undefined when it does not stand. Its times are not read: `exp` holds a duration there. */
export function verifyToken(token: string, rootSecret: string): TokenClaims | undefined {
  const known = remembered.get(token);
  if (known?.rootSecret === rootSecret) return known.claims;
  const claims = checkToken(token, rootSecret);
  remembered.set(token, { rootSecret, claims });
  return claims;
}

function checkToken(token: string, rootSecret: string): TokenClaims | undefined {
  const [header = '', payload = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0 || token.length > MAX_TOKEN_BYTES) return undefined;
  const expected = createHmac('sha512', rootSecret).update(`${header}.${payload}`).digest('base64url');
  if (!constantTimeEqual(signature, expected)) return undefined;
  if (!Header.safeParse(decode(header)).success) return undefined;
  const claims = Claims.safeParse(decode(payload));
  return claims.success ? claims.data : undefined;
}

/** How a service account's token limits it (its claim `sa-policy` must say). */
export function serviceAccountLimit(
  record: { readonly accessKey: string; readonly parent: string; readonly token: string },
  rootSecret: string,
): Delegation['limit'] {
  const claims = verifyToken(record.token, rootSecret);
  if (claims === undefined) return broken('its token is not signed with the current root secret');
  if (claims.accessKey !== undefined && claims.accessKey !== record.accessKey) {
    return broken('its token names another access key');
  }
  if (claims.parent !== record.parent) return broken('its token names another parent');
  if (claims['sa-policy'] === 'inherited-policy') return { kind: 'inherit' };
  if (claims['sa-policy'] !== 'embedded-policy') return broken('its token says nothing about its policy');
  return embedded(claims);
}

/** What a session's token says: how it limits it, whose it is if not a user's, and what it is called. */
export interface SessionTerms {
  readonly limit: Delegation['limit'];
  readonly external: ExternalIdentity | undefined;
  readonly sessionName: string;
}

export function sessionTerms(
  record: { readonly accessKey: string; readonly parent: string; readonly token: string },
  rootSecret: string,
): SessionTerms {
  const refused = (why: string): SessionTerms => ({ limit: broken(why), external: undefined, sessionName: '' });
  const claims = verifyToken(record.token, rootSecret);
  if (claims === undefined) return refused('its token is not signed with the current root secret');
  if (claims.accessKey !== record.accessKey) return refused('its token names another access key');
  const external = identityOfClaims(claims);
  if (external === 'broken') return refused('its token does not say whose it is');
  // The Go gateway looks a parent up among its users, so that whom another system vouches for has none in the record.
  if (external !== undefined && record.parent !== '') return refused('its token names another parent');
  return {
    limit: claims.sessionPolicy === undefined ? { kind: 'inherit' } : embedded(claims),
    external,
    sessionName: claims.roleSessionName ?? '',
  };
}

function embedded(claims: TokenClaims): Delegation['limit'] {
  const encoded = claims.sessionPolicy ?? '';
  if (encoded === '' || !/^[A-Za-z0-9+/=_-]+$/.test(encoded)) return broken('its inline policy is not base64');
  return { kind: 'policy', document: Buffer.from(encoded, 'base64').toString('utf8') };
}

function broken(why: string): Delegation['limit'] {
  return { kind: 'broken', why };
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
