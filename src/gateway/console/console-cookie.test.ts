// The session's cookie becomes the only credentials of a request.
import { expect, test } from 'vitest';
import { consoleCookies, withBearer } from './console-cookie.ts';

const tokenIn = (header: string | undefined, secure = false) => consoleCookies(header, secure).token;

test('finds the token among other cookies, and takes nothing that is none', () => {
  expect(tokenIn('a=b; portcullis-console=Abc_-9; c=d')).toBe('Abc_-9');
  expect(tokenIn('portcullis-console=')).toBeUndefined();
  expect(tokenIn('portcullis-console=a b')).toBeUndefined();
  expect(tokenIn(`portcullis-console=${'a'.repeat(2_049)}`)).toBeUndefined();
  expect(tokenIn('xportcullis-console=abc')).toBeUndefined();
  expect(tokenIn(undefined)).toBeUndefined();
});

test('over TLS only the name that no neighbour can set counts', () => {
  expect(tokenIn('portcullis-console=planted', true)).toBeUndefined();
  expect(tokenIn('portcullis-console=planted; __Host-portcullis-console=own', true)).toBe('own');
  expect(tokenIn('__Host-portcullis-console=own')).toBeUndefined();
});

test('keeps the cookie of a sign-in under way, and nothing else', () => {
  expect(consoleCookies('a=b; portcullis-sign-in=x-y_z', false).signIn).toBe('portcullis-sign-in=x-y_z');
  expect(consoleCookies('__Host-portcullis-sign-in=x-y_z', true).signIn).toBe('__Host-portcullis-sign-in=x-y_z');
  expect(consoleCookies('portcullis-sign-in=x"y', false).signIn).toBeUndefined();
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
