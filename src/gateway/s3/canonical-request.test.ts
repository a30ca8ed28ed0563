// The examples of AWS's documentation, "Signature Calculations for the Authorization Header" and "Authenticating Requests: Using
// Query Parameters": the hash of each canonical request is printed there.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  canonicalQuery,
  canonicalRequest,
  EMPTY_SHA256,
  hasUnsortedRepeats,
  unsignedHeaders,
} from './canonical-request.ts';
import { readRequestHeaders } from './request-headers.ts';
import { parseRequestTarget } from './request-target.ts';

const HOST = 'examplebucket.s3.amazonaws.com';

function hashOf(
  method: string,
  url: string,
  headers: Record<string, string>,
  payloadHash: string,
  options: { signed?: string; without?: string } = {},
): string {
  const names = Object.keys(headers).sort();
  return createHash('sha256')
    .update(
      canonicalRequest({
        method,
        target: parseRequestTarget(url, HOST, []),
        headers: readRequestHeaders(Object.entries(headers).flat()),
        signedHeaders: options.signed ?? names.join(';'),
        payloadHash,
        ...(options.without === undefined ? {} : { withoutParameter: options.without }),
      }),
    )
    .digest('hex');
}

describe('canonicalRequest, by the examples of AWS', () => {
  const date = '20130524T000000Z';

  it('GET Object', () => {
    const headers = { host: HOST, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY_SHA256, 'x-amz-date': date };
    expect(hashOf('GET', '/test.txt', headers, EMPTY_SHA256)).toBe(
      '7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972',
    );
  });

  it('PUT Object, with a key that is encoded', () => {
    const hash = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';
    const headers = {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      host: HOST,
      'x-amz-content-sha256': hash,
      'x-amz-date': date,
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    };
    expect(hashOf('PUT', '/test$file.text', headers, hash)).toBe(
      '9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d',
    );
  });

  it('GET Bucket Lifecycle, with a parameter without a value', () => {
    const headers = { host: HOST, 'x-amz-content-sha256': EMPTY_SHA256, 'x-amz-date': date };
    expect(hashOf('GET', '/?lifecycle', headers, EMPTY_SHA256)).toBe(
      '9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca',
    );
  });

  it('List Objects, with parameters out of order', () => {
    const headers = { host: HOST, 'x-amz-content-sha256': EMPTY_SHA256, 'x-amz-date': date };
    expect(hashOf('GET', '/?prefix=J&max-keys=2', headers, EMPTY_SHA256)).toBe(
      'df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7',
    );
  });

  it('a presigned URL, without its signature', () => {
    const query =
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
      `&X-Amz-Date=${date}&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bb`;
    const options = { signed: 'host', without: 'X-Amz-Signature' };
    expect(hashOf('GET', `/test.txt?${query}`, { host: HOST }, 'UNSIGNED-PAYLOAD', options)).toBe(
      '3bfa292879f6447bbcda7001decf97f4a54dc650c8942174ae0a9121cf58ad04',
    );
  });
});

describe('the parts of a canonical request', () => {
  it('sorts by encoded name and then by value', () => {
    const { query } = parseRequestTarget('/?b=2&a%20b=1&b=1&a=&A=x&a-b=%C3%A9+', 'h', []);
    expect(canonicalQuery(query)).toBe('A=x&a=&a%20b=1&a-b=%C3%A9%20&b=1&b=2');
  });

  it('trims header values, joins several, keeps their bytes', () => {
    const headers = readRequestHeaders(['X-Amz-Meta-A', '  a   b \t c ', 'x-amz-meta-a', 'd', 'Host', 'h']);
    const target = parseRequestTarget('/', 'h', []);
    const lines = (signedHeaders: string): string =>
      canonicalRequest({ method: 'GET', target, headers, signedHeaders, payloadHash: 'H' }).toString('latin1');
    expect(lines('host;x-amz-meta-a')).toBe('GET\n/\n\nhost:h\nx-amz-meta-a:a b c,d\n\nhost;x-amz-meta-a\nH');
    expect(lines('absent;host')).toContain('\nabsent:\nhost:h\n');
  });

  it('names what should have been signed and was not', () => {
    const headers = readRequestHeaders(['Host', 'h', 'X-Amz-Acl', 'public-read', 'x-amz-date', 'd', 'range', 'r']);
    expect(unsignedHeaders(headers, 'host;x-amz-date')).toEqual(['x-amz-acl']);
    expect(unsignedHeaders(headers, 'x-amz-acl;x-amz-date')).toEqual(['host']);
  });
});

describe('readRequestHeaders', () => {
  it('reads UTF-8 where it is, Latin-1 otherwise', () => {
    const utf8 = Buffer.from('é').toString('latin1');
    const { values } = readRequestHeaders(['x-amz-meta-a', utf8, 'x-amz-meta-b', '\xe9']);
    expect([values.get('x-amz-meta-a'), values.get('x-amz-meta-b')]).toEqual(['é', 'é']);
  });

  it.each(['Host', 'authorization', 'content-length', 'X-Amz-Content-Sha256', 'x-amz-copy-source'])(
    'refuses two of %s',
    (name) => {
      expect(() => readRequestHeaders([name, 'a', name.toLowerCase(), 'b'])).toThrow(
        expect.objectContaining({ code: 'InvalidRequest' }),
      );
    },
  );
});

describe('a parameter that is there several times', () => {
  const query = [
    { name: 'suffix', value: '' },
    { name: 'events', value: 's3:ObjectCreated:*' },
    { name: 'events', value: 's3:BucketCreated:*' },
  ];

  it('has its values sorted, as AWS says, or as they were sent, as MinIO clients sign them', () => {
    expect(canonicalQuery(query)).toBe('events=s3%3ABucketCreated%3A%2A&events=s3%3AObjectCreated%3A%2A&suffix=');
    expect(canonicalQuery(query, undefined, 'as-sent')).toBe(
      'events=s3%3AObjectCreated%3A%2A&events=s3%3ABucketCreated%3A%2A&suffix=',
    );
    expect(hasUnsortedRepeats(query)).toBe(true);
    expect(hasUnsortedRepeats([...query].reverse())).toBe(false);
  });
});
