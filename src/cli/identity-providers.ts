// The systems that may vouch for somebody, out of the environment, under MinIO's names: MINIO_IDENTITY_OPENID_*,
// MINIO_IDENTITY_LDAP_*, MINIO_IDENTITY_TLS_*. What is set and cannot work is an error at start, not at the first call.
import type { LdapSettings } from '../authz/identity/provider/ldap.ts';
import type { OpenIdSettings } from '../authz/identity/provider/openid.ts';
import {
  describeLdap,
  describeOpenId,
  type ProviderDescription,
} from '../authz/identity/provider/provider-description.ts';
import { UsageError } from './root-credentials.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface IdentityProviderSettings {
  readonly openId: readonly OpenIdSettings[];
  readonly ldap: LdapSettings | undefined;
  readonly tls: { readonly enabled: boolean; readonly skipVerify: boolean };
}

export const NO_PROVIDERS: IdentityProviderSettings = {
  openId: [],
  ldap: undefined,
  tls: { enabled: false, skipVerify: false },
};

const OPENID = 'MINIO_IDENTITY_OPENID_';
const LDAP = 'MINIO_IDENTITY_LDAP_';
const TLS = 'MINIO_IDENTITY_TLS_';

/** Throws UsageError. */
export function readIdentityProviders(env: Environment): IdentityProviderSettings {
  return {
    openId: openIdNames(env).flatMap((suffix) => readOpenId(env, suffix)),
    ldap: readLdap(env),
    tls: { enabled: isOn(env, `${TLS}ENABLE`, false), skipVerify: isOn(env, `${TLS}SKIP_VERIFY`, false) },
  };
}

/** What administrators see of them. */
export function describeProviders({ openId, ldap }: IdentityProviderSettings): ProviderDescription[] {
  return [...openId.map(describeOpenId), ...(ldap === undefined ? [] : [describeLdap(ldap)])];
}

/** Suffixes of the issuers: '' for the one without a name, '_PRIMARY' for MINIO_IDENTITY_OPENID_CONFIG_URL_PRIMARY. */
function openIdNames(env: Environment): string[] {
  const start = `${OPENID}CONFIG_URL`;
  return Object.keys(env)
    .filter((name) => name === start || name.startsWith(`${start}_`))
    .map((name) => name.slice(start.length))
    .sort();
}

function readOpenId(env: Environment, suffix: string): OpenIdSettings[] {
  const variable = (name: string): string => `${OPENID}${name}${suffix}`;
  const text = (name: string): string => env[variable(name)]?.trim() ?? '';
  const configUrl = text('CONFIG_URL');
  if (configUrl === '' || !isOn(env, variable('ENABLE'), true)) return [];
  if (!isUrl(configUrl)) throw new UsageError(`${variable('CONFIG_URL')} must be an http or https URL`);
  const clientId = text('CLIENT_ID');
  if (clientId === '') {
    throw new UsageError(`${variable('CLIENT_ID')} must be set: tokens for other audiences are not for this service`);
  }
  const redirectUri = text('REDIRECT_URI');
  if (redirectUri !== '' && !isUrl(redirectUri)) {
    throw new UsageError(`${variable('REDIRECT_URI')} must be an http or https URL`);
  }
  return [
    {
      name: suffix.slice(1),
      configUrl,
      clientId,
      signIn: {
        clientSecret: env[variable('CLIENT_SECRET')] ?? '',
        redirectUri,
        scopes: list(text('SCOPES').replaceAll(' ', ','), ','),
        displayName: text('DISPLAY_NAME'),
      },
      claimName: text('CLAIM_NAME') || 'policy',
      claimPrefix: text('CLAIM_PREFIX'),
      rolePolicies: list(text('ROLE_POLICY'), ','),
      claimsFromUserInfo: isOn(env, variable('CLAIM_USERINFO'), false),
    },
  ];
}

function readLdap(env: Environment): LdapSettings | undefined {
  const text = (name: string): string => env[`${LDAP}${name}`]?.trim() ?? '';
  const serverAddress = text('SERVER_ADDR');
  if (serverAddress === '' || !isOn(env, `${LDAP}ENABLE`, true)) return undefined;
  if (!/^(?:\[[^\]]+\]|[^:/\s]+)(?::\d{1,5})?$/.test(serverAddress)) {
    throw new UsageError(`${LDAP}SERVER_ADDR must be HOST:PORT`);
  }
  const bindDn = text('LOOKUP_BIND_DN');
  const usernameFormats = list(text('USERNAME_FORMAT'), ';');
  if ((bindDn === '') === (usernameFormats.length === 0)) {
    throw new UsageError(`one of ${LDAP}LOOKUP_BIND_DN and ${LDAP}USERNAME_FORMAT must be set`);
  }
  const withUser = (name: string): string => {
    const value = text(name);
    if (!value.includes('%s')) throw new UsageError(`${LDAP}${name} must hold %s, where the user name goes`);
    return value;
  };
  const baseDns = (name: string): string[] => {
    const found = list(text(name), ';');
    if (found.length === 0) throw new UsageError(`${LDAP}${name} must be set`);
    return found;
  };
  if (usernameFormats.some((format) => !format.includes('%s'))) {
    throw new UsageError(`${LDAP}USERNAME_FORMAT must hold %s, where the user name goes`);
  }
  const insecure = isOn(env, `${LDAP}SERVER_INSECURE`, false);
  const startTls = isOn(env, `${LDAP}SERVER_STARTTLS`, false);
  return {
    serverAddress,
    transport: startTls ? 'starttls' : insecure ? 'none' : 'tls',
    tlsSkipVerify: isOn(env, `${LDAP}TLS_SKIP_VERIFY`, false),
    lookup:
      bindDn === ''
        ? undefined
        : {
            bindDn,
            bindPassword: env[`${LDAP}LOOKUP_BIND_PASSWORD`] ?? '',
            baseDns: baseDns('USER_DN_SEARCH_BASE_DN'),
            filter: withUser('USER_DN_SEARCH_FILTER'),
          },
    usernameFormats,
    groups:
      text('GROUP_SEARCH_FILTER') === ''
        ? undefined
        : { baseDns: baseDns('GROUP_SEARCH_BASE_DN'), filter: text('GROUP_SEARCH_FILTER') },
  };
}

/** MinIO: on, true, 1, yes; off, false, 0, no. */
function isOn(env: Environment, name: string, otherwise: boolean): boolean {
  const text = env[name]?.trim().toLowerCase() ?? '';
  if (text === '') return otherwise;
  if (['on', 'true', '1', 'yes', 'enabled'].includes(text)) return true;
  if (['off', 'false', '0', 'no', 'disabled'].includes(text)) return false;
  throw new UsageError(`${name} must be on or off, not ${JSON.stringify(env[name])}`);
}

function list(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text);
}
