// Identity providers out of the environment: MinIO's names, and a plain word about what cannot work.
import { describe, expect, it } from 'vitest';
import { NO_PROVIDERS, readIdentityProviders } from './identity-providers.ts';

const OPENID = {
  MINIO_IDENTITY_OPENID_CONFIG_URL: 'https://id.example/.well-known/openid-configuration',
  MINIO_IDENTITY_OPENID_CLIENT_ID: 'portcullis',
};
const LDAP = {
  MINIO_IDENTITY_LDAP_SERVER_ADDR: 'ldap.example:636',
  MINIO_IDENTITY_LDAP_LOOKUP_BIND_DN: 'cn=reader',
  MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD: 'secret',
  MINIO_IDENTITY_LDAP_USER_DN_SEARCH_BASE_DN: 'ou=a;ou=b',
  MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER: '(uid=%s)',
};

describe('identity providers of the environment', () => {
  it('are none when nothing is set', () => {
    expect(readIdentityProviders({})).toEqual(NO_PROVIDERS);
  });

  it('are issuers, with and without a name', () => {
    const { openId } = readIdentityProviders({
      ...OPENID,
      MINIO_IDENTITY_OPENID_CONFIG_URL_STAFF: 'http://staff.example/openid',
      MINIO_IDENTITY_OPENID_CLIENT_ID_STAFF: 'staff',
      MINIO_IDENTITY_OPENID_CLIENT_SECRET_STAFF: 'staff secret',
      MINIO_IDENTITY_OPENID_REDIRECT_URI_STAFF: 'https://files.example/minio/oauth_callback',
      MINIO_IDENTITY_OPENID_SCOPES_STAFF: 'openid,groups',
      MINIO_IDENTITY_OPENID_DISPLAY_NAME_STAFF: 'Staff',
      MINIO_IDENTITY_OPENID_CLAIM_NAME_STAFF: 'roles',
      MINIO_IDENTITY_OPENID_CLAIM_PREFIX_STAFF: 'staff-',
      MINIO_IDENTITY_OPENID_ROLE_POLICY_STAFF: 'readonly, audit',
      MINIO_IDENTITY_OPENID_CLAIM_USERINFO_STAFF: 'on',
      MINIO_IDENTITY_OPENID_CONFIG_URL_OFF: 'http://off.example/openid',
      MINIO_IDENTITY_OPENID_CLIENT_ID_OFF: 'off',
      MINIO_IDENTITY_OPENID_ENABLE_OFF: 'off',
    });
    expect(openId).toEqual([
      {
        name: '',
        configUrl: OPENID.MINIO_IDENTITY_OPENID_CONFIG_URL,
        clientId: 'portcullis',
        signIn: { clientSecret: '', redirectUri: '', scopes: [], displayName: '' },
        claimName: 'policy',
        claimPrefix: '',
        rolePolicies: [],
        claimsFromUserInfo: false,
      },
      {
        name: 'STAFF',
        configUrl: 'http://staff.example/openid',
        clientId: 'staff',
        signIn: {
          clientSecret: 'staff secret',
          redirectUri: 'https://files.example/minio/oauth_callback',
          scopes: ['openid', 'groups'],
          displayName: 'Staff',
        },
        claimName: 'roles',
        claimPrefix: 'staff-',
        rolePolicies: ['readonly', 'audit'],
        claimsFromUserInfo: true,
      },
    ]);
  });

  it('are a directory: over TLS unless told otherwise', () => {
    expect(readIdentityProviders(LDAP).ldap).toMatchObject({
      serverAddress: 'ldap.example:636',
      transport: 'tls',
      tlsSkipVerify: false,
      lookup: { bindDn: 'cn=reader', bindPassword: 'secret', baseDns: ['ou=a', 'ou=b'], filter: '(uid=%s)' },
      groups: undefined,
    });
    expect(readIdentityProviders({ ...LDAP, MINIO_IDENTITY_LDAP_SERVER_INSECURE: 'on' }).ldap?.transport).toBe('none');
    expect(readIdentityProviders({ ...LDAP, MINIO_IDENTITY_LDAP_SERVER_STARTTLS: 'on' }).ldap?.transport).toBe(
      'starttls',
    );
  });

  it.each([
    ['an issuer without a client id', { ...OPENID, MINIO_IDENTITY_OPENID_CLIENT_ID: '' }, /CLIENT_ID/],
    ['an issuer that is no URL', { ...OPENID, MINIO_IDENTITY_OPENID_CONFIG_URL: 'id.example' }, /CONFIG_URL/],
    [
      'a way back that is no URL',
      { ...OPENID, MINIO_IDENTITY_OPENID_REDIRECT_URI: '/minio/oauth_callback' },
      /REDIRECT_URI/,
    ],
    ['a switch that is neither', { ...OPENID, MINIO_IDENTITY_OPENID_ENABLE: 'maybe' }, /on or off/],
    ['a directory nobody can be found in', { MINIO_IDENTITY_LDAP_SERVER_ADDR: 'a:389' }, /LOOKUP_BIND_DN/],
    ['a filter without a user', { ...LDAP, MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER: '(uid=x)' }, /%s/],
    ['a directory that is a URL', { ...LDAP, MINIO_IDENTITY_LDAP_SERVER_ADDR: 'ldap://a:389' }, /HOST:PORT/],
    ['groups without a place', { ...LDAP, MINIO_IDENTITY_LDAP_GROUP_SEARCH_FILTER: '(x=%d)' }, /GROUP_SEARCH_BASE_DN/],
  ])('refuse %s', (_, env, message) => {
    expect(() => readIdentityProviders(env)).toThrow(message);
  });
});
