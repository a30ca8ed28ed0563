// Vectors: AWS, "Signing and authenticating REST requests" (Signature Version 2), with the documentation's key.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type AuthErrorCode, AuthRefusal } from './auth-refusal.ts';
import type { Credential } from './credential.ts';
import { verifySigV2Header, verifySigV2Query } from './sigv2.ts';
import type { VerifyContext } from './verified-signature.ts';

const KEYS = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const CREDENTIAL: Credential = { type: 'User', enabled: true, ...KEYS };
const MARCH_2007 = Date.UTC(2007, 2, 27, 19, 36, 42);

const at = (nowMs: number): VerifyContext => ({
  credentials: { find: (key) => (key === KEYS.accessKey ? CREDENTIAL : undefined) },
  nowMs,
  service: 's3',
});
const sign = (text: string): string => createHmac('sha1', KEYS.secretKey).update(text).digest('base64');

function codeOf(run: () => unknown): AuthErrorCode | 'accepted' {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof AuthRefusal) return error.code;
    throw error;
  }
}

/** Without the other spelling of the resource. */
const alone = { alternativeStringToSign: '' };

describe('the Authorization header of version 2', () => {
  const text = 'GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/awsexamplebucket1/photos/puppy.jpg';
  const authorization = 'AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g=';

  it('accepts the published examples', () => {
    expect(verifySigV2Header({ authorization, stringToSign: text, ...alone }, at(MARCH_2007))).toMatchObject({
      version: 'AWS',
      authType: 'REST-HEADER',
      signedAtMs: MARCH_2007,
    });
    const deletion = 'DELETE\n\n\nTue, 27 Mar 2007 21:20:26 +0000\n/awsexamplebucket1/photos/puppy.jpg';
    const signature = 'AWS AKIAIOSFODNN7EXAMPLE:XbyTlbQdu9Xw5o8P4iMwPktxQd8=';
    const now = Date.UTC(2007, 2, 27, 21, 20, 26);
    expect(
      codeOf(() => verifySigV2Header({ authorization: signature, stringToSign: deletion, ...alone }, at(now))),
    ).toBe('accepted');
  });

  it('notices another method, path and date, and a wrong key', () => {
    const code = (stringToSign: string, header = authorization): string =>
      codeOf(() => verifySigV2Header({ authorization: header, stringToSign, ...alone }, at(MARCH_2007)));
    expect(code(text.replace('GET', 'PUT'))).toBe('SignatureDoesNotMatch');
    expect(code(text.replace('puppy', 'kitty'))).toBe('SignatureDoesNotMatch');
    expect(code(text.replace('19:36:42', '19:36:43'))).toBe('SignatureDoesNotMatch');
    expect(code(text, authorization.replace('EXAMPLE:', 'EXAMPLF:'))).toBe('InvalidAccessKeyId');
    expect(code(text, 'AWS nonsense')).toBe('InvalidArgument');
    expect(code(text.replace('Tue, 27 Mar 2007 19:36:42 +0000', ''))).toBe('AccessDenied');
    // S3 knows no time before 1970
    expect(code(text.replace('27 Mar 2007', '27 Mar 1950'))).toBe('AccessDenied');
    expect(code('GET')).toBe('SignatureDoesNotMatch');
  });

  it('allows 15 minutes of skew', () => {
    const code = (nowMs: number): string =>
      codeOf(() => verifySigV2Header({ authorization, stringToSign: text, ...alone }, at(nowMs)));
    expect(code(MARCH_2007 + 15 * 60_000)).toBe('accepted');
    expect(code(MARCH_2007 + 15 * 60_000 + 1)).toBe('RequestTimeTooSkewed');
  });

  it('takes either spelling of a bucket, and no other bucket', () => {
    const signed = 'GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/bucket/?acl';
    const code = (stringToSign: string, alternativeStringToSign: string): string => {
      const header = `AWS ${KEYS.accessKey}:${sign(signed)}`;
      return codeOf(() =>
        verifySigV2Header({ authorization: header, stringToSign, alternativeStringToSign }, at(MARCH_2007)),
      );
    };
    expect(code(signed.replace('/?', '?'), signed)).toBe('accepted');
    expect(code(signed.replace('/?', '?'), '')).toBe('SignatureDoesNotMatch');
    expect(code(signed.replace('bucket/', 'other'), signed)).toBe('SignatureDoesNotMatch');
  });

  it('reads time and token out of the signed headers', () => {
    const signed = 'PUT\n\ntext/plain\n\nx-amz-date:Tue, 27 Mar 2007 19:36:42 +0000\nx-amz-security-token:TOKEN\n/b/k';
    const header = `AWS ${KEYS.accessKey}:${sign(signed)}`;
    expect(
      verifySigV2Header({ authorization: header, stringToSign: signed, ...alone }, at(MARCH_2007)).sessionToken,
    ).toBe('TOKEN');
  });
});

describe('a URL signed with version 2', () => {
  const text = 'GET\n\n\n1175139620\n/johnsmith/photos/puppy.jpg';
  const signature = 'NpgCjnDzrM+WFzoENXmpNDUsSn8=';
  const query = { accessKey: KEYS.accessKey, signature, stringToSign: text, ...alone };

  it('accepts the published example until it expires', () => {
    expect(verifySigV2Query(query, at(1175139620_000)).authType).toBe('REST-QUERY-STRING');
    expect(() => verifySigV2Query(query, at(1175139620_001))).toThrow('Request has expired');
  });

  it('is spoilt by another expiry', () => {
    const later = { ...query, stringToSign: text.replace('1175139620', '1975139620') };
    expect(codeOf(() => verifySigV2Query(later, at(MARCH_2007)))).toBe('SignatureDoesNotMatch');
    const never = { ...query, stringToSign: text.replace('1175139620', 'never') };
    expect(codeOf(() => verifySigV2Query(never, at(MARCH_2007)))).toBe('AccessDenied');
  });
});
