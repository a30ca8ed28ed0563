import { describe, expect, it } from 'vitest';
import type { S3Error } from './errors.ts';
import { isDirectoryKey, keyComponents, parseBucketName, parseObjectKey } from './object-name.ts';

const failing = (code: string) => expect.objectContaining({ code }) as S3Error;

describe('bucket names', () => {
  it.each(['abc', 'a-b.c1', '0ab', 'a'.repeat(63)])('takes %s', (name) => {
    expect(parseBucketName(name)).toBe(name);
  });

  it.each([
    'ab',
    'a'.repeat(64),
    'Abc',
    'a_b',
    'a..b',
    'a.-b',
    'a-.b',
    '-ab',
    'ab-',
    '1.2.3.4',
    '',
    '..',
    'a/b',
    'a\0b',
    'äbc',
  ])('refuses %j', (name) => {
    expect(() => parseBucketName(name)).toThrow(failing('InvalidBucketName'));
  });

  it.each(['.minio.sys', 'minio', '.sys', '.trash'])('keeps %s for the volume itself', (name) => {
    expect(() => parseBucketName(name)).toThrow(failing('AllAccessDisabled'));
  });
});

describe('object keys', () => {
  it.each(['a', 'a/b', 'a/', '...', '.hidden', 'a b+c%20', 'ключ', '😀', 'minio/x', 'x/.sys/y', 'k'.repeat(255)])(
    'takes %s',
    (key) => {
      expect(parseObjectKey(key)).toBe(key);
    },
  );

  it.each(['', '/', '/a', 'a//b', 'a//', '.', '..', 'a/../b', './a', 'a/.', 'a/./', '../', 'a\0', '\ud800'])(
    'refuses %j: it names another place than it says',
    (key) => {
      expect(() => parseObjectKey(key)).toThrow(failing('XMinioInvalidObjectName'));
    },
  );

  it('refuses what is too long, in bytes', () => {
    expect(() => parseObjectKey('é'.repeat(513))).toThrow(failing('KeyTooLongError'));
    expect(() => parseObjectKey('a/'.repeat(513))).toThrow(failing('KeyTooLongError'));
  });

  it.each(['.sys/x', '.sys', '.minio.sys/config/iam', '.trash/2024'])('keeps %s for the volume itself', (key) => {
    expect(() => parseObjectKey(key)).toThrow(failing('AllAccessDisabled'));
  });

  it('splits into components', () => {
    expect(keyComponents(parseObjectKey('a/b/'))).toEqual(['a', 'b']);
    expect(isDirectoryKey(parseObjectKey('a/b/'))).toBe(true);
    expect(isDirectoryKey(parseObjectKey('a/b'))).toBe(false);
  });
});
