// Who a request acts as, once its credentials stood: the credential, and the user whose rights it has.
import type { DialectName, RequestPrincipal } from '../policy/request.ts';
import { AuthRefusal } from './auth-refusal.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { constantTimeEqual } from './signing-key.ts';
import { isUsable } from './verified-signature.ts';

/** The account of everyone here, in ARNs. */
export const ACCOUNT = '000000000000';

export type Identified =
  | { readonly type: 'Anonymous' }
  /** `owner`: whose policies apply: the credential itself, or its parent. */
  | { readonly type: 'Known'; readonly credential: Credential; readonly owner: Credential };

export const ANONYMOUS: Identified = { type: 'Anonymous' };

/**
 * Resolves a credential whose signature stood: its parent must still be there and enabled, a session's token must be the stored
 * one, and nothing may have expired. `token` is the one presented; undefined skips that check (a named principal).
 */
export function identify(
  credential: Credential,
  token: { readonly presented: string | undefined } | undefined,
  source: CredentialSource,
  nowMs: number,
): Identified {
  if (!isUsable(credential)) throw new AuthRefusal('InvalidAccessKeyId');
  if (token !== undefined) requireToken(credential, token.presented);
  if (credential.type === 'Root' || credential.type === 'User') return { type: 'Known', credential, owner: credential };
  if (credential.expiresAtMs !== undefined && nowMs >= credential.expiresAtMs) {
    throw credential.type === 'Session' ? new AuthRefusal('ExpiredToken') : new AuthRefusal('InvalidAccessKeyId');
  }
  const owner = source.find(credential.parent);
  if (!isUsable(owner) || (owner.type !== 'User' && owner.type !== 'Root')) throw new AuthRefusal('InvalidAccessKeyId');
  if (credential.limit.kind === 'broken') throw new AuthRefusal('InvalidTokenId');
  return { type: 'Known', credential, owner };
}

function requireToken(credential: Credential, presented: string | undefined): void {
  const expected = credential.type === 'Session' ? credential.sessionToken : '';
  if (!constantTimeEqual(presented ?? '', expected)) throw new AuthRefusal('InvalidTokenId');
}

/** Dialects in which a service account or session goes by its parent's name. */
const NAMED_BY_PARENT: ReadonlySet<DialectName> = new Set(['portcullis', 'aws']);

/** The name that policies see: for a service account or session its parent's, where the dialect has it so. */
export function policyName(identified: Identified, dialect: DialectName): string {
  if (identified.type === 'Anonymous') return '';
  return (NAMED_BY_PARENT.has(dialect) ? identified.owner : identified.credential).accessKey;
}

/** The requester as policies see it. */
export function requestPrincipal(identified: Identified, dialect: DialectName): RequestPrincipal {
  const user = policyName(identified, dialect);
  if (identified.type === 'Anonymous') return { type: 'Anonymous', user, account: '' };
  const isRoot = identified.owner.type === 'Root';
  return { type: isRoot ? 'Root' : 'User', user, account: ACCOUNT, arn: principalArn(identified) };
}

/** The ARN of the user whose rights it has. */
export function principalArn(identified: Identified): string {
  if (identified.type === 'Anonymous') return '';
  const { owner } = identified;
  return owner.type === 'Root' ? `arn:aws:iam::${ACCOUNT}:root` : `arn:aws:iam::${ACCOUNT}:user/${owner.accessKey}`;
}
