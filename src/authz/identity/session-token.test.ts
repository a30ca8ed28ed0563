import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { serviceAccountLimit, sessionTerms, verifyToken } from './session-token.ts';

const SECRET = 'golden-secret-key-1';
/** Written by the real gateway for a service account of bob's. */
const RECORDED =
  'eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhY2Nlc3NLZXkiOiJzdmNib2IwMDAwMSIsInBhcmVudCI6ImJvYiIsInNhLXBvbGljeSI6ImluaGVyaXRlZC1wb2xpY3kifQ.l2JNKl4xuxrO7mA3Lh0iWETbFEeRV6vwskcA2Y0vnSJ-XziFuAwZWw1YWiSFDm9IhaPwM3K0fWWajTu9-E9q4g';

function token(claims: object, { header = { alg: 'HS512', typ: 'JWT' } as object, secret = SECRET } = {}): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${encode(header)}.${encode(claims)}`;
  return `${body}.${createHmac('sha512', secret).update(body).digest('base64url')}`;
}

describe('tokens', () => {
  it('stand when the root secret signed them', () => {
    expect(verifyToken(RECORDED, SECRET)).toMatchObject({ accessKey: 'svcbob00001', parent: 'bob' });
    expect(verifyToken(RECORDED, 'another')).toBeUndefined();
    expect(verifyToken(RECORDED.replace('eyJhY2Nl', 'eyJhY2Nm'), SECRET)).toBeUndefined();
    expect(verifyToken(`${RECORDED}.x`, SECRET)).toBeUndefined();
    expect(verifyToken('', SECRET)).toBeUndefined();
  });

  it('must be HS512, whatever they say themselves', () => {
    expect(verifyToken(token({ accessKey: 'a' }, { header: { alg: 'none' } }), SECRET)).toBeUndefined();
    expect(verifyToken(token({ accessKey: 'a' }, { header: { alg: 'HS256' } }), SECRET)).toBeUndefined();
    expect(verifyToken(token({ accessKey: 'a' }), SECRET)).toEqual({ accessKey: 'a' });
  });

  it('tell how a service account is limited', () => {
    const record = { accessKey: 'svc', parent: 'bob' };
    const limit = (claims: object): unknown => serviceAccountLimit({ ...record, token: token(claims) }, SECRET);
    const policy = Buffer.from('{"Version":"2012-10-17"}').toString('base64');
    expect(limit({ ...record, 'sa-policy': 'inherited-policy' })).toEqual({ kind: 'inherit' });
    expect(limit({ ...record, 'sa-policy': 'embedded-policy', sessionPolicy: policy })).toEqual({
      kind: 'policy',
      document: '{"Version":"2012-10-17"}',
    });
    for (const claims of [
      record,
      { ...record, parent: 'alice', 'sa-policy': 'inherited-policy' },
      { ...record, accessKey: 'other', 'sa-policy': 'inherited-policy' },
      { ...record, 'sa-policy': 'embedded-policy' },
      { ...record, 'sa-policy': 'embedded-policy', sessionPolicy: '{not base64}' },
    ]) {
      expect(limit(claims)).toMatchObject({ kind: 'broken' });
    }
  });

  it('tell how a session is limited', () => {
    const limit = (claims: object): unknown =>
      sessionTerms({ accessKey: 'AK', parent: 'alice', token: token(claims) }, SECRET).limit;
    expect(limit({ accessKey: 'AK', exp: 604_800_000_000_000, policy: 'readonly' })).toEqual({ kind: 'inherit' });
    expect(limit({ accessKey: 'AK', sessionPolicy: 'e30=' })).toEqual({ kind: 'policy', document: '{}' });
    expect(limit({ accessKey: 'other' })).toMatchObject({ kind: 'broken' });
  });
});
