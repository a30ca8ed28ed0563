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
      'a key of documentation',
      { ...GET, Condition: { StringEquals: { 'aws:PrincipalType': 'User' } } },
      '$.Statement[0].Condition.StringEquals.aws:PrincipalType',
      'aws:principaltype',
    ],
    [
      'an administration action of documentation',
      { Effect: 'Allow', Action: 'admin:DescribeBatchJobs' },
      '$.Statement[0].Action[0]',
      'admin:DescribeBatchJob',
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
    const parsed = parse({ ...GET, Resource: 'arn:aws:s3:::photos/${aws:referrer}/*' });
    expect(parsed.ok && parsed.warnings).toMatchObject([{ suggestion: '${aws:Referer}' }]);
  });
});
