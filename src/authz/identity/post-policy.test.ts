// Vector: AWS, "Browser-based uploads using POST (Signature Version 4): example", with the documentation's key.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AuthErrorCode, AuthRefusal } from './auth-refusal.ts';
import type { Credential } from './credential.ts';
import { verifyPostPolicy } from './post-policy.ts';
import type { VerifyContext } from './verified-signature.ts';

const KEYS = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const CREDENTIAL: Credential = { type: 'User', enabled: true, ...KEYS };
const NOW = Date.UTC(2015, 11, 29, 12);
const at = (nowMs: number): VerifyContext => ({
  credentials: { find: (key) => (key === KEYS.accessKey ? CREDENTIAL : undefined) },
  nowMs,
  service: 's3',
});

const EXPIRATION = '2015-12-30T12:00:00.000Z';
const SCOPE_FIELDS = {
  'x-amz-algorithm': 'AWS4-HMAC-SHA256',
  'x-amz-credential': `${KEYS.accessKey}/20151229/us-east-1/s3/aws4_request`,
  'x-amz-date': '20151229T000000Z',
};

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** A form as a browser sends it, signed for what its document says. */
function form(
  conditions: readonly unknown[],
  fields: Readonly<Record<string, string>>,
  { expiration = EXPIRATION } = {},
): { policy: string; fields: Record<string, string> } {
  const document = {
    expiration,
    conditions: [...conditions, ...Object.entries(SCOPE_FIELDS).map(([k, v]) => ({ [k]: v }))],
  };
  const policy = Buffer.from(JSON.stringify(document)).toString('base64');
  const key = hmac(hmac(hmac(hmac(`AWS4${KEYS.secretKey}`, '20151229'), 'us-east-1'), 's3'), 'aws4_request');
  return { policy, fields: { ...SCOPE_FIELDS, ...fields, 'x-amz-signature': hmac(key, policy).toString('hex') } };
}

function outcomeOf(
  presented: { policy: string; fields: Record<string, string> },
  nowMs = NOW,
): AuthErrorCode | 'accepted' {
  try {
    verifyPostPolicy(presented, at(nowMs));
    return 'accepted';
  } catch (error) {
    if (error instanceof AuthRefusal) return error.code;
    throw error;
  }
}

const BUCKET = { bucket: 'sigv4examplebucket' };
const UPLOAD = { bucket: 'sigv4examplebucket', key: 'user/user1/a.jpg' };
const CONDITIONS = [BUCKET, ['starts-with', '$key', 'user/user1/']];

describe('a form upload of version 4', () => {
  it('accepts the published signature', () => {
    const policy =
      'eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9';
    const fields = {
      ...SCOPE_FIELDS,
      ...UPLOAD,
      acl: 'public-read',
      success_action_redirect: 'http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html',
      'content-type': 'image/jpeg',
      'x-amz-meta-uuid': '14365123651274',
      'x-amz-server-side-encryption': 'AES256',
      'x-amz-meta-tag': '',
      'x-amz-signature': '8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e',
    };
    expect(outcomeOf({ policy, fields })).toBe('accepted');
    expect(outcomeOf({ policy, fields: { ...fields, acl: 'private' } })).toBe('AccessDenied');
    expect(outcomeOf({ policy: `${policy.slice(0, -4)}AAAA`, fields })).toBe('SignatureDoesNotMatch');
  });

  it('holds the fields against the document', () => {
    expect(outcomeOf(form(CONDITIONS, UPLOAD))).toBe('accepted');
    expect(outcomeOf(form(CONDITIONS, { ...UPLOAD, key: 'user/user2/a.jpg' }))).toBe('AccessDenied');
    expect(outcomeOf(form(CONDITIONS, { ...UPLOAD, bucket: 'other' }))).toBe('AccessDenied');
    expect(outcomeOf(form(CONDITIONS, { ...UPLOAD, 'x-amz-meta-more': '1' }))).toBe('AccessDenied');
    expect(outcomeOf(form(CONDITIONS, { ...UPLOAD, 'x-ignore-me': '1', file: 'x' }))).toBe('accepted');
    expect(outcomeOf(form([['starts-with', '$key', '']], UPLOAD))).toBe('AccessDenied');
    expect(outcomeOf(form([...CONDITIONS, ['eq', '$acl', 'private']], UPLOAD))).toBe('AccessDenied');
    expect(outcomeOf(form([...CONDITIONS, ['content-length-range', 0, 10]], UPLOAD))).toBe('accepted');
  });

  it('holds every item of a content type list against a prefix', () => {
    const conditions = [...CONDITIONS, ['starts-with', '$Content-Type', 'image/']];
    expect(outcomeOf(form(conditions, { ...UPLOAD, 'content-type': 'image/jpg, image/png' }))).toBe('accepted');
    expect(outcomeOf(form(conditions, { ...UPLOAD, 'content-type': 'image/jpg,text/html' }))).toBe('AccessDenied');
  });

  it('ends when the document says', () => {
    expect(outcomeOf(form(CONDITIONS, UPLOAD), Date.parse(EXPIRATION))).toBe('accepted');
    expect(outcomeOf(form(CONDITIONS, UPLOAD), Date.parse(EXPIRATION) + 1)).toBe('AccessDenied');
  });

  it('refuses documents it cannot read', () => {
    expect(outcomeOf(form([...CONDITIONS, ['matches', '$key', '.*']], UPLOAD))).toBe('InvalidPolicyDocument');
    expect(outcomeOf(form([...CONDITIONS, ['eq', 'key', 'x']], UPLOAD))).toBe('InvalidPolicyDocument');
    expect(outcomeOf(form([...CONDITIONS, 'key'], UPLOAD))).toBe('InvalidPolicyDocument');
    expect(outcomeOf(form(CONDITIONS, UPLOAD, { expiration: 'tomorrow' }))).toBe('InvalidPolicyDocument');
  });
});

describe('a form upload of version 2', () => {
  it('checks the older signature, too', () => {
    const document = { expiration: EXPIRATION, conditions: CONDITIONS };
    const policy = Buffer.from(JSON.stringify(document)).toString('base64');
    const signature = createHmac('sha1', KEYS.secretKey).update(policy).digest('base64');
    const fields = { ...UPLOAD, awsaccesskeyid: KEYS.accessKey, signature };
    expect(outcomeOf({ policy, fields })).toBe('accepted');
    expect(outcomeOf({ policy, fields: { ...fields, signature: 'AAAA' } })).toBe('SignatureDoesNotMatch');
    expect(outcomeOf({ policy, fields: { ...fields, awsaccesskeyid: 'nobody' } })).toBe('InvalidAccessKeyId');
    expect(outcomeOf({ policy, fields: UPLOAD })).toBe('InvalidArgument');
  });
});
