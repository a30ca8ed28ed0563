// The rules without a store: what a change reads, what it makes, and what it refuses.
import { describe, expect, it } from 'vitest';
import { isPublicPolicy } from '../identity/public-policy.ts';
import type { BucketRecord, IamRecords, IdentityRecord } from '../store/iam-store.ts';
import { EMPTY_RECORDS } from '../store/memory-store.ts';
import { withChanges } from '../store/record-changes.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { setBucketPolicy } from './bucket-policies.ts';
import type { Command, Rules } from './command.ts';
import { addMembers, removeMembers } from './groups.ts';
import { newAccessKey, newSecretKey, signToken } from './key-maker.ts';
import { attachPolicies, detachPolicies, type PolicyDifference, putPolicy, removePolicy } from './policies.ts';
import { addSession, expireSessions, MAX_EXPIRED_AT_ONCE, type SessionCredentials } from './sessions.ts';
import { putUser, removeUser, setUserStatus } from './users.ts';

const rules: Rules = {
  rootAccessKey: 'root',
  rootSecretKey: 'root-secret-1',
  hasDirectory: false,
  isBuiltInPolicy: (name) => name === 'readonly',
  policyProblem: (text) => (text.includes('bad') ? 'it is bad' : undefined),
};
const user = (more: Partial<IdentityRecord> = {}): IdentityRecord => ({
  secretKey: 'secret-key-1',
  enabled: true,
  expiresAtMs: undefined,
  sessionToken: '',
  parent: '',
  ...more,
});
const child = (parent: string, expiresAtMs?: number): IdentityRecord =>
  user({ parent, expiresAtMs, sessionToken: 'token' });
const records = (more: Partial<IamRecords>): IamRecords => ({ ...EMPTY_RECORDS, ...more });
const carriedOut = (before: IamRecords, command: Command): IamRecords =>
  withChanges(before, command.decide(before), 'next');

describe('a user', () => {
  const before = records({
    users: new Map([
      ['ann', user()],
      ['ben', user()],
    ]),
    serviceAccounts: new Map([
      ['svc-ann', child('ann')],
      ['svc-ben', child('ben')],
    ]),
    sessions: new Map([['STSANN', child('ann', 1)]]),
    groups: new Map([
      ['both', { enabled: false, members: ['ann', 'ben'] }],
      ['others', { enabled: true, members: ['ben'] }],
    ]),
    userPolicies: new Map([['ann', ['readonly']]]),
  });

  it('takes everything along when it goes, and nothing of others', () => {
    const command = removeUser(before, 'ann');
    const after = carriedOut(before, command);
    expect([...after.users.keys()]).toEqual(['ben']);
    expect([...after.serviceAccounts.keys()]).toEqual(['svc-ben']);
    expect(after.sessions.size).toBe(0);
    expect(after.userPolicies.size).toBe(0);
    expect(after.groups.get('both')).toEqual({ enabled: false, members: ['ben'] });
    expect(after.groups.get('others')).toBe(before.groups.get('others'));
    // what was read before it was decided
    expect(command.touched).toMatchObject({ users: ['ann'], groups: ['both'] });
    expect(command.touched.serviceAccounts).toContain('svc-ann');
  });

  it('inherits nothing from one that was there before', () => {
    const gone = { ...before, users: new Map([['ben', user()]]) };
    const command = putUser(gone, rules, { name: 'ann', secretKey: 'secret-key-2', enabled: true });
    const after = carriedOut(gone, command);
    expect(after.userPolicies.has('ann')).toBe(false);
    expect([...after.serviceAccounts.keys()]).toEqual(['svc-ben']);
    expect(after.groups.get('both')).toMatchObject({ members: ['ben'] });
  });

  it('keeps what a change does not name: status, secret, policies', () => {
    const off = { ...before, users: new Map([['ann', user({ enabled: false, secretKey: 'old' })]]) };
    const same = putUser(off, rules, { name: 'ann', secretKey: undefined, enabled: undefined });
    expect(carriedOut(off, same).users.get('ann')).toMatchObject({ enabled: false, secretKey: 'old' });
    expect(carriedOut(off, same).userPolicies.get('ann')).toEqual(['readonly']);
    const renewed = putUser(off, rules, { name: 'ann', secretKey: 'secret-key-9', enabled: true });
    expect(carriedOut(off, renewed).users.get('ann')).toMatchObject({ enabled: true, secretKey: 'secret-key-9' });
  });

  it('that is stored with a short secret or name can be changed all the same', () => {
    const short = records({ users: new Map([['ab', user({ secretKey: 'short' })]]) });
    expect(carriedOut(short, setUserStatus(rules, 'ab', false)).users.get('ab')).toMatchObject({ enabled: false });
    const again = putUser(short, rules, { name: 'ab', secretKey: 'short', enabled: true });
    expect(carriedOut(short, again).users.get('ab')).toMatchObject({ secretKey: 'short' });
    expect(() => putUser(short, rules, { name: 'ab', secretKey: 'tiny', enabled: true }).decide(short)).toThrow(
      AdminRefusal,
    );
  });

  it('whose record cannot be read can be replaced and removed, but not merely enabled', () => {
    const damaged = records({ users: new Map([['ann', { unreadable: 'it is not JSON' }]]) });
    expect(() => setUserStatus(rules, 'ann', true).decide(damaged)).toThrow(/cannot be read/);
    const replaced = putUser(damaged, rules, { name: 'ann', secretKey: 'secret-key-3', enabled: true });
    expect(carriedOut(damaged, replaced).users.get('ann')).toMatchObject({ secretKey: 'secret-key-3' });
    expect(carriedOut(damaged, removeUser(damaged, 'ann')).users.size).toBe(0);
  });
});

describe('a group', () => {
  it('does not list a member twice, and takes no service account', () => {
    const before = records({
      users: new Map([['ann', user()]]),
      serviceAccounts: new Map([['svc', child('ann')]]),
      groups: new Map([['team', { enabled: true, members: ['ann'] }]]),
    });
    expect(carriedOut(before, addMembers('team', ['ann', 'ann'])).groups.get('team')).toMatchObject({
      members: ['ann'],
    });
    expect(() => addMembers('team', ['svc']).decide(before)).toThrow(/not allowed/);
    expect(carriedOut(before, removeMembers('team', ['gone', 'ann'])).groups.get('team')).toMatchObject({
      members: [],
    });
  });

  it.each(['', '.', '..', 'a/b', 'a\u0000b', ' a', 'x'.repeat(251)])('cannot be called %j', (name) => {
    expect(() => addMembers(name, []).decide(EMPTY_RECORDS)).toThrow(AdminRefusal);
  });
});

describe('a policy', () => {
  const before = records({
    users: new Map([['ann', user()]]),
    policies: new Map([
      ['used', '{}'],
      ['stale', '{}'],
    ]),
    userPolicies: new Map([
      ['ann', ['used']],
      ['gone', ['stale']],
    ]),
  });

  it('stays while somebody who exists has it', () => {
    expect(() => removePolicy(before, 'used').decide(before)).toThrow(/attached to user ann/);
    expect(carriedOut(before, removePolicy(before, 'stale')).policies.has('stale')).toBe(false);
    expect(removePolicy(before, 'never-there').decide(before)).toEqual({});
  });

  it('is stored with its statements in an array, and not at all when it is bad', () => {
    const text = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}';
    expect(carriedOut(before, putPolicy(rules, 'one', text)).policies.get('one')).toBe(
      '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
    );
    expect(() => putPolicy(rules, 'one', '{"bad":1}')).toThrow('it is bad');
    expect(() => putPolicy(rules, 'one,two', '{}')).toThrow(AdminRefusal);
  });

  it('tells what attaching and detaching did', () => {
    const told: PolicyDifference[] = [];
    const report = (difference: PolicyDifference): void => void told.push(difference);
    const ann = { kind: 'user', name: 'ann' } as const;
    const attached = carriedOut(before, attachPolicies(rules, ann, ['used', 'readonly'], report));
    expect(attached.userPolicies.get('ann')).toEqual(['used', 'readonly']);
    const none = carriedOut(attached, detachPolicies(rules, ann, ['readonly', 'used', 'other'], report));
    expect(none.userPolicies.has('ann')).toBe(false);
    expect(told).toEqual([
      { attached: ['readonly'], detached: [] },
      { attached: [], detached: ['readonly', 'used'] },
    ]);
  });
});

describe('a session', () => {
  it('records the policies of its user and of enabled groups, and says so in its token', () => {
    const before = records({
      users: new Map([['ann', user()]]),
      groups: new Map([
        ['on', { enabled: true, members: ['ann'] }],
        ['off', { enabled: false, members: ['ann'] }],
      ]),
      userPolicies: new Map([['ann', ['a']]]),
      groupPolicies: new Map([
        ['on', ['b', 'a']],
        ['off', ['c']],
      ]),
    });
    let made: SessionCredentials | undefined;
    const session = { parent: 'ann', policy: '{"x":1}', expiresAtMs: 1_900_000_000_000 };
    const changes = addSession(rules, session, (credentials) => {
      made = credentials;
    }).decide(before);
    const accessKey = made?.accessKey ?? '';
    expect(changes.sessionPolicies?.get(accessKey)).toEqual(['a', 'b']);
    const [, payload = ''] = (made?.sessionToken ?? '').split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({
      accessKey,
      exp: 1_900_000_000,
      policy: 'a,b',
      sessionPolicy: Buffer.from('{"x":1}').toString('base64'),
    });
    expect(changes.sessions?.get(accessKey)).toMatchObject({ parent: 'ann', expiresAtMs: session.expiresAtMs });
  });

  it('is removed when it is over, some at a time, and not before', () => {
    const sessions = new Map<string, IdentityRecord>(
      Array.from({ length: 100 }, (_, i) => [`over${i}`, child('ann', 1_000)] as const),
    );
    sessions.set('running', child('ann', 2_001));
    const before = records({ sessions });
    const command = expireSessions(before, 2_000);
    expect(command?.decide(before).sessions?.size).toBe(MAX_EXPIRED_AT_ONCE);
    const renewed = { ...before, sessions: new Map([['over0', child('ann', 9_000)]]) };
    expect(command?.decide(renewed).sessions?.size).toBe(0);
    expect(expireSessions(records({ sessions: new Map([['running', child('ann', 2_001)]]) }), 2_000)).toBeUndefined();
  });
});

describe('keys and tokens', () => {
  it('have the form that clients expect, and are never the same', () => {
    const keys = Array.from({ length: 200 }, newAccessKey);
    expect(keys.every((key) => /^[A-Z0-9]{20}$/.test(key))).toBe(true);
    expect(new Set(keys).size).toBe(200);
    expect(newSecretKey()).toMatch(/^[A-Za-z0-9+]{40}$/);
  });

  it('sign as the real gateway does', () => {
    // service account svcbob00001 of the golden volume
    const token = signToken(
      { parent: 'bob', accessKey: 'svcbob00001', 'sa-policy': 'inherited-policy' },
      'golden-secret-key-1',
    );
    expect(token).toBe(
      'eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3NLZXkiOiJzdmNib2IwMDAwMSIsInBhcmVudCI6ImJvYiIsInNhLXBvbGljeSI6ImluaGVyaXRlZC1wb2xpY3kifQ.l2JNKl4xuxrO7mA3Lh0iWETbFEeRV6vwskcA2Y0vnSJ-XziFuAwZWw1YWiSFDm9IhaPwM3K0fWWajTu9-E9q4g',
    );
  });
});

describe('a bucket policy', () => {
  it('changes nothing else of the bucket', () => {
    const bucket: BucketRecord = { createdMs: 5, lockEnabled: true, documents: new Map([['notification', '<x/>']]) };
    const before = records({ buckets: new Map([['b', bucket]]) });
    expect(carriedOut(before, setBucketPolicy(rules, 'b', '{"Statement":[]}', 9)).buckets.get('b')).toEqual({
      ...bucket,
      documents: new Map([
        ['notification', '<x/>'],
        ['policy', '{"Statement":[]}'],
      ]),
    });
    expect(setBucketPolicy(rules, 'b', '', 9).decide(before)).toEqual({});
    expect(carriedOut(EMPTY_RECORDS, setBucketPolicy(rules, 'new', '{}', 9)).buckets.get('new')).toMatchObject({
      createdMs: 9,
    });
    expect(() => setBucketPolicy(rules, 'b', 'x'.repeat(20_481), 9)).toThrow(/20480/);
  });
});

describe('isPublicPolicy', () => {
  const statement = (more: object) => JSON.stringify({ Statement: [{ Effect: 'Allow', Principal: '*', ...more }] });
  it.each([
    ['everyone', {}, true],
    ['everyone, as AWS', { Principal: { AWS: ['*'] } }, true],
    ['everyone but one', { Principal: undefined, NotPrincipal: { AWS: ['x'] } }, true],
    ['a user', { Principal: { AWS: ['arn:aws:iam:::user/ann'] } }, false],
    ['a denial', { Effect: 'Deny' }, false],
    ['one network', { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }, false],
    ['every network', { Condition: { IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '0.0.0.0/0'] } } }, true],
    ['all but one network', { Condition: { NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }, true],
    ['one user by condition', { Condition: { StringEquals: { 'aws:username': 'ann' } } }, false],
    ['a pattern of users', { Condition: { StringLike: { 'aws:username': '*' } } }, true],
    ['a condition on something else', { Condition: { StringEquals: { 's3:prefix': 'a' } } }, true],
  ])('%s', (_, more, expected) => {
    expect(isPublicPolicy(statement(more))).toBe(expected);
  });
  it('no policy', () => expect(isPublicPolicy('')).toBe(false));
});
