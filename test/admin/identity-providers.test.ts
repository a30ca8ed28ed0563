// Several systems that vouch for people, at a sidecar of its own: which of the OpenID issuers is asked, claims from the UserInfo endpoint,
// a directory over TLS, and what administrators see and set of all of them.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LdapDirectory, type LdapSettings } from '../../src/authz/identity/provider/ldap.ts';
import { TestAuthority } from '../harness/certificates.ts';
import { CLI, cleanEnvironment, ROOT_KEYS } from '../harness/gateway.ts';
import { OpenIdIssuer } from '../harness/openid-issuer.ts';
import { TestProcess } from '../harness/processes.ts';
import { type S3Answer, S3Client } from '../harness/s3-client.ts';
import { hasServer, LDAP_ADMIN, LDAP_SUFFIX, startSlapd, type TestServer } from '../harness/servers.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { eventually } from '../harness/waiting.ts';
import { AdminClient, ASSUME_ROLE, allow, postSts, sessionKeys } from './admin-client.ts';

const PEOPLE = `ou=people,${LDAP_SUFFIX}`;
const ADA = `uid=ada,${PEOPLE}`;
const LDIF = [
  `dn: ${LDAP_SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`,
  `dn: ${PEOPLE}\nobjectClass: organizationalUnit\nou: people\n`,
  `dn: ${ADA}\nobjectClass: inetOrgPerson\nuid: ada\ncn: ada\nsn: ada\nuserPassword: ada-secret\n`,
].join('\n');
const withDirectory = hasServer('slapd');

const folder = makeTempFolder();
let authority: TestAuthority;
let issuer: OpenIdIssuer;
let directory: TestServer | undefined;
let sidecar: TestProcess;
let http: S3Client;
let root: AdminClient;

beforeAll(async () => {
  authority = new TestAuthority(folder, 'authority');
  const { cert, key } = authority.issue('localhost', 'serverAuth');
  issuer = await OpenIdIssuer.start();
  if (withDirectory) directory = await startSlapd(LDIF, { cert, key, fromStart: true });
  const openId = (name: string, clientId: string, more: Readonly<Record<string, string>> = {}) => ({
    [`MINIO_IDENTITY_OPENID_CONFIG_URL${name}`]: issuer.configUrl,
    [`MINIO_IDENTITY_OPENID_CLIENT_ID${name}`]: clientId,
    ...Object.fromEntries(
      Object.entries(more).map(([variable, value]) => [`MINIO_IDENTITY_OPENID_${variable}${name}`, value]),
    ),
  });
  sidecar = new TestProcess(
    process.execPath,
    [
      ...[CLI, 'authz', '--listen', `unix:${join(folder, 'authz.sock')}`, '--http-listen', '127.0.0.1:0'],
      ...['--store', `sqlite:${join(folder, 'iam.db')}`],
    ],
    {
      ...cleanEnvironment(),
      MINIO_ROOT_USER: ROOT_KEYS.accessKey,
      MINIO_ROOT_PASSWORD: ROOT_KEYS.secretKey,
      ...openId('', 'portcullis'),
      ...openId('_STAFF', 'staff', { ROLE_POLICY: 'lists-groups', CLIENT_SECRET: 'secret-of-the-client' }),
      ...openId('_APP', 'app', { CLAIM_USERINFO: 'on', CLAIM_NAME: 'roles' }),
      ...openId('_GUEST', 'staff', { ROLE_POLICY: 'lists-users' }),
      ...(directory === undefined
        ? {}
        : {
            NODE_EXTRA_CA_CERTS: authority.certFile,
            MINIO_IDENTITY_LDAP_SERVER_ADDR: `127.0.0.1:${directory.port}`,
            MINIO_IDENTITY_LDAP_LOOKUP_BIND_DN: LDAP_ADMIN.dn,
            MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD: LDAP_ADMIN.password,
            MINIO_IDENTITY_LDAP_USER_DN_SEARCH_BASE_DN: PEOPLE,
            MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER: '(uid=%s)',
          }),
    },
  );
  const port = await eventually('the sidecar is ready', () => {
    if (sidecar.exit !== undefined) throw new Error(sidecar.log);
    return /"http":"127\.0\.0\.1:(\d+)"/.exec(sidecar.log)?.[1];
  });
  http = new S3Client({ host: '127.0.0.1', port: Number(port) });
  root = new AdminClient(http, ROOT_KEYS);
  await root.addPolicy('lists-users', allow(['admin:ListUsers'], ['arn:aws:s3:::*']));
  await root.addPolicy('lists-groups', allow(['admin:ListGroups'], ['arn:aws:s3:::*']));
});
afterAll(async () => {
  http?.close();
  sidecar?.killGroup();
  issuer?.stop();
  await directory?.stop();
  removeTempFolder(folder);
});

const call = (Action: string, parameters: Readonly<Record<string, string>>): Promise<S3Answer> =>
  postSts(http, undefined, { Action, Version: '2011-06-15', ...parameters });
const webIdentity = (WebIdentityToken: string, more: Readonly<Record<string, string>> = {}): Promise<S3Answer> =>
  call('AssumeRoleWithWebIdentity', { WebIdentityToken, ...more });
const rolesOf = async (answer: S3Answer): Promise<Record<'users' | 'groups', number>> => {
  const self = new AdminClient(http, sessionKeys(answer));
  const groups = await self.call({ method: 'GET', path: 'groups' });
  return { users: (await self.listUsers()).status, groups: groups.status };
};

describe('several OpenID issuers', () => {
  it('of one name are told apart by whom a token is for', async () => {
    const own = await webIdentity(await issuer.token({ policy: 'lists-users' }));
    expect(await rolesOf(own)).toEqual({ users: 200, groups: 403 });
    const staff = await webIdentity(await issuer.token({ aud: 'staff', policy: 'lists-users' }), {
      RoleArn: 'arn:minio:iam:::role/staff',
    });
    expect(await rolesOf(staff)).toEqual({ users: 403, groups: 200 });
    expect(await webIdentity(await issuer.token({ aud: 'nobody' }))).toMatchObject({
      status: 400,
      code: 'InvalidIdentityToken',
    });
  });

  it('are chosen by the role that is asked for', async () => {
    const token = await issuer.token({ aud: 'staff' });
    const as = async (role: string) => rolesOf(await webIdentity(token, { RoleArn: role }));
    expect(await as('arn:minio:iam:::role/STAFF')).toEqual({ users: 403, groups: 200 });
    expect(await as('arn:aws:iam::000000000000:role/guest')).toEqual({ users: 200, groups: 403 });
    expect(
      await webIdentity(await issuer.token({ policy: 'lists-users' }), { RoleArn: 'arn:minio:iam:::role/STAFF' }),
    ).toMatchObject({ status: 400, code: 'InvalidIdentityToken' });
  });
});

describe('claims of the UserInfo endpoint', () => {
  const roles = { sub: 'u-1', roles: ['lists-users'] };

  it('name policies, with the access token of the bearer', async () => {
    issuer.userInfo.set('Bearer access-1', roles);
    const token = await issuer.token({ aud: 'app', sub: 'u-1' });
    const answer = await webIdentity(token, { WebIdentityAccessToken: 'access-1' });
    expect(await rolesOf(answer)).toEqual({ users: 200, groups: 403 });
  });

  it('are asked for with the token itself where there is no other', async () => {
    const token = await issuer.token({ aud: 'app', sub: 'u-1' });
    issuer.userInfo.set(`Bearer ${token}`, roles);
    expect(await rolesOf(await call('AssumeRoleWithClientGrants', { Token: token }))).toEqual({
      users: 200,
      groups: 403,
    });
  });

  it('stand behind those of the token', async () => {
    issuer.userInfo.set('Bearer access-2', roles);
    const token = await issuer.token({ aud: 'app', sub: 'u-1', roles: 'lists-groups' });
    const answer = await webIdentity(token, { WebIdentityAccessToken: 'access-2' });
    expect(await rolesOf(answer)).toEqual({ users: 403, groups: 200 });
  });

  it.each([
    ['an access token of somebody else', 'access-3'],
    ['an access token that is none', 'access-unknown'],
    ['what cannot be a token', 'a b'],
  ])('are not lent by %s', async (_, WebIdentityAccessToken) => {
    issuer.userInfo.set('Bearer access-3', { ...roles, sub: 'u-2' });
    const token = await issuer.token({ aud: 'app', sub: 'u-1' });
    expect(await webIdentity(token, { WebIdentityAccessToken })).toMatchObject({
      status: 400,
      code: 'InvalidIdentityToken',
    });
  });
});

describe('what administrators see', () => {
  const get = (path: string) => root.call({ method: 'GET', path });

  it('is which issuers there are, how they are chosen, and no secret', async () => {
    expect((await get('idp-config/openid')).json).toEqual([
      { type: 'openid', name: '_', enabled: true },
      { type: 'openid', name: 'APP', enabled: true, roleARN: 'arn:minio:iam:::role/APP' },
      { type: 'openid', name: 'GUEST', enabled: true, roleARN: 'arn:minio:iam:::role/GUEST' },
      { type: 'openid', name: 'STAFF', enabled: true, roleARN: 'arn:minio:iam:::role/STAFF' },
    ]);
    const staff = await get('idp-config/openid/STAFF');
    expect(staff.json).toMatchObject({
      type: 'openid',
      name: 'STAFF',
      info: expect.arrayContaining([{ key: 'client_id', value: 'staff', isCfg: true, isEnv: true }]),
    });
    expect(JSON.stringify(staff.json)).not.toContain('secret-of-the-client');
    expect((await get('idp-config/openid/nothing')).status).toBe(404);
    const changed = await root.call({ method: 'PUT', path: 'idp-config/openid/NEW', sealed: {} });
    expect(changed).toMatchObject({ status: 501 });
    expect(changed.message).toContain('MINIO_IDENTITY_*');
  });

  it('is nothing to others', async () => {
    await root.addUser('visitor', 'visitor-secret');
    const visitor = new AdminClient(http, { accessKey: 'visitor', secretKey: 'visitor-secret' });
    expect((await visitor.call({ method: 'GET', path: 'idp-config/openid' })).code).toBe('AccessDenied');
  });
});

describe('sessions of a user', () => {
  it('are ended together, by the user and by administrators alone', async () => {
    const keys = { accessKey: 'holder', secretKey: 'holder-secret' };
    await root.addUser(keys.accessKey, keys.secretKey);
    await root.setPolicies('lists-users', { user: 'holder' });
    const assume = async () => sessionKeys(await postSts(http, keys, ASSUME_ROLE));
    const [one, two] = [await assume(), await assume()];
    const status = async (session: typeof one) => (await new AdminClient(http, session).listUsers()).status;
    expect([await status(one), await status(two)]).toEqual([200, 200]);
    const revoke = (client: AdminClient, query: Readonly<Record<string, string>>) =>
      client.call({ method: 'POST', path: 'revoke-tokens/builtin', query });
    await root.addUser('stranger', 'stranger-secret');
    const stranger = new AdminClient(http, { accessKey: 'stranger', secretKey: 'stranger-secret' });
    expect((await revoke(stranger, { user: 'holder', fullRevoke: 'true' })).code).toBe('AccessDenied');
    expect((await revoke(root, { user: 'holder', tokenRevokeType: 'x' })).status).toBe(501);
    expect((await revoke(new AdminClient(http, keys), { fullRevoke: 'true' })).status).toBe(204);
    expect([await status(one), await status(two)]).toEqual([403, 403]);
    const three = await assume();
    expect((await revoke(root, { user: 'holder', fullRevoke: 'true' })).status).toBe(204);
    expect(await status(three)).toBe(403);
    expect((await revoke(root, { user: 'nobody-here', fullRevoke: 'true' })).status).toBe(404);
  });
});

describe.skipIf(!withDirectory)('a directory', () => {
  const ldap = () => call('AssumeRoleWithLDAPIdentity', { LDAPUsername: 'ada', LDAPPassword: 'ada-secret' });
  const change = (what: 'attach' | 'detach') =>
    root.call({
      method: 'POST',
      path: `idp/ldap/policy/${what}`,
      sealed: { policies: ['lists-users'], user: ADA },
    });

  it('is talked to over TLS, and its people get policies as newer clients attach them', async () => {
    expect((await ldap()).code).toBe('AccessDenied');
    expect((await change('attach')).json).toMatchObject({ policiesAttached: ['lists-users'] });
    expect(await rolesOf(await ldap())).toEqual({ users: 200, groups: 403 });
    const told = await root.call({ method: 'GET', path: 'idp/ldap/policy-entities' });
    expect(told.json).toMatchObject({
      userMappings: [{ user: ADA, policies: ['lists-users'] }],
      policyMappings: [{ policy: 'lists-users', users: [ADA] }],
    });
    expect((await change('detach')).status).toBe(200);
    expect((await ldap()).code).toBe('AccessDenied');
  });

  it.each([
    ['tls', true],
    ['starttls', false],
  ] as const)(
    'is believed over %s only with a certificate that is trusted, unless told otherwise',
    async (transport, fromStart) => {
      const { cert, key } = authority.issue('localhost', 'serverAuth');
      const server = await startSlapd(LDIF, { cert, key, fromStart });
      try {
        const settings: LdapSettings = {
          serverAddress: `127.0.0.1:${server.port}`,
          transport,
          tlsSkipVerify: false,
          lookup: { bindDn: LDAP_ADMIN.dn, bindPassword: LDAP_ADMIN.password, baseDns: [PEOPLE], filter: '(uid=%s)' },
          usernameFormats: [],
          groups: undefined,
        };
        const strict = new LdapDirectory(settings);
        await expect(strict.authenticate('ada', 'ada-secret')).rejects.toMatchObject({ kind: 'unavailable' });
        const lenient = new LdapDirectory({ ...settings, tlsSkipVerify: true });
        expect(await lenient.authenticate('ada', 'ada-secret')).toMatchObject({ dn: ADA });
        await expect(lenient.authenticate('ada', 'wrong')).rejects.toMatchObject({ kind: 'rejected' });
      } finally {
        await server.stop();
      }
    },
  );
});
