// Who a request acts as, once its credentials stood: the credential, and the user whose rights it has.
import type { DialectName, RequestPrincipal } from '../policy/request.ts';
import { AuthRefusal } from './auth-refusal.ts';
import type { Credential, CredentialSource } from './credential.ts';
import type { ExternalIdentity } from './external-identity.ts';
import { constantTimeEqual } from './signing-key.ts';
import { isUsable } from './verified-signature.ts';

/** The account of everyone here, in ARNs, unless another is configured. */
export const DEFAULT_ACCOUNT = '000000000000';

export type Identified =
  | { readonly type: 'Anonymous' }
  | {
      readonly type: 'Known';
      readonly credential: Credential;
      /** Whose policies apply: the credential itself, its parent, or whom another system vouches for. */
      readonly owner: Credential | ExternalIdentity;
    };

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
  if (credential.type === 'Session' && credential.external !== undefined) {
    return { type: 'Known', credential, owner: credential.external };
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

/** Somebody whom another system vouches for, before there is a session: as the session that is asked for. */
export function vouchedFor(external: ExternalIdentity): Identified {
  const credential: Credential = {
    type: 'Session',
    accessKey: external.accessKey,
    secretKey: '',
    parent: external.accessKey,
    limit: { kind: 'inherit' },
    enabled: true,
    sessionToken: '',
    expiresAtMs: Number.POSITIVE_INFINITY,
    external,
    sessionName: '',
  };
  return { type: 'Known', credential, owner: external };
}

/** The requester as policies see it. */
export function requestPrincipal(identified: Identified, dialect: DialectName, account: string): RequestPrincipal {
  const user = policyName(identified, dialect);
  if (identified.type === 'Anonymous') return { type: 'Anonymous', user, account: '' };
  const arn = principalArn(identified, account);
  if (identified.owner.type === 'Root') return { type: 'Root', user, account, arn };
  return { type: identified.credential.type === 'Session' ? 'AssumedRole' : 'User', user, account, arn };
}

/** The ARN: of a session its own, with the name of the user whose rights it has as its role; of anyone else the user's. */
export function principalArn(identified: Identified, account: string): string {
  if (identified.type === 'Anonymous') return '';
  const { owner, credential } = identified;
  if (owner.type === 'Root') return `arn:aws:iam::${account}:root`;
  if (credential.type !== 'Session') return `arn:aws:iam::${account}:user/${owner.accessKey}`;
  const name = credential.sessionName === '' ? credential.accessKey : credential.sessionName;
  return `arn:aws:sts::${account}:assumed-role/${owner.accessKey}/${name}`;
}
