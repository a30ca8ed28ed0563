import { describe, expect, it } from 'vitest';
import { readingDifferences } from './reading-differences.ts';

const ALLOW = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::photos/*' };
const document = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });
const differences = (text: string, kind: 'identity' | 'bucket' = 'identity') =>
  readingDifferences(text, { kind, name: 'tested', bucket: 'photos' }, 'portcullis', 'juicefs');

describe('what a document says otherwise than in juicefs', () => {
  it('is nothing for a document that reads the same', () => expect(differences(document(ALLOW))).toEqual([]));

  it.each([
    ['only one dialect reads it', document({ ...ALLOW, Action: 's3:PutBucketCors' }), /not valid in juicefs/],
    ['NotAction', document({ ...ALLOW, NotAction: 's3:PutObject', Action: undefined }), /juicefs/],
    [
      'variables',
      document({ ...ALLOW, Resource: 'arn:aws:s3:::photos/${aws:username}/*' }),
      /what a variable stands for is literal text/,
    ],
    ['the same statement twice', document(ALLOW, { ...ALLOW, Sid: 'again' }), /the same statement twice/],
    ['actions on versions', document({ ...ALLOW, Action: 's3:DeleteObjectVersion' }), /requests that name one/],
    ['a question mark', document({ ...ALLOW, Resource: 'arn:aws:s3:::photos/?' }), /one byte of UTF-8/],
  ])('%s', (_what, text, told) => {
    expect(differences(text).join('\n')).toMatch(told);
  });

  it('is whom a bucket policy binds', () => {
    expect(differences(document({ ...ALLOW, Principal: '*' }), 'bucket')).toEqual([
      'it binds everyone; in juicefs, the anonymous only',
    ]);
  });
});
