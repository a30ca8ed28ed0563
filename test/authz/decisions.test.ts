// Decisions by stored identities and policies, as a caller sees them over the socket.
import { createHmac } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { type Credentials, Outcome, Principal_Type } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { UNKNOWN_KEY_RELOAD_GAP_MS } from '../../src/authz/identity/iam-directory.ts';
import type { BucketRecord, IamRecords, IdentityRecord, Unreadable } from '../../src/authz/store/iam-store.ts';
import { ROOT } from './sidecar-client.ts';
import { anonymousCredentials, headerCredentials, signQuery, type TestKeys, timeText } from './signing-client.ts';
import {
  ALICE,
  aliceWith,
  allow,
  ask,
  BOB,
  deny,
  outcome,
  policy,
  serve,
  sidecar,
  store,
  user,
  useSidecar,
} from './stored-identities.ts';

useSidecar();

const { OUTCOME_ALLOW, OUTCOME_EXPLICIT_DENY, OUTCOME_IMPLICIT_DENY, OUTCOME_EVALUATION_ERROR, OUTCOME_NEEDS_FACTS } =
  Outcome;

describe('a user', () => {
  it('gets what the policy grants, exactly', async () => {
    await serve(
      aliceWith({
        home: policy(allow('s3:*', 'photos/home/${aws:username}/*'), {
          ...deny('s3:DeleteObject', '*'),
          Sid: 'keep',
        }),
      }),
    );
    expect(await ask(ALICE, 's3:GetObject', 'photos/home/alice/a')).toMatchObject({
      outcome: OUTCOME_ALLOW,
      determining: { policy: 'home', index: 0 },
    });
    expect(await ask(ALICE, 's3:DeleteObject', 'photos/home/alice/a')).toMatchObject({
      outcome: OUTCOME_EXPLICIT_DENY,
      determining: { policy: 'home', sid: 'keep', index: 1 },
    });
    for (const other of ['photos/home/bob/a', 'photos/home/alicea', 'photos', 'other/home/alice/a']) {
      expect(await outcome(ALICE, 's3:GetObject', other)).toBe(OUTCOME_IMPLICIT_DENY);
    }
    expect(await outcome(BOB, 's3:GetObject', 'photos/home/alice/a')).toBe(OUTCOME_IMPLICIT_DENY);
  });

  it('is refused by the first access that is not allowed', async () => {
    await serve(aliceWith({ copy: policy(allow('s3:GetObject', 'from/*'), allow('s3:PutObject', 'to/*')) }));
    const copy = async (from: string, to: string): Promise<Outcome | undefined> => {
      const accesses = [
        { action: 's3:GetObject', resource: `arn:aws:s3:::${from}` },
        { action: 's3:PutObject', resource: `arn:aws:s3:::${to}` },
      ];
      return (await sidecar.authorize({ credentials: headerCredentials(ALICE), accesses })).decision?.outcome;
    };
    expect(await copy('from/a', 'to/a')).toBe(OUTCOME_ALLOW);
    expect(await copy('secret/a', 'to/a')).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await copy('from/a', 'from/a')).toBe(OUTCOME_IMPLICIT_DENY);
  });

  it('has the rights of enabled groups, and of built-in policies', async () => {
    await serve({
      groups: new Map([
        ['readers', { enabled: true, members: ['alice'] }],
        ['writers', { enabled: false, members: ['alice'] }],
      ]),
      groupPolicies: new Map([
        ['readers', ['readonly']],
        ['writers', ['writeonly']],
      ]),
    });
    expect(await outcome(ALICE, 's3:GetObject', 'photos/a')).toBe(OUTCOME_ALLOW);
    expect(await outcome(ALICE, 's3:PutObject', 'photos/a')).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await outcome(BOB, 's3:GetObject', 'photos/a')).toBe(OUTCOME_IMPLICIT_DENY);
  });

  it('is nobody while switched off', async () => {
    await serve({ users: new Map([['alice', user(ALICE, false)]]), userPolicies: new Map([['alice', ['readwrite']]]) });
    expect(await ask(ALICE, 's3:GetObject', 'photos/a')).toMatchObject({ reason: 'InvalidAccessKeyId' });
  });
});

describe('what cannot be read', () => {
  it('refuses whoever depends on it, and nobody else', async () => {
    await serve({
      policies: new Map<string, string | { unreadable: string }>([
        ['broken', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Fly"}]}'],
        ['sealed', { unreadable: 'it is encrypted' }],
      ]),
      userPolicies: new Map<string, string[] | { unreadable: string }>([
        ['alice', ['readwrite', 'broken']],
        ['bob', ['readwrite', 'no-such-policy']],
        ['carol', ['readwrite', 'sealed']],
        ['dave', { unreadable: 'it is not JSON' }],
      ]),
      users: new Map(['alice', 'bob', 'carol', 'dave'].map((name) => [name, user({ ...ALICE, accessKey: name })])),
    });
    const of = (accessKey: string): Promise<Outcome> => outcome({ ...ALICE, accessKey }, 's3:GetObject', 'photos/a');
    expect(await of('alice')).toBe(OUTCOME_EVALUATION_ERROR);
    expect(await of('bob')).toBe(OUTCOME_ALLOW);
    expect(await of('carol')).toBe(OUTCOME_EVALUATION_ERROR);
    expect(await of('dave')).toBe(OUTCOME_EVALUATION_ERROR);
    expect(await outcome(ROOT, 's3:GetObject', 'photos/a')).toBe(OUTCOME_ALLOW);
  });

  it('closes a bucket whose policy it is', async () => {
    const bucket = (text: string): BucketRecord => ({
      createdMs: 0,
      lockEnabled: false,
      documents: new Map(text === '' ? [] : [['policy', text]]),
    });
    await serve({
      userPolicies: new Map([['alice', ['readwrite']]]),
      buckets: new Map<string, BucketRecord | Unreadable>([
        ['damaged', { unreadable: 'its metadata is damaged' }],
        ['broken', bucket('{"Version":"2012-10-17","Statement":[{}]}')],
        ['fine', bucket('')],
      ]),
    });
    for (const keys of [ALICE, anonymousCredentials]) {
      expect(await outcome(keys, 's3:GetObject', 'damaged/a')).toBe(OUTCOME_EVALUATION_ERROR);
      expect(await outcome(keys, 's3:GetObject', 'broken/a')).toBe(OUTCOME_EVALUATION_ERROR);
    }
    expect(await outcome(ALICE, 's3:GetObject', 'fine/a')).toBe(OUTCOME_ALLOW);
    expect(await outcome(anonymousCredentials, 's3:GetObject', 'fine/a')).toBe(OUTCOME_IMPLICIT_DENY);
  });
});

describe('bucket policies', () => {
  const records: Partial<IamRecords> = {
    userPolicies: new Map([['alice', ['readwrite']]]),
    buckets: new Map([
      [
        'photos',
        {
          createdMs: 0,
          lockEnabled: false,
          documents: new Map([
            [
              'policy',
              policy(
                { ...allow('s3:GetObject', 'photos/public/*'), Principal: '*' },
                { ...deny('s3:GetObject', 'photos/secret/*'), Principal: '*' },
              ),
            ],
          ]),
        },
      ],
    ]),
  };

  it('bind everyone by default', async () => {
    await serve(records);
    expect(await outcome(anonymousCredentials, 's3:GetObject', 'photos/public/a')).toBe(OUTCOME_ALLOW);
    expect(await outcome(BOB, 's3:GetObject', 'photos/public/a')).toBe(OUTCOME_ALLOW);
    expect(await ask(ALICE, 's3:GetObject', 'photos/secret/a')).toMatchObject({
      outcome: OUTCOME_EXPLICIT_DENY,
      determining: { policy: 'bucket:photos', index: 1 },
    });
    expect(await outcome(ROOT, 's3:GetObject', 'photos/secret/a')).toBe(OUTCOME_ALLOW);
  });

  it('bind the anonymous alone where told so', async () => {
    await serve(records, { bucketPolicies: 'anonymous' });
    expect(await outcome(anonymousCredentials, 's3:GetObject', 'photos/public/a')).toBe(OUTCOME_ALLOW);
    expect(await outcome(BOB, 's3:GetObject', 'photos/public/a')).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await outcome(ALICE, 's3:GetObject', 'photos/secret/a')).toBe(OUTCOME_ALLOW);
  });
});

describe('changes', () => {
  it('count at once where they are made', async () => {
    await serve({});
    expect(await outcome(ALICE, 's3:GetObject', 'photos/a')).toBe(OUTCOME_IMPLICIT_DENY);
    store.change({ userPolicies: new Map([['alice', ['readonly']]]) });
    await expect.poll(() => outcome(ALICE, 's3:GetObject', 'photos/a')).toBe(OUTCOME_ALLOW);
  });

  it('made elsewhere count for an access key that was not known, looked for once a second', async () => {
    let nowMs = Date.now();
    await serve({}, { nowMs: () => nowMs, refreshMs: 0 });
    const carol = { accessKey: 'carol', secretKey: 'carol-secret' };
    const reason = async (keys: TestKeys): Promise<string> => (await ask(keys, 's3:GetObject', 'photos/a')).reason;
    store.change({ users: new Map([['carol', user(carol)]]) }, { quietly: true });
    expect(await reason(carol)).toBe('NoPolicyAllows');
    const dave = { accessKey: 'dave', secretKey: 'dave-secret' };
    store.change({ users: new Map([['dave', user(dave)]]) }, { quietly: true });
    expect(await reason(dave)).toBe('InvalidAccessKeyId');
    nowMs += UNKNOWN_KEY_RELOAD_GAP_MS;
    expect(await reason(dave)).toBe('NoPolicyAllows');
  });
});

describe('service accounts', () => {
  const account = (parent: string, claims: object): IdentityRecord => {
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${encode({ alg: 'HS512', typ: 'JWT' })}.${encode({ parent, ...claims })}`;
    const sessionToken = `${body}.${createHmac('sha512', ROOT.secretKey).update(body).digest('base64url')}`;
    return { secretKey: 'svc-secret', enabled: true, expiresAtMs: undefined, sessionToken, parent };
  };
  const embedded = (document: string): object => ({
    'sa-policy': 'embedded-policy',
    sessionPolicy: Buffer.from(document).toString('base64'),
  });
  const keys = (accessKey: string): TestKeys => ({ accessKey, secretKey: 'svc-secret' });

  it('have their parent’s rights, or a part of them, as long as the parent is there', async () => {
    await serve({
      userPolicies: new Map([['alice', ['readonly']]]),
      serviceAccounts: new Map([
        ['inherits', account('alice', { 'sa-policy': 'inherited-policy' })],
        ['limited', account('alice', embedded(policy(allow('s3:*', 'photos/*'))))],
        ['unreadable', account('alice', embedded('{"Version":"2012-10-17","Statement":7}'))],
        ['of-root', account(ROOT.accessKey, embedded(policy(allow('s3:PutObject', 'photos/*'))))],
        ['all-of-root', account(ROOT.accessKey, { 'sa-policy': 'inherited-policy' })],
        ['orphan', account('nobody', { 'sa-policy': 'inherited-policy' })],
      ]),
    });
    expect(await outcome(keys('inherits'), 's3:GetObject', 'other/a')).toBe(OUTCOME_ALLOW);
    expect(await outcome(keys('limited'), 's3:GetObject', 'photos/a')).toBe(OUTCOME_ALLOW);
    expect(await outcome(keys('limited'), 's3:GetObject', 'other/a')).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await outcome(keys('limited'), 's3:PutObject', 'photos/a')).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await outcome(keys('unreadable'), 's3:GetObject', 'photos/a')).toBe(OUTCOME_EVALUATION_ERROR);
    expect(await outcome(keys('of-root'), 's3:PutObject', 'photos/a')).toBe(OUTCOME_ALLOW);
    expect(await outcome(keys('of-root'), 's3:GetObject', 'photos/a')).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await outcome(keys('all-of-root'), 's3:DeleteBucket', 'photos')).toBe(OUTCOME_ALLOW);
    expect(await ask(keys('orphan'), 's3:GetObject', 'photos/a')).toMatchObject({ reason: 'InvalidAccessKeyId' });

    store.change({ users: new Map([['alice', user(ALICE, false)]]) });
    await expect
      .poll(async () => (await ask(keys('inherits'), 's3:GetObject', 'other/a')).reason)
      .toBe('InvalidAccessKeyId');
  });

  it('say whose they are', async () => {
    await serve({ serviceAccounts: new Map([['svc', account('alice', { 'sa-policy': 'inherited-policy' })]]) });
    const { principal } = await sidecar.authorize({
      credentials: headerCredentials(keys('svc')),
      accesses: [{ action: 's3:GetObject', resource: 'arn:aws:s3:::photos/a' }],
    });
    expect(principal).toMatchObject({
      type: Principal_Type.TYPE_SERVICE_ACCOUNT,
      accessKey: 'svc',
      parent: 'alice',
      arn: 'arn:aws:iam::000000000000:user/alice',
    });
  });
});

describe('condition keys', () => {
  const when = (operator: string, key: string, value: string): Partial<IamRecords> =>
    aliceWith({
      conditional: policy(
        allow('s3:*', 'photos/*', { [operator]: { [key]: value } }),
        allow('s3:ListBucket', 'photos', { [operator]: { [key]: value } }),
      ),
    });
  const NOW = Date.UTC(2026, 5, 1, 12);
  const signed = headerCredentials(ALICE, { time: timeText(NOW) });

  it.each([
    ['IpAddress', 'aws:SourceIp', '192.0.2.0/24', { sourceAddress: '192.0.2.7' }, { sourceAddress: '198.51.100.7' }],
    ['Bool', 'aws:SecureTransport', 'true', { secureTransport: true }, { secureTransport: false }],
    ['StringLike', 'aws:UserAgent', 'aws-cli/*', { userAgent: 'aws-cli/2.1' }, { userAgent: 'curl/8' }],
    ['StringEquals', 'aws:Referer', 'https://a.test/', { referer: 'https://a.test/' }, { referer: '' }],
  ])('%s %s', async (operator, key, value, right, wrong) => {
    await serve(when(operator, key, value));
    expect(await outcome(ALICE, 's3:GetObject', 'photos/a', { request: right })).toBe(OUTCOME_ALLOW);
    expect(await outcome(ALICE, 's3:GetObject', 'photos/a', { request: wrong })).toBe(OUTCOME_IMPLICIT_DENY);
  });

  it.each([
    ['DateLessThan', 'aws:CurrentTime', '2026-06-01T12:00:01Z', '2026-06-01T12:00:00Z'],
    ['NumericEquals', 'aws:EpochTime', String(NOW / 1000), String(NOW / 1000 + 1)],
    ['StringEquals', 'aws:username', 'alice', 'bob'],
    ['StringEquals', 'aws:principaltype', 'User', 'Account'],
    ['StringEquals', 's3:authType', 'REST-HEADER', 'REST-QUERY-STRING'],
    ['StringEquals', 's3:signatureversion', 'AWS4-HMAC-SHA256', 'AWS'],
    ['StringLike', 's3:x-amz-content-sha256', 'e3b0c442*', 'UNSIGNED-PAYLOAD'],
  ])('%s %s is found out here', async (operator, key, right, wrong) => {
    await serve(when(operator, key, right), { nowMs: () => NOW });
    expect(await outcome(signed, 's3:GetObject', 'photos/a')).toBe(OUTCOME_ALLOW);
    await sidecar.stop();
    await serve(when(operator, key, wrong), { nowMs: () => NOW });
    expect(await outcome(signed, 's3:GetObject', 'photos/a')).toBe(OUTCOME_IMPLICIT_DENY);
  });

  it('knows how old a presigned URL is', async () => {
    let nowMs = NOW;
    await serve(when('NumericLessThan', 's3:signatureAge', '60000'), { nowMs: () => nowMs });
    const { signature, canonical } = signQuery(ALICE, '3600', { time: timeText(NOW) });
    const value = { signature, canonicalRequest: Buffer.from(canonical), unsignedHeaders: [] };
    const presigned: Credentials = { presented: { $case: 'sigv4Query', value } };
    nowMs += 59_999;
    expect(await outcome(presigned, 's3:GetObject', 'photos/a')).toBe(OUTCOME_ALLOW);
    nowMs += 1;
    expect(await outcome(presigned, 's3:GetObject', 'photos/a')).toBe(OUTCOME_IMPLICIT_DENY);
  });

  it('takes those of the request and the access from the caller', async () => {
    await serve(when('StringEquals', 's3:prefix', 'home/'));
    const list = (context: Record<string, string[]>): Promise<Outcome> =>
      outcome(ALICE, 's3:ListBucket', 'photos', { context });
    expect(await list({ 's3:prefix': ['home/'] })).toBe(OUTCOME_ALLOW);
    expect(await list({ 's3:prefix': [''] })).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await list({})).toBe(OUTCOME_IMPLICIT_DENY);
  });

  it.each(['aws:username', 'AWS:UserName', 'aws:PrincipalArn', 'jwt:sub', 's3:authType', 'aws:SourceIp', 'prefix'])(
    'refuses to be told %s',
    async (key) => {
      await serve({});
      const context = { [key]: ['bob'] };
      await expect(ask(ALICE, 's3:GetObject', 'photos/a', { context })).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
    },
  );

  it('asks for the tags that a policy reads, and takes an empty list for "it has none"', async () => {
    const blue = { StringEquals: { 's3:ExistingObjectTag/team': 'blue' } };
    await serve(aliceWith({ tagged: policy(allow('s3:GetObject', 'photos/*', blue)) }));
    expect(await ask(ALICE, 's3:GetObject', 'photos/a')).toMatchObject({
      outcome: OUTCOME_NEEDS_FACTS,
      neededFacts: ['s3:ExistingObjectTag/team'],
    });
    const tagged = (values: string[]): Promise<Outcome> =>
      outcome(ALICE, 's3:GetObject', 'photos/a', { context: { 's3:ExistingObjectTag/team': values } });
    expect(await tagged(['blue'])).toBe(OUTCOME_ALLOW);
    expect(await tagged(['red'])).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await tagged([])).toBe(OUTCOME_IMPLICIT_DENY);
    expect(await outcome(BOB, 's3:GetObject', 'photos/a')).toBe(OUTCOME_IMPLICIT_DENY);
  });
});
