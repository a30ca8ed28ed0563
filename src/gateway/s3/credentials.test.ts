import { describe, expect, it } from 'vitest';
import { presentedCredentials } from './credentials.ts';
import { readRequestHeaders } from './request-headers.ts';
import { parseRequestTarget } from './request-target.ts';

const V4 =
  'AWS4-HMAC-SHA256 Credential=AKID/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc';

function present(url: string, headers: Record<string, string>, method = 'GET', domains: string[] = []) {
  const read = readRequestHeaders(Object.entries(headers).flat());
  return presentedCredentials(method, parseRequestTarget(url, headers.host ?? '', domains), read);
}

function value(presented: ReturnType<typeof present>): Record<string, unknown> {
  const { presented: union } = presented.credentials;
  return { case: union?.$case, ...union?.value };
}

describe('presentedCredentials', () => {
  it('finds none', () => {
    expect(present('/b/k', { host: 'h' })).toMatchObject({ anonymous: true, payloadHash: undefined });
  });

  it('finds Signature V4 in the header, and what it leaves unsigned', () => {
    const presented = present('/b/k', {
      host: 'h',
      authorization: V4,
      'x-amz-date': 'd',
      'x-amz-acl': 'private',
      'x-amz-content-sha256': 'HASH',
    });
    expect(presented).toMatchObject({ anonymous: false, payloadHash: 'HASH' });
    expect(value(presented)).toMatchObject({
      case: 'sigv4Header',
      authorization: V4,
      unsignedHeaders: ['x-amz-acl', 'x-amz-content-sha256'],
    });
    expect(String(value(presented).canonicalRequest)).toBe(
      'GET\n/b/k\n\nhost:h\nx-amz-date:d\n\nhost;x-amz-date\nHASH',
    );
  });

  it('finds a presigned URL; its signature is no part of what it signs', () => {
    const presented = present('/b/k?X-Amz-SignedHeaders=host&X-Amz-Signature=abc&X-Amz-Expires=60', { host: 'h' });
    expect(presented).toMatchObject({ anonymous: false, payloadHash: undefined });
    expect(value(presented)).toMatchObject({ case: 'sigv4Query', signature: 'abc', unsignedHeaders: [] });
    expect(String(value(presented).canonicalRequest)).toBe(
      'GET\n/b/k\nX-Amz-Expires=60&X-Amz-SignedHeaders=host\nhost:h\n\nhost\nUNSIGNED-PAYLOAD',
    );
  });

  it('takes the payload hash of a presigned URL from where it is signed', () => {
    const presented = present('/b/k?X-Amz-Content-Sha256=HASH&X-Amz-SignedHeaders=host&X-Amz-Signature=a', {
      host: 'h',
    });
    expect(presented.payloadHash).toBe('HASH');
    expect(String(value(presented).canonicalRequest)).toMatch(/\nHASH$/);
  });

  // AWS: "Signing and authenticating REST requests", its examples of strings to sign.
  it.each([
    [
      'GET',
      '/photos/puppy.jpg',
      { host: 'johnsmith.s3.amazonaws.com', date: 'Tue, 27 Mar 2007 19:36:42 +0000' },
      'GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/johnsmith/photos/puppy.jpg',
    ],
    [
      'PUT',
      '/photos/puppy.jpg',
      {
        host: 'johnsmith.s3.amazonaws.com',
        date: 'Tue, 27 Mar 2007 21:15:45 +0000',
        'content-type': 'image/jpeg',
        'content-length': '94328',
      },
      'PUT\n\nimage/jpeg\nTue, 27 Mar 2007 21:15:45 +0000\n/johnsmith/photos/puppy.jpg',
    ],
    [
      'GET',
      '/?prefix=photos&max-keys=50&marker=puppy',
      { host: 'johnsmith.s3.amazonaws.com', date: 'Tue, 27 Mar 2007 19:42:41 +0000' },
      'GET\n\n\nTue, 27 Mar 2007 19:42:41 +0000\n/johnsmith/',
    ],
    [
      'GET',
      '/?acl',
      { host: 'johnsmith.s3.amazonaws.com', date: 'Tue, 27 Mar 2007 19:44:46 +0000' },
      'GET\n\n\nTue, 27 Mar 2007 19:44:46 +0000\n/johnsmith/?acl',
    ],
    [
      'DELETE',
      '/awsexamplebucket1/photos/puppy.jpg',
      {
        host: 's3.amazonaws.com',
        date: 'Tue, 27 Mar 2007 21:20:27 +0000',
        'x-amz-date': 'Tue, 27 Mar 2007 21:20:26 +0000',
      },
      'DELETE\n\n\n\nx-amz-date:Tue, 27 Mar 2007 21:20:26 +0000\n/awsexamplebucket1/photos/puppy.jpg',
    ],
    [
      'GET',
      '/b/fran%C3%A7ais/pr%c3%a9f%c3%a8re?uploadId=a%2Bb&partNumber=1&x=y',
      { host: 's3.amazonaws.com', date: 'Wed, 28 Mar 2007 01:49:49 +0000' },
      'GET\n\n\nWed, 28 Mar 2007 01:49:49 +0000\n/b/fran%C3%A7ais/pr%c3%a9f%c3%a8re?partNumber=1&uploadId=a+b',
    ],
  ])('finds Signature V2 in the header of %s %s', (method, url, headers, stringToSign) => {
    const authorization = 'AWS AKID:sig=';
    const presented = present(url, { ...headers, authorization }, method, ['s3.amazonaws.com']);
    expect(value(presented)).toMatchObject({ case: 'sigv2Header', authorization, stringToSign });
  });

  it('finds Signature V2 in the query, its expiry in the place of the date', () => {
    const presented = present('/b/k?AWSAccessKeyId=AKID&Expires=1175139620&Signature=a%2Bb%3D', {
      host: 'h',
      date: 'd',
    });
    expect(value(presented)).toEqual({
      case: 'sigv2Query',
      accessKey: 'AKID',
      signature: 'a+b=',
      stringToSign: 'GET\n\n\n1175139620\n/b/k',
      alternativeStringToSign: '',
    });
  });

  it('finds a bearer token', () => {
    expect(value(present('/b', { host: 'h', authorization: 'Bearer t.o.k' }))).toEqual({
      case: 'bearer',
      token: 't.o.k',
    });
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['a header and a signed URL', '/b?X-Amz-Signature=a', { authorization: V4 }, 'InvalidRequest'],
    ['two kinds of signed URL', '/b?X-Amz-Signature=a&AWSAccessKeyId=b', {}, 'InvalidRequest'],
    ['another mechanism', '/b', { authorization: 'Basic YTpi' }, 'InvalidRequest'],
    ['an expiry that is more than a number', '/b?AWSAccessKeyId=a&Expires=1%0Ax&Signature=s', {}, 'AccessDenied'],
    [
      'a list that would break lines',
      '/b?X-Amz-Signature=a&X-Amz-SignedHeaders=host%0Ax:y',
      {},
      'AuthorizationHeaderMalformed',
    ],
  ])('refuses %s', (_, url, headers, code) => {
    expect(() => present(url, { host: 'h', ...headers })).toThrow(expect.objectContaining({ code }));
  });
});
