import { describe, expect, it } from 'vitest';
import { type ErrnoCode, VolumeError } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import { answering, asAnswer, type VolumeQuestion } from './volume-errors.ts';

const codeOf = (code: ErrnoCode, question: VolumeQuestion): string => {
  const answer = asAnswer(new VolumeError(code, 'test'), question);
  return answer instanceof S3Error ? answer.code : 'fault';
};

describe('a volume error', () => {
  it.each<[ErrnoCode, VolumeQuestion, string]>([
    ['ENOENT', 'object', 'NoSuchKey'],
    ['ENOENT', 'bucket', 'NoSuchBucket'],
    ['ENOENT', 'upload', 'NoSuchUpload'],
    ['ENOTDIR', 'object', 'NoSuchKey'],
    ['ENOTDIR', 'target', 'XMinioParentIsObject'],
    ['EISDIR', 'target', 'XMinioObjectExistsAsDirectory'],
    ['ENOTEMPTY', 'bucket', 'BucketNotEmpty'],
    ['EEXIST', 'bucket', 'BucketAlreadyOwnedByYou'],
    ['ENOSPC', 'target', 'XMinioStorageFull'],
    ['EDQUOT', 'upload', 'QuotaExceeded'],
    ['EROFS', 'target', 'AccessDenied'],
    ['EACCES', 'object', 'AccessDenied'],
    ['ENAMETOOLONG', 'target', 'KeyTooLongError'],
    ['EIO', 'object', 'fault'],
    ['EBUSY', 'target', 'fault'],
    ['ECANCELED', 'object', 'fault'],
  ])('%s about a %s is %s', (code, question, answer) => {
    expect(codeOf(code, question)).toBe(answer);
  });

  it('is kept as the cause, and other failures pass as they are', async () => {
    const missing = new VolumeError('ENOENT', 'x');
    await expect(answering('object', () => Promise.reject(missing))).rejects.toMatchObject({ cause: missing });
    const other = new TypeError('bug');
    await expect(answering('object', () => Promise.reject(other))).rejects.toBe(other);
    await expect(answering('object', async () => 7)).resolves.toBe(7);
  });
});
