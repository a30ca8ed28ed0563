// The session's cookie becomes the only credentials of a request.
import { expect, test } from 'vitest';
import { consoleToken, withBearer } from './console-cookie.ts';

test('finds the token among other cookies, and takes nothing that is none', () => {
  expect(consoleToken('a=b; portcullis-console=Abc_-9; c=d')).toBe('Abc_-9');
  expect(consoleToken('portcullis-console=')).toBeUndefined();
  expect(consoleToken('portcullis-console=a b')).toBeUndefined();
  expect(consoleToken(`portcullis-console=${'a'.repeat(200)}`)).toBeUndefined();
  expect(consoleToken('xportcullis-console=abc')).toBeUndefined();
  expect(consoleToken(undefined)).toBeUndefined();
});

test('replaces whatever credentials were there', () => {
  const raw = [
    'Host',
    'h',
    'Authorization',
    'AWS4-HMAC-SHA256 x',
    'Cookie',
    'portcullis-console=t',
    'Range',
    'bytes=0-1',
  ];
  expect(withBearer(raw, 't')).toEqual(['Host', 'h', 'Range', 'bytes=0-1', 'Authorization', 'Bearer t']);
  expect(withBearer(raw, undefined)).toEqual(['Host', 'h', 'Range', 'bytes=0-1']);
});
