// What an editor offers is what the parser takes.
import { expect, test } from 'vitest';
import { admittedKeys, DIALECT_NAMES, vocabularyOf } from './index.ts';

test('every action that is offered is one that the parser knows', () => {
  for (const dialect of DIALECT_NAMES) {
    for (const kind of ['identity', 'bucket'] as const) {
      const unknown = vocabularyOf(dialect, kind).actions.filter(
        (action) => admittedKeys(action, [], { dialect, kind }) === null,
      );
      expect({ dialect, kind, unknown }).toEqual({ dialect, kind, unknown: [] });
    }
  }
});

test('offers the names that the seeds of the default dialect speak of', () => {
  const { actions, keys, operators } = vocabularyOf('portcullis', 'identity');
  expect(actions).toEqual(expect.arrayContaining(['s3:GetObject', 's3:ForceDeleteBucket', 'admin:CreateUser']));
  expect(keys).toEqual(expect.arrayContaining(['aws:SourceIp', 's3:prefix', 'jwt:sub']));
  expect(operators).toEqual(expect.arrayContaining(['StringLike', 'IpAddress']));
  expect(vocabularyOf('portcullis', 'bucket').actions).not.toContain('admin:CreateUser');
});

test('offers names as they are spelled, where their case does not count', () => {
  expect(vocabularyOf('ceph', 'bucket').actions).toEqual(
    expect.arrayContaining(['s3:GetObject', 's3:ListBucketMultipartUploads']),
  );
});
