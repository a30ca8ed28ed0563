import { describe, expect, it } from 'vitest';
import { authorize, compilePolicySet, type Decision, parsePolicy } from './index.ts';

interface Asked {
  readonly action?: string;
  readonly bucket?: string;
  readonly object?: string;
  readonly unknownKeys?: ReadonlySet<string>;
  readonly keys?: readonly [string, readonly string[]][];
}

function decide(statements: readonly unknown[], asked: Asked): Decision {
  const parsed = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), {
    kind: 'identity',
    dialect: 'portcullis',
    name: 'tested',
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return authorize(compilePolicySet({ identity: [parsed.policy] }, 'portcullis'), {
    principal: { type: 'User', user: 'alice', account: '' },
    action: asked.action ?? 's3:GetObject',
    bucket: asked.bucket ?? 'photos',
    object: asked.object ?? 'a',
    keys: new Map(asked.keys ?? []),
    unknownKeys: asked.unknownKeys,
  });
}

const ALLOW_ALL = { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::*' };
const denyOn = (resource: string) => ({ Effect: 'Deny', Action: 's3:*', Resource: `arn:aws:s3:::${resource}` });

describe('authorize', () => {
  it.each([
    ['the bucket that a key climbs into', 'secret/x', { bucket: 'photos', object: '../secret/x' }],
    ['the key that a path cleans to', 'photos/x', { object: 'y/../x' }],
    ['a bucket named by its letters', 'photos/*', {}],
    ['a bucket named by a pattern', 'ph?tos/*', {}],
  ])('never overlooks a Deny on %s', (_what, resource, asked) => {
    expect(decide([ALLOW_ALL, denyOn(resource)], asked)).toMatchObject({ outcome: 'ExplicitDeny', by: { index: 1 } });
  });

  it('does not take a Deny on one bucket for another', () => {
    expect(decide([ALLOW_ALL, denyOn('photos2/*')], {}).outcome).toBe('Allow');
  });

  const tagged = {
    Effect: 'Allow',
    Action: 's3:GetObject',
    Resource: 'arn:aws:s3:::photos/*',
    Condition: { StringEquals: { 's3:ExistingObjectTag/team': 'red' } },
  };
  const unknownKeys = new Set(['s3:ExistingObjectTag/']);

  it('names the fact that it needs, only where the answer hangs on it', () => {
    expect(decide([tagged], { unknownKeys })).toEqual({ outcome: 'NeedsFacts', keys: ['s3:ExistingObjectTag/team'] });
    expect(decide([tagged, ALLOW_ALL], { unknownKeys }).outcome).toBe('Allow');
    expect(decide([tagged, denyOn('photos/*')], { unknownKeys }).outcome).toBe('ExplicitDeny');
    expect(decide([{ ...tagged, Effect: 'Deny' }, ALLOW_ALL], { unknownKeys }).outcome).toBe('NeedsFacts');
  });

  it('lets who may list see versions, unless those are denied', () => {
    const list = { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::photos' };
    const asked = { action: 's3:ListBucketVersions', object: '' };
    expect(decide([list], asked).outcome).toBe('Allow');
    const denied = { ...list, Effect: 'Deny', Action: 's3:ListBucketVersions' };
    expect(decide([list, denied], asked).outcome).toBe('ExplicitDeny');
  });

  it('decides a named version by either action, of which neither may be denied', () => {
    const versioned = (statements: readonly object[], version: string) =>
      decide(statements, { action: 's3:DeleteObject', keys: [['s3:versionid', [version]]] }).outcome;
    const rule = (Effect: string, Action: string, Condition?: object) => ({
      Effect,
      Action,
      Resource: 'arn:aws:s3:::photos/*',
      ...(Condition === undefined ? {} : { Condition }),
    });
    const both = [rule('Allow', 's3:DeleteObject'), rule('Allow', 's3:DeleteObjectVersion')];
    expect(versioned([rule('Allow', 's3:DeleteObjectVersion')], 'null')).toBe('Allow');
    expect(versioned([rule('Allow', 's3:DeleteObjectVersion')], '')).toBe('ImplicitDeny');
    expect(versioned([rule('Allow', 's3:DeleteObject')], 'null')).toBe('Allow');
    expect(versioned([...both, rule('Deny', 's3:DeleteObjectVersion')], 'null')).toBe('ExplicitDeny');
    expect(versioned([...both, rule('Deny', 's3:DeleteObjectVersion')], '')).toBe('Allow');
    expect(versioned([...both, rule('Deny', 's3:DeleteObject')], 'null')).toBe('ExplicitDeny');
    const tag = (name: string) => ({ StringEquals: { [`s3:ExistingObjectTag/${name}`]: 'x' } });
    const asked = {
      action: 's3:DeleteObject',
      keys: [['s3:versionid', ['null']]] as [string, string[]][],
      unknownKeys,
    };
    const tags = [rule('Deny', 's3:DeleteObject', tag('a')), rule('Deny', 's3:DeleteObjectVersion', tag('b'))];
    expect(decide([...both, ...tags], asked)).toMatchObject({ outcome: 'NeedsFacts' });
    expect(decide([...both, ...tags], asked)).toHaveProperty(
      'keys',
      expect.arrayContaining(['s3:ExistingObjectTag/a', 's3:ExistingObjectTag/b']),
    );
  });

  it('asks for the fact that may deny one of the two actions that a request is', () => {
    const rule = (Effect: string, Action: string, Condition?: object) => ({
      Effect,
      Action,
      Resource: 'arn:aws:s3:::photos*',
      ...(Condition === undefined ? {} : { Condition }),
    });
    const locked = { StringEquals: { 's3:ExistingObjectTag/locked': 'yes' } };
    const ofVersion = [rule('Allow', 's3:DeleteObject'), rule('Deny', 's3:DeleteObjectVersion', locked)];
    const ofObject = [rule('Allow', 's3:DeleteObjectVersion'), rule('Deny', 's3:DeleteObject', locked)];
    const version: [string, string[]] = ['s3:versionid', ['null']];
    const deletion = (statements: readonly object[], tag: string | undefined) =>
      decide(
        statements,
        tag === undefined
          ? { action: 's3:DeleteObject', keys: [version], unknownKeys }
          : { action: 's3:DeleteObject', keys: [version, ['s3:ExistingObjectTag/locked', [tag]]] },
      );
    for (const statements of [ofVersion, ofObject]) {
      expect(deletion(statements, undefined)).toEqual({ outcome: 'NeedsFacts', keys: ['s3:ExistingObjectTag/locked'] });
      expect(deletion(statements, 'yes').outcome).toBe('ExplicitDeny');
      expect(deletion(statements, 'no').outcome).toBe('Allow');
    }
    const listing = [
      rule('Allow', 's3:ListBucket'),
      rule('Deny', 's3:ListBucketVersions', { StringEquals: { 's3:prefix': 'secret/' } }),
    ];
    expect(
      decide(listing, { action: 's3:ListBucketVersions', object: '', unknownKeys: new Set(['s3:prefix']) }),
    ).toEqual({ outcome: 'NeedsFacts', keys: ['s3:prefix'] });
  });

  it('takes what a variable stands for as literal text', () => {
    const own = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::photos/${aws:username}/*' };
    const as = (user: string, object: string) => decide([own], { object, keys: [['aws:username', [user]]] }).outcome;
    expect(as('alice', 'alice/x')).toBe('Allow');
    expect(as('*', 'alice/x')).toBe('ImplicitDeny');
    expect(as('*', '*/x')).toBe('Allow');
  });
});
