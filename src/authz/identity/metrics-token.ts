// Tokens for reading metrics, as MinIO's clients make them for Prometheus: a JSON Web Token, HS512, signed with the secret key of
// the access key that `sub` names. It proves who asks, and serves for that one question.
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import { AuthRefusal } from './auth-refusal.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { constantTimeEqual } from './signing-key.ts';
import { requireSignature, secretOf } from './verified-signature.ts';

/** The action that reading metrics is. */
export const METRICS_ACTION = 'admin:Prometheus';
/** Largest token that is read. */
const MAX_TOKEN_LENGTH = 4 * 1024;

const Header = z.object({ alg: z.literal('HS512') });
const Claims = z.object({
  iss: z.literal('prometheus'),
  sub: z.string().min(1),
  exp: z.number(),
  nbf: z.number().optional(),
});

interface MetricsToken {
  readonly claims: z.infer<typeof Claims>;
  readonly signed: string;
  readonly signature: string;
}

/** Reads a bearer token, unverified; undefined when it is of another kind. */
export function readMetricsToken(token: string): MetricsToken | undefined {
  const [header = '', payload = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0 || signature === '' || token.length > MAX_TOKEN_LENGTH) return undefined;
  if (!Header.safeParse(decode(header)).success) return undefined;
  const claims = Claims.safeParse(decode(payload));
  return claims.success ? { claims: claims.data, signed: `${header}.${payload}`, signature } : undefined;
}

/** Whose token it is. Throws AuthRefusal when it does not stand. */
export function verifyMetricsToken(token: MetricsToken, source: CredentialSource, nowMs: number): Credential {
  const { claims, signed, signature } = token;
  const known = source.find(claims.sub);
  const expected = createHmac('sha512', secretOf(known)).update(signed).digest('base64url');
  const credential = requireSignature(known, constantTimeEqual(signature, expected));
  if (nowMs >= claims.exp * 1000) throw new AuthRefusal('ExpiredToken');
  if (claims.nbf !== undefined && nowMs < claims.nbf * 1000) throw new AuthRefusal('AccessDenied');
  return credential;
}

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
