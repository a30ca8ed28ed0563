// What administrators may see of the configured identity providers: how they are set up, without any secret.
import type { LdapSettings } from './ldap.ts';
import type { OpenIdSettings } from './openid.ts';

export interface ProviderDescription {
  readonly type: 'openid' | 'ldap';
  /** '_' for the one without a name. */
  readonly name: string;
  /** What RoleArn chooses it by; undefined for the one without a name. */
  readonly roleArn?: string;
  /** By the names of MinIO's configuration, as text. */
  readonly settings: readonly (readonly [key: string, value: string])[];
}

const DEFAULT_NAME = '_';
const onOff = (value: boolean): string => (value ? 'on' : 'off');

export function describeOpenId(settings: OpenIdSettings): ProviderDescription {
  const { name, configUrl, clientId, claimName, claimPrefix, rolePolicies, claimsFromUserInfo, signIn } = settings;
  return {
    type: 'openid',
    name: name === '' ? DEFAULT_NAME : name,
    ...(name === '' ? {} : { roleArn: `arn:minio:iam:::role/${name}` }),
    settings: [
      ['config_url', configUrl],
      ['client_id', clientId],
      ['claim_name', claimName],
      ['claim_prefix', claimPrefix],
      ['claim_userinfo', onOff(claimsFromUserInfo)],
      ['role_policy', rolePolicies.join(',')],
      ['display_name', signIn.displayName],
      ['scopes', signIn.scopes.join(',')],
      ['redirect_uri', signIn.redirectUri],
    ],
  };
}

export function describeLdap(settings: LdapSettings): ProviderDescription {
  const { serverAddress, transport, tlsSkipVerify, lookup, usernameFormats, groups } = settings;
  return {
    type: 'ldap',
    name: DEFAULT_NAME,
    settings: [
      ['server_addr', serverAddress],
      ['server_insecure', onOff(transport === 'none')],
      ['server_starttls', onOff(transport === 'starttls')],
      ['tls_skip_verify', onOff(tlsSkipVerify)],
      ['lookup_bind_dn', lookup?.bindDn ?? ''],
      ['user_dn_search_base_dn', lookup?.baseDns.join(';') ?? ''],
      ['user_dn_search_filter', lookup?.filter ?? ''],
      ['username_format', usernameFormats.join(';')],
      ['group_search_base_dn', groups?.baseDns.join(';') ?? ''],
      ['group_search_filter', groups?.filter ?? ''],
    ],
  };
}
