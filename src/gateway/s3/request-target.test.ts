import { describe, expect, it } from 'vitest';
import type { S3Error } from './errors.ts';
import { encodeComponent, MAX_QUERY_PARAMETERS, parseRequestTarget } from './request-target.ts';

const parse = (url: string, host = 'localhost:9000', domains: string[] = []) => parseRequestTarget(url, host, domains);

describe('parseRequestTarget', () => {
  it.each([
    ['/', undefined, undefined],
    ['/bucket', 'bucket', undefined],
    ['/bucket/', 'bucket', undefined],
    ['/bucket/a/b', 'bucket', 'a/b'],
    ['/bucket/a/', 'bucket', 'a/'],
    ['/bucket//a', 'bucket', '/a'],
    ['/bucket/a//b/../c', 'bucket', 'a//b/../c'],
    ['/bucket/a%2Fb', 'bucket', 'a/b'],
    ['/bucket/a%252Fb', 'bucket', 'a%2Fb'],
    ['/bucket/a+b%20c', 'bucket', 'a+b c'],
    ['/bucket/%D0%BA%F0%9F%98%80', 'bucket', 'к😀'],
    ['/bucket/%EF%BB%BFx', 'bucket', '\ufeffx'],
    [Buffer.from('/bucket/к').toString('latin1'), 'bucket', 'к'],
    ['//a', '', 'a'],
  ])('reads %s', (url, bucket, key) => {
    expect(parse(url)).toMatchObject({ bucket, key });
  });

  it.each([
    ['a percent sign that escapes nothing', '/b/100%'],
    ['half an escape', '/b/%4'],
    ['bytes that are not UTF-8', '/b/%FF'],
    ['an overlong form', '/b/%C0%AE%C0%AE'],
    ['a surrogate', '/b/%ED%A0%80'],
    ['an escape of that kind in the query', '/b?prefix=%zz'],
    ['an absolute form', 'http://localhost/b'],
    ['a star', '*'],
    ['a fragment', '/b/k#x'],
    ['too many parameters', `/b?${'a&'.repeat(MAX_QUERY_PARAMETERS + 1)}`],
  ])('refuses %s', (_, url) => {
    expect(() => parse(url)).toThrow(expect.objectContaining({ code: 'InvalidURI' }) as S3Error);
  });

  it('takes the query in order, plus as a blank, several of one name', () => {
    expect(parse('/b?prefix=a+b%2Bc&uploads&x=1=2&x=&&').query).toEqual([
      { name: 'prefix', value: 'a b+c' },
      { name: 'uploads', value: '' },
      { name: 'x', value: '1=2' },
      { name: 'x', value: '' },
    ]);
  });

  it('takes any bytes where a listing goes on, and signs them as they came', () => {
    const [marker] = parse('/b?marker=raw%FE').query;
    expect(marker).toEqual({ name: 'marker', value: 'raw\udcfe' });
    expect(encodeComponent(marker?.value ?? '')).toBe('raw%FE');
    expect(() => parse('/b?prefix=raw%FE')).toThrow();
  });

  it('keeps the path as it stood, and encodes it as it is signed', () => {
    const target = parse("/b/a%2fb/(it's)*!~%20+/");
    expect(target.rawPath).toBe("/b/a%2fb/(it's)*!~%20+/");
    expect(parse("/b/a%2fb/(it's)*!~%c3%a9%20+/").canonicalPath).toBe('/b/a/b/%28it%27s%29%2A%21~%C3%A9%20%2B/');
  });

  it.each([
    ['bucket.s3.example.com', 'bucket', 'a/b'],
    ['bucket.s3.example.com:9000', 'bucket', 'a/b'],
    ['BUCKET.S3.Example.com', 'bucket', 'a/b'],
    ['my.bucket.s3.example.com', 'my.bucket', 'a/b'],
    ['s3.example.com', 'a', 'b'],
    ['evils3.example.com', 'a', 'b'],
    ['localhost', 'a', 'b'],
  ])('host %s', (host, bucket, key) => {
    expect(parse('/a/b', host, ['other.test', 's3.example.com'])).toMatchObject({ bucket, key });
  });
});
