// Credentials for those whom another system vouches for, through a running gateway: an OpenID issuer, slapd, and certificates made with
// openssl. What they are is what policies see, and what does not stand gives nothing.
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LdapDirectory } from '../../src/authz/identity/provider/ldap.ts';
import { type TestAuthority as Authority, TestAuthority, type TestCertificate } from '../harness/certificates.ts';
import { freePort, type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { OpenIdIssuer } from '../harness/openid-issuer.ts';
import { collect, type S3Answer, xmlValue } from '../harness/s3-client.ts';
import { hasServer, LDAP_ADMIN, LDAP_SUFFIX, startSlapd, type TestServer } from '../harness/servers.ts';
import { encodeQuery, encodeText, type Keys } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { formatTestVolume } from '../harness/volume.ts';
import { eventually } from '../harness/waiting.ts';
import { AdminClient, allow, postSts, sessionKeys } from './admin-client.ts';

const PEOPLE = `ou=people,${LDAP_SUFFIX}`;
const GROUPS = `ou=groups,${LDAP_SUFFIX}`;
const dnOf = (uid: string): string => `uid=${uid},${PEOPLE}`;
const person = (uid: string, password: string): string =>
  `dn: ${dnOf(uid)}\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\nuserPassword: ${password}\n`;
const LDIF = [
  `dn: ${LDAP_SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n`,
  `dn: ${PEOPLE}\nobjectClass: organizationalUnit\nou: people\n`,
  `dn: ${GROUPS}\nobjectClass: organizationalUnit\nou: groups\n`,
  person('ada', 'ada-secret'),
  person('ben', 'ben-secret'),
  person('eve', 'eve-secret'),
  `dn: cn=writers,${GROUPS}\nobjectClass: groupOfNames\ncn: writers\nmember: ${dnOf('ada')}\n`,
].join('\n');

const withDirectory = hasServer('slapd');
let folder: string;
let gateway: Gateway;
let root: AdminClient;
let issuer: OpenIdIssuer;
let directory: TestServer | undefined;
let authority: Authority;
let stsPort: number;
logsOnFailure(() => gateway);

beforeAll(async () => {
  folder = makeTempFolder();
  const volume = await formatTestVolume(folder);
  issuer = await OpenIdIssuer.start();
  if (withDirectory) directory = await startSlapd(LDIF);
  authority = new TestAuthority(folder, 'clients-authority');
  const server = authority.issue('localhost', 'serverAuth');
  stsPort = await freePort();
  gateway = await startGateway({
    metaUrl: volume.metaUrl,
    flags: [
      ...['--multi-buckets', '--workers', '1', '--sts-listen', `127.0.0.1:${stsPort}`],
      ...['--sts-tls-cert', server.certFile, '--sts-tls-key', server.keyFile, '--sts-client-ca', authority.certFile],
    ],
    env: {
      MINIO_IDENTITY_OPENID_CONFIG_URL: issuer.configUrl,
      MINIO_IDENTITY_OPENID_CLIENT_ID: 'portcullis',
      MINIO_IDENTITY_TLS_ENABLE: 'on',
      ...(directory === undefined
        ? {}
        : {
            MINIO_IDENTITY_LDAP_SERVER_ADDR: `127.0.0.1:${directory.port}`,
            MINIO_IDENTITY_LDAP_SERVER_INSECURE: 'on',
            MINIO_IDENTITY_LDAP_LOOKUP_BIND_DN: LDAP_ADMIN.dn,
            MINIO_IDENTITY_LDAP_LOOKUP_BIND_PASSWORD: LDAP_ADMIN.password,
            MINIO_IDENTITY_LDAP_USER_DN_SEARCH_BASE_DN: PEOPLE,
            MINIO_IDENTITY_LDAP_USER_DN_SEARCH_FILTER: '(uid=%s)',
            MINIO_IDENTITY_LDAP_GROUP_SEARCH_BASE_DN: GROUPS,
            MINIO_IDENTITY_LDAP_GROUP_SEARCH_FILTER: '(&(objectclass=groupOfNames)(member=%d))',
          }),
    },
  });
  root = new AdminClient(gateway.client, gateway.root);
  await gateway.client.send({ method: 'PUT', bucket: 'home', keys: gateway.root });
  const own = (variable: string) => allow(['s3:PutObject', 's3:GetObject'], [`arn:aws:s3:::home/\${${variable}}/*`]);
  await root.addPolicy('own-subject', own('jwt:sub'));
  await root.addPolicy('own-ldap', own('ldap:username'));
  await root.addPolicy('robot', allow(['s3:PutObject'], ['arn:aws:s3:::home/robots/*']));
  await root.addPolicy('short', {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['sts:AssumeRoleWithWebIdentity'],
        Condition: { NumericLessThanEquals: { 'sts:DurationSeconds': '300' } },
      },
    ],
  });
  await root.addPolicy('no-long', {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Action: ['sts:AssumeRoleWithWebIdentity'],
        Condition: { NumericGreaterThan: { 'sts:DurationSeconds': '3600' } },
      },
    ],
  });
});
afterAll(async () => {
  await gateway?.dispose();
  issuer?.stop();
  await directory?.stop();
  removeTempFolder(folder);
});

const call = (Action: string, parameters: Readonly<Record<string, string>>): Promise<S3Answer> =>
  postSts(gateway.client, undefined, { Action, Version: '2011-06-15', ...parameters });
const webIdentity = (WebIdentityToken: string, more: Readonly<Record<string, string>> = {}): Promise<S3Answer> =>
  call('AssumeRoleWithWebIdentity', { WebIdentityToken, ...more });
const put = async (keys: Keys, key: string): Promise<number> =>
  (await gateway.client.send({ method: 'PUT', bucket: 'home', key, body: 'x', keys })).status;
const secondsLeft = (answer: S3Answer): number =>
  (Date.parse(xmlValue(answer.body, 'Expiration') ?? '') - Date.now()) / 1000;

describe('AssumeRoleWithWebIdentity', () => {
  it('gives the bearer of a token the policies that its claim names', async () => {
    const answer = await webIdentity(await issuer.token({ sub: 'u-1', policy: 'own-subject, nothing-here' }));
    expect(answer.status).toBe(200);
    const text = answer.body.toString();
    expect(text).toContain('<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">');
    expect(xmlValue(text, 'SubjectFromWebIdentityToken')).toBe('u-1');
    expect(xmlValue(text, 'Audience')).toBe('portcullis');
    expect(xmlValue(text, 'Provider')).toBe(issuer.url);
    expect(secondsLeft(answer)).toBeGreaterThan(3500);
    const keys = sessionKeys(answer);
    expect(await put(keys, 'u-1/k')).toBe(200);
    expect(await put(keys, 'u-2/k')).toBe(403);
    expect(await put({ accessKey: keys.accessKey, secretKey: keys.secretKey }, 'u-1/k')).toBe(403);
  });

  it('intersects them with an inline policy', async () => {
    const Policy = JSON.stringify(allow(['s3:*'], ['arn:aws:s3:::home/*/in/*']));
    const keys = sessionKeys(
      await webIdentity(await issuer.token({ sub: 'u-3', policy: ['own-subject'] }), { Policy }),
    );
    expect(await put(keys, 'u-3/in/k')).toBe(200);
    expect(await put(keys, 'u-3/out/k')).toBe(403);
    expect(await put(keys, 'other/in/k')).toBe(403);
  });

  it('follows its policies live', async () => {
    await root.addPolicy('changing', allow(['s3:PutObject'], ['arn:aws:s3:::home/before/*']));
    const keys = sessionKeys(await webIdentity(await issuer.token({ policy: 'changing' })));
    expect(await put(keys, 'before/k')).toBe(200);
    await root.addPolicy('changing', allow(['s3:PutObject'], ['arn:aws:s3:::home/after/*']));
    expect(await put(keys, 'before/k')).toBe(403);
    expect(await put(keys, 'after/k')).toBe(200);
  });

  it('limits the duration as a policy says, whatever is asked for', async () => {
    const token = await issuer.token({ policy: 'own-subject,short' });
    for (const DurationSeconds of ['900', '604800']) {
      const answer = await webIdentity(token, { DurationSeconds });
      expect(answer.status).toBe(200);
      expect(secondsLeft(answer)).toBeLessThanOrEqual(300);
      expect(secondsLeft(answer)).toBeGreaterThan(280);
    }
  });

  it('is refused where a policy denies the duration', async () => {
    const token = await issuer.token({ policy: 'own-subject,no-long' });
    expect((await webIdentity(token, { DurationSeconds: '3600' })).status).toBe(200);
    expect(await webIdentity(token, { DurationSeconds: '3601' })).toMatchObject({ status: 403, code: 'AccessDenied' });
  });

  it.each([
    ['the issuer is another', { iss: 'http://127.0.0.1:1' }, 'InvalidIdentityToken'],
    ['the audience is another', { aud: 'somebody-else' }, 'InvalidIdentityToken'],
    ['it has expired', { exp: Math.floor(Date.now() / 1000) - 60 }, 'ExpiredTokenException'],
    ['it never expires', { exp: undefined }, 'InvalidIdentityToken'],
    ['it is not valid yet', { nbf: Math.floor(Date.now() / 1000) + 3600 }, 'InvalidIdentityToken'],
    ['it names nobody', { sub: undefined }, 'InvalidIdentityToken'],
  ])('is refused when %s', async (_, claims, code) => {
    const token = await issuer.token({ policy: 'own-subject', ...claims });
    expect(await webIdentity(token)).toMatchObject({ status: 400, code });
  });

  it('is refused without a signature of the issuer', async () => {
    const claims = issuer.claims({ policy: 'own-subject' });
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const none = `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;
    const stranger = await issuer.token({ policy: 'own-subject' }, await issuer.newKey());
    const good = await issuer.token({ policy: 'own-subject' });
    const [head = '', , tail = ''] = good.split('.');
    const changed = `${head}.${encode({ ...claims, sub: 'root' })}.${tail}`;
    for (const token of [none, stranger, changed, 'nonsense', `${good}.x`]) {
      expect(await webIdentity(token)).toMatchObject({ status: 400, code: 'InvalidIdentityToken' });
    }
  });

  it('gives nothing to whom no policy belongs', async () => {
    for (const policy of [undefined, '', 'nothing-here', 17]) {
      expect(await webIdentity(await issuer.token({ policy }))).toMatchObject({ status: 403, code: 'AccessDenied' });
    }
  });

  it('takes new keys of the issuer, and no longer the old ones', async () => {
    const before = await issuer.token({ policy: 'own-subject' });
    expect((await webIdentity(before)).status).toBe(200);
    const old = await issuer.rotate();
    const after = await issuer.token({ policy: 'own-subject' });
    // keys are asked for again at most once a second
    await eventually('the new key is known', async () => (await webIdentity(after)).status === 200);
    expect(await webIdentity(await issuer.token({ policy: 'own-subject' }, old))).toMatchObject({
      status: 400,
      code: 'InvalidIdentityToken',
    });
  });

  it.each([
    ['a missing token', {}, 'MissingParameter'],
    ['too short a life', { WebIdentityToken: 'x', DurationSeconds: '899' }, 'InvalidParameterValue'],
    ['too long a policy', { WebIdentityToken: 'x', Policy: ' '.repeat(2049) }, 'InvalidParameterValue'],
    ['another version', { WebIdentityToken: 'x', Version: '2010-01-01' }, 'MissingParameter'],
  ])('refuses %s', async (_, parameters, code) => {
    expect(await call('AssumeRoleWithWebIdentity', parameters)).toMatchObject({ status: 400, code });
  });

  it('cannot make credentials of its own, nor administrate', async () => {
    await root.addPolicy('all', allow(['s3:*'], ['arn:aws:s3:::*']));
    const keys = sessionKeys(await webIdentity(await issuer.token({ policy: 'all' })));
    const self = new AdminClient(gateway.client, keys);
    expect((await self.addServiceAccount({ targetUser: '' })).status).toBeGreaterThanOrEqual(400);
    expect((await self.listUsers()).status).toBe(403);
    expect((await self.addUser('openid:someone', 'some-secret')).status).toBe(403);
  });
});

describe('AssumeRoleWithClientGrants', () => {
  it('gives the bearer of an access token the same', async () => {
    const token = await issuer.token({ sub: 'app-1', aud: 'account', azp: 'portcullis', policy: 'own-subject' });
    const answer = await call('AssumeRoleWithClientGrants', { Token: token });
    expect(answer.body.toString()).toContain('<AssumeRoleWithClientGrantsResult>');
    expect(xmlValue(answer.body, 'SubjectFromToken')).toBe('app-1');
    expect(await put(sessionKeys(answer), 'app-1/k')).toBe(200);
    expect(await put(sessionKeys(answer), 'app-2/k')).toBe(403);
  });
});

describe.skipIf(!withDirectory)('AssumeRoleWithLDAPIdentity', () => {
  const ldap = (LDAPUsername: string, LDAPPassword: string): Promise<S3Answer> =>
    call('AssumeRoleWithLDAPIdentity', { LDAPUsername, LDAPPassword });

  beforeAll(async () => {
    expect((await root.setPolicies('own-ldap', { user: dnOf('ada').toUpperCase() })).status).toBe(200);
    const byGroup = allow(['s3:PutObject'], ['arn:aws:s3:::home/shared/*'], {
      'ForAnyValue:StringLike': { 'ldap:groups': ['cn=writers,*'] },
    });
    await root.addPolicy('writers', byGroup);
    expect((await root.setPolicies('writers', { group: `cn=writers,${GROUPS}` })).status).toBe(200);
    await root.addPolicy(
      'by-dn',
      allow(['s3:PutObject'], ['arn:aws:s3:::home/dn/*'], {
        StringEquals: { 'ldap:user': [dnOf('ben')] },
      }),
    );
    expect((await root.setPolicies('by-dn', { user: dnOf('ben') })).status).toBe(200);
  });

  it('gives a user of the directory its own policies and those of its groups', async () => {
    const answer = await ldap('ada', 'ada-secret');
    expect(answer.body.toString()).toContain('<AssumeRoleWithLDAPIdentityResult>');
    const ada = sessionKeys(answer);
    expect(await put(ada, 'ada/k')).toBe(200);
    expect(await put(ada, 'ben/k')).toBe(403);
    expect(await put(ada, 'shared/k')).toBe(200);
    const ben = sessionKeys(await ldap('ben', 'ben-secret'));
    expect(await put(ben, 'shared/k')).toBe(403);
    expect(await put(ben, 'dn/k')).toBe(200);
  });

  it('takes policies away at once', async () => {
    const ben = sessionKeys(await ldap('ben', 'ben-secret'));
    expect(await put(ben, 'dn/k')).toBe(200);
    await root.setPolicies('', { user: dnOf('ben') });
    expect(await put(ben, 'dn/k')).toBe(403);
    await root.setPolicies('by-dn', { user: dnOf('ben') });
  });

  it.each([
    ['a wrong password', 'ada', 'ada-secre'],
    ['the password of another', 'ada', 'ben-secret'],
    ['a name that is not there', 'nobody', 'ada-secret'],
    ['a pattern for a name', '*', 'ada-secret'],
    ['a filter for a name', 'ada)(objectClass=*', 'ada-secret'],
  ])('refuses %s', async (_, username, password) => {
    expect(await ldap(username, password)).toMatchObject({ status: 400, code: 'InvalidIdentityToken' });
  });

  it('refuses an empty password, which directories take for nobody', async () => {
    expect((await ldap('ada', '')).status).toBe(400);
  });

  it('gives nothing to a user without policies', async () => {
    expect(await ldap('eve', 'eve-secret')).toMatchObject({ status: 403, code: 'AccessDenied' });
  });

  it('can be bound to by a pattern of names instead of a search', async () => {
    const byFormat = new LdapDirectory({
      serverAddress: `127.0.0.1:${directory?.port}`,
      transport: 'none',
      tlsSkipVerify: false,
      lookup: undefined,
      usernameFormats: [`uid=%s,ou=nowhere,${LDAP_SUFFIX}`, `uid=%s,${PEOPLE}`],
      groups: { baseDns: [GROUPS], filter: '(member=%d)' },
    });
    expect(await byFormat.authenticate('ada', 'ada-secret')).toEqual({
      username: 'ada',
      dn: dnOf('ada'),
      groups: [`cn=writers,${GROUPS}`],
    });
    for (const [name, password] of [
      ['ada', 'x'],
      ['ada,ou=people', 'ada-secret'],
      ['', 'x'],
    ] as const) {
      await expect(byFormat.authenticate(name, password)).rejects.toMatchObject({ kind: 'rejected' });
    }
  });

  it('says that the directory is away, and makes nothing up', async () => {
    await directory?.kill();
    expect(await ldap('ada', 'ada-secret')).toMatchObject({ status: 400, code: 'IDPCommunicationError' });
    await directory?.restart();
    expect((await ldap('ada', 'ada-secret')).status).toBe(200);
  });
});

describe('AssumeRoleWithCertificate', () => {
  function certified(
    client: TestCertificate | undefined,
    more: Readonly<Record<string, string>> = {},
  ): Promise<S3Answer> {
    const query = Object.entries({ Action: 'AssumeRoleWithCertificate', Version: '2011-06-15', ...more });
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest({
        ...{ host: '127.0.0.1', port: stsPort, method: 'POST', path: `/?${encodeQuery(query)}` },
        ...(client === undefined ? {} : { cert: client.cert, key: client.key }),
        rejectUnauthorized: false,
      });
      outgoing.on('response', (response) => resolve(collect(response)));
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  it('gives the holder of a certificate the policy of its common name', async () => {
    const answer = await certified(authority.issue('robot', 'clientAuth'));
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toContain('<AssumeRoleWithCertificateResult>');
    const keys = sessionKeys(answer);
    expect(await put(keys, 'robots/k')).toBe(200);
    expect(await put(keys, 'ada/k')).toBe(403);
  });

  it('lasts no longer than the certificate', async () => {
    const answer = await certified(authority.issue('robot', 'clientAuth', { days: '1' }), {
      DurationSeconds: '604800',
    });
    expect(secondsLeft(answer)).toBeLessThanOrEqual(86_400);
  });

  it('is refused without a certificate, with another authority, for another use, without a policy, and in the clear', async () => {
    const stranger = new TestAuthority(folder, 'strangers').issue('robot', 'clientAuth');
    for (const client of [
      undefined,
      stranger,
      authority.issue('robot', 'serverAuth'),
      authority.issue('nothing-here', 'clientAuth'),
    ]) {
      expect(await certified(client)).toMatchObject({ status: 403, code: 'AccessDenied' });
    }
    expect(await call('AssumeRoleWithCertificate', {})).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});

describe('a second gateway on the same volume', () => {
  it('accepts the sessions of the first', async () => {
    const token = await issuer.token({ sub: 'u-9', policy: 'own-subject' });
    const keys = sessionKeys(await webIdentity(token));
    const metaUrl = `sqlite3://${folder}/meta.db`;
    const second = await startGateway({ metaUrl, flags: ['--multi-buckets', '--workers', '1'] });
    try {
      const status = async (key: string): Promise<number> =>
        (await second.client.send({ method: 'PUT', bucket: 'home', key, body: 'x', keys })).status;
      expect(await status('u-9/k')).toBe(200);
      expect(await status(`${encodeText('u-8')}/k`)).toBe(403);
    } finally {
      await second.dispose();
    }
  });
});
