import { describe, expect, it } from 'vitest';
import { parsePolicy } from './parse-policy.ts';

const parse = (statement: object) =>
  parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] }), {
    kind: 'identity',
    dialect: 'portcullis',
    name: 'tested',
  });
const GET = { Action: 's3:GetObject', Resource: 'arn:aws:s3:::photos/*' };

describe('a document with mistakes', () => {
  it.each([
    ['an action', { ...GET, Action: ['s3:GetObjects'] }, '$.Statement[0].Action[0]', 's3:GetObject'],
    [
      'a key in another case',
      { ...GET, Condition: { StringEquals: { 'aws:Username': 'User' } } },
      '$.Statement[0].Condition.StringEquals.aws:Username',
      'aws:username',
    ],
    [
      'an administration action',
      { Effect: 'Allow', Action: 'admin:CancelBatchJobs' },
      '$.Statement[0].Action[0]',
      'admin:CancelBatchJob',
    ],
    [
      'a misspelt action beside one that is right',
      { Effect: 'Allow', Action: ['admin:ServerInfo', 'admin:ServiceRestar'] },
      '$.Statement[0].Action[1]',
      'admin:ServiceRestart',
    ],
    ['an operator', { ...GET, Condition: { StringEqual: {} } }, '$.Statement[0].Condition.StringEqual', 'StringEquals'],
    ['a bare bucket', { ...GET, Resource: 'photos/*' }, '$.Statement[0].Resource[0]', 'arn:aws:s3:::photos/*'],
    ['an effect', { ...GET, Effect: 'allow' }, '$.Statement[0].Effect', 'Allow'],
  ])('gets a suggestion for %s', (_what, statement, path, suggestion) => {
    const parsed = parse(statement);
    expect(parsed.ok ? [] : parsed.issues).toMatchObject([{ path, suggestion }]);
  });

  it.each(['constructor', '__proto__', 'toString'])('gets no suggestion for a key that is called %s', (key) => {
    const parsed = parse({ ...GET, Condition: JSON.parse(`{"StringEquals":{"${key}":"x"}}`) });
    const path = `$.Statement[0].Condition.StringEquals.${key}`;
    const message = `"${key}" is not a condition key here`;
    expect(parsed.ok ? [] : parsed.issues).toEqual([{ code: 'UnknownConditionKey', path, message }]);
  });

  it('is told that a statement is of one service', () => {
    const parsed = parse({ ...GET, Action: ['s3:GetObject', 'admin:ServerInfo'] });
    expect(parsed.ok ? [] : parsed.issues).toMatchObject([{ code: 'MixedServices', path: '$.Statement[0].Action[0]' }]);
  });

  it('is told all of them', () => {
    const parsed = parse({ Effect: 'Permit', Action: 's3:Foo', Resource: 'bad', Condition: { Foo: { bar: 1.5 } } });
    expect(parsed.ok ? [] : parsed.issues.map(({ code }) => code)).toEqual([
      'InvalidEffect',
      'UnknownAction',
      'InvalidResource',
      'InvalidConditionValue',
      'UnknownOperator',
    ]);
  });

  it('is warned of what looks like a variable and is none', () => {
    const parsed = parse({ ...GET, Resource: 'arn:aws:s3:::photos/${aws:Username}/*' });
    expect(parsed.ok && parsed.warnings).toMatchObject([{ suggestion: '${aws:username}' }]);
  });

  it('is warned of an action of a bucket policy that names nothing', () => {
    const statement = { ...GET, Effect: 'Deny', Principal: '*', Action: ['s3:GetObjects', 's3:getobject', 's3:Get*'] };
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const parsed = parsePolicy(document, { kind: 'bucket', dialect: 'portcullis', name: 'tested', bucket: 'photos' });
    expect(parsed.ok && parsed.warnings).toMatchObject([
      { code: 'UnknownAction', path: '$.Statement[0].Action[0]', suggestion: 's3:GetObject' },
    ]);
  });
});

describe('the principals of a bucket policy', () => {
  const arn = (name: string): string => `arn:aws:iam::000000000000:${name}`;
  it.each([
    ['portcullis', ['*', 'alice', arn('user/alice'), 'arn:aws:sts::000000000000:assumed-role/alice/nightly'], []],
    ['portcullis', [arn('root'), 'alice', arn('role/reader'), arn('user/*')], [2, 3]],
    ['minio', ['alice', arn('user/alice'), arn('root')], [1, 2]],
    ['aws', [arn('root'), arn('role/reader')], []],
  ] as const)('are warned of where they name nobody (%s: %j)', (dialect, principals, warned) => {
    const statement = { ...GET, Effect: 'Allow', Principal: { AWS: principals } };
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const parsed = parsePolicy(document, { kind: 'bucket', dialect, name: 'tested', bucket: 'photos' });
    expect(parsed.ok && parsed.warnings).toMatchObject(
      warned.map((i) => ({ code: 'UnknownPrincipal', path: `$.Statement[0].Principal.AWS[${i}]` })),
    );
  });
});

describe('a session policy', () => {
  it.each([
    ['2,048 characters', 2_048, true],
    ['one more', 2_049, false],
  ])('of %s, whatever their bytes', (_what, characters, ok) => {
    const text = (key: string) =>
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', ...GET, Resource: `arn:aws:s3:::b/${key}` }],
      });
    const document = text('目'.repeat(characters - text('').length));
    expect(document).toHaveLength(characters);
    const parsed = parsePolicy(document, { kind: 'session', dialect: 'portcullis', name: 'tested', strict: true });
    expect(parsed.ok).toBe(ok);
  });
});

describe('names that documentation has', () => {
  it.each([
    ['an action', { Action: 'admin:DescribeBatchJobs' }],
    ['a key', { ...GET, Condition: { StringEquals: { 'aws:PrincipalType': 'User' } } }],
    ['a key of administration', { Action: 'admin:*', Condition: { StringEquals: { 'aws:PrincipalType': 'User' } } }],
    [
      'keys of locks',
      {
        ...GET,
        Action: 's3:PutObjectRetention',
        Condition: {
          StringEquals: { 's3:x-amz-object-lock-mode': 'GOVERNANCE' },
          NumericLessThan: { 's3:x-amz-object-lock-remaining-retention-days': '10' },
          DateLessThan: { 's3:x-amz-object-lock-retain-until-date': '2040-01-01T00:00:00Z' },
        },
      },
    ],
    ['a variable', { ...GET, Resource: 'arn:aws:s3:::photos/${aws:referrer}/*' }],
  ])('are read: %s', (_what, statement) => {
    expect(parse(statement)).toMatchObject({ ok: true, warnings: [] });
  });

  it('admit what the key admits', () => {
    const parsed = parse({ ...GET, Condition: { StringEquals: { 'x-amz-content-sha256': '' } } });
    expect(parsed.ok ? [] : parsed.issues).toMatchObject([{ code: 'InvalidConditionValue' }]);
  });
});
