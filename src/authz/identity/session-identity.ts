// External identities as the tokens of their sessions carry them. Names of claims are those that MinIO's tokens have, so that a
// gateway which reads the same store understands them; `idp` says which kind of system vouched.
import { z } from 'zod';
import { JWT_CLAIMS } from '../policy/derive/jwt-claims.ts';
import { certificateIdentity, directoryIdentity, type ExternalIdentity, openIdIdentity } from './external-identity.ts';

const Texts = z.union([z.string(), z.array(z.string())]);
const ExternalClaims = z.discriminatedUnion('idp', [
  z
    .object({ idp: z.literal('openid'), idpName: z.string().optional(), sub: z.string(), policy: z.string() })
    .catchall(z.unknown()),
  z.object({
    idp: z.literal('ldap'),
    ldapUser: z.string().min(1),
    ldapUsername: z.string().min(1),
    ldapGroups: z.array(z.string()),
  }),
  z.object({ idp: z.literal('tls'), commonName: z.string().min(1) }),
]);

/** What a session's token says of the identity; the claims that every token has are not among them. */
export function claimsOfIdentity(identity: ExternalIdentity): Readonly<Record<string, string | readonly string[]>> {
  const { provider, keys } = identity;
  const first = (key: string): string => keys.get(key)?.[0] ?? '';
  switch (provider) {
    case 'openid':
      return Object.fromEntries([
        ['idp', provider],
        ...(identity.providerName === undefined ? [] : [['idpName', identity.providerName] as const]),
        ...[...keys].map(([key, values]) => {
          const [only] = values;
          return [key.slice('jwt:'.length), values.length === 1 && only !== undefined ? only : values] as const;
        }),
      ]);
    case 'ldap':
      return {
        idp: provider,
        ldapUser: first('ldap:user'),
        ldapUsername: first('ldap:username'),
        ldapGroups: keys.get('ldap:groups') ?? [],
      };
    case 'tls':
      return { idp: provider, commonName: identity.accessKey.slice('tls:'.length) };
  }
}

/**
 * The identity in the claims of a token whose signature stood. Undefined: the session is a user's; 'broken': it claims to be an
 * external identity's and does not say whose.
 */
export function identityOfClaims(claims: Readonly<Record<string, unknown>>): ExternalIdentity | 'broken' | undefined {
  if (claims.idp === undefined) return undefined;
  const parsed = ExternalClaims.safeParse(claims);
  if (!parsed.success) return 'broken';
  const { data } = parsed;
  switch (data.idp) {
    case 'openid': {
      const told = Object.fromEntries(
        JWT_CLAIMS.flatMap((name) => {
          const value = Texts.safeParse(data[name]);
          return value.success ? [[name, value.data] as const] : [];
        }),
      );
      return openIdIdentity(
        told,
        data.policy.split(',').filter((name) => name !== ''),
        data.idpName,
      );
    }
    case 'ldap':
      return directoryIdentity({ username: data.ldapUsername, dn: data.ldapUser, groups: data.ldapGroups });
    case 'tls':
      return certificateIdentity(data.commonName);
  }
}
