import { describe, expect, it } from 'vitest';
import { asS3ErrorCode, S3_ERRORS, S3Error } from './errors.ts';

const rows = Object.entries(S3_ERRORS);

describe('the S3 error table', () => {
  it('has as many rows as it had: a row that is dropped breaks a client', () => {
    expect(rows.length).toBe(85);
  });

  it.each(rows)('%s has an error status and a sentence', (code, { status, message }) => {
    expect(code).toMatch(/^[A-Z][A-Za-z0-9]+$/);
    expect(status).toBeGreaterThanOrEqual(304);
    expect(status).toBeLessThan(600);
    expect(message).toMatch(/^[A-Z].*\.$/s);
  });

  it('gives the codes that clients act on their statuses', () => {
    const statuses = Object.fromEntries(rows.map(([code, { status }]) => [code, status]));
    expect(statuses).toMatchObject({
      NoSuchKey: 404,
      NoSuchBucket: 404,
      NoSuchUpload: 404,
      AccessDenied: 403,
      SignatureDoesNotMatch: 403,
      AllAccessDisabled: 403,
      BucketNotEmpty: 409,
      XMinioObjectExistsAsDirectory: 409,
      XMinioInvalidObjectName: 400,
      PreconditionFailed: 412,
      InvalidRange: 416,
      MissingContentLength: 411,
      MethodNotAllowed: 405,
      NotImplemented: 501,
      ServiceUnavailable: 503,
      SlowDown: 503,
      NotModified: 304,
    });
  });

  it('keeps its message, fields, headers and cause', () => {
    const cause = new Error('inside');
    const error = new S3Error('InvalidRange', 'Too far.', {
      fields: { ActualObjectSize: '3' },
      headers: { 'content-range': 'bytes */3' },
      cause,
    });
    expect(error).toMatchObject({ code: 'InvalidRange', status: 416, message: 'Too far.', cause });
    expect(error.fields).toEqual({ ActualObjectSize: '3' });
    expect(error.headers).toEqual({ 'content-range': 'bytes */3' });
    expect(new S3Error('NoSuchKey').message).toBe(S3_ERRORS.NoSuchKey.message);
  });

  it('knows its own codes and no other words', () => {
    expect(asS3ErrorCode('NoSuchKey')).toBe('NoSuchKey');
    expect(asS3ErrorCode('constructor')).toBeUndefined();
    expect(asS3ErrorCode('Nonsense')).toBeUndefined();
  });
});
