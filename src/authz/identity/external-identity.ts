// Somebody whom another system vouches for (an OpenID issuer, a directory, a certificate authority): who it is, what policies may
// ask of it, and which policies it has. It has no record of its own: a session carries it in its token.
import { JWT_CLAIMS } from '../policy/derive/jwt-claims.ts';
import type { Keys } from './request-keys.ts';

/** Which kind of system vouched. */
export type IdentityProviderKind = 'openid' | 'ldap' | 'tls';

export interface ExternalIdentity {
  readonly type: 'External';
  readonly provider: IdentityProviderKind;
  /** Of several OpenID issuers, the one that vouched: their subjects are not each other's. Undefined for the one without a name. */
  readonly providerName?: string;
  /** Its name in Principal elements and logs: the provider, a colon, and the provider's name for it. No new access key may look like it. */
  readonly accessKey: string;
  /** Condition keys that it brings: `jwt:sub`, `ldap:username`, … */
  readonly keys: Keys;
  /** Names of policies that it was given by the system that vouched. */
  readonly policies: readonly string[];
  /** Names that policies are attached to here (`mc admin policy set`): its distinguished name, and those of its groups. */
  readonly attachedTo: { readonly user: string; readonly groups: readonly string[] } | undefined;
}

/** Claims as a token holds them: texts, and lists of texts. */
export type Claims = Readonly<Record<string, string | readonly string[]>>;

/** Characters of one claim, and values of a list, that are kept. A token with more is refused. */
export const MAX_CLAIM_CHARACTERS = 2_048;
export const MAX_CLAIM_VALUES = 256;

/** An identity out of the claims of an OpenID token. */
export function openIdIdentity(claims: Claims, policies: readonly string[], providerName = ''): ExternalIdentity {
  const keys = new Map<string, readonly string[]>();
  for (const name of JWT_CLAIMS) {
    const value = claims[name];
    if (value !== undefined) keys.set(`jwt:${name}`, typeof value === 'string' ? [value] : value);
  }
  const subject = claims.sub;
  return {
    type: 'External',
    provider: 'openid',
    ...(providerName === '' ? {} : { providerName }),
    accessKey: `openid${providerName === '' ? '' : `/${providerName}`}:${typeof subject === 'string' ? subject : ''}`,
    keys,
    policies,
    attachedTo: undefined,
  };
}

/** Somebody of a directory, as it was found there. */
export interface DirectoryUser {
  readonly username: string;
  readonly dn: string;
  /** Distinguished names. */
  readonly groups: readonly string[];
}

export function directoryIdentity({ username, dn, groups }: DirectoryUser): ExternalIdentity {
  return {
    type: 'External',
    provider: 'ldap',
    accessKey: `ldap:${dn}`,
    keys: new Map<string, readonly string[]>([
      ['ldap:user', [dn]],
      ['ldap:username', [username]],
      ...(groups.length === 0 ? [] : [['ldap:groups', groups] as const]),
    ]),
    policies: [],
    attachedTo: { user: dn, groups },
  };
}

/** The holder of a client certificate: the common name names the policy. */
export function certificateIdentity(commonName: string): ExternalIdentity {
  return {
    type: 'External',
    provider: 'tls',
    accessKey: `tls:${commonName}`,
    keys: new Map(),
    policies: [commonName],
    attachedTo: undefined,
  };
}

/** A distinguished name in the form that names are compared in: case and blanks around separators do not count. RFC 4517, 4.2.15. */
export function comparableDn(dn: string): string {
  return dn
    .replace(/\s*(?<!\\)([,=+])\s*/g, '$1')
    .trim()
    .toLowerCase();
}
