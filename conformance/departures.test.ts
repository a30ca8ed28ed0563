import { describe, expect, it } from 'vitest';
import { type DepartingVector, departureRule } from './departures.ts';

const rule = (vector: Partial<DepartingVector>, wanted: unknown, got: unknown): string | undefined =>
  departureRule({ family: 'http-x', dialects: ['juicefs'], kind: 'http', ...vector }, 'juicefs', wanted, got)?.rule;

const allow = (Action: string, Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource: 'arn:aws:s3:::b/*',
  ...(Condition === undefined ? {} : { Condition }),
});
const deny = (Action: string) => ({ ...allow(Action), Effect: 'Deny' });
const identity = (...Statement: readonly object[]) => ({ policies: { identity: [{ Statement }] } });

describe('a departure from a recorded answer', () => {
  it('about a forged key needs documents that name the key', () => {
    const forged = { action: 's3:GetObject', http: { query: '', headers: { Username: ['bob'] } } };
    const named = allow('s3:GetObject', { StringEquals: { 'aws:username': 'bob' } });
    const other = allow('s3:GetObject', { Bool: { 'aws:SecureTransport': 'true' } });
    expect(rule({ ...forged, ...identity(named) }, 'ALLOW', 'DENY')).toBe('keys-come-from-their-source');
    expect(rule({ ...forged, ...identity(other) }, 'ALLOW', 'DENY')).toBeUndefined();
  });

  it('about a lost statement needs one that speaks of the action', () => {
    const request = { action: 's3:GetObject' };
    const lost = [deny('s3:Get*'), allow('s3:*'), allow('s3:*')];
    const another = [deny('s3:PutObject'), allow('s3:*'), allow('s3:*')];
    expect(rule({ request, ...identity(...lost) }, 'ALLOW', 'EXPLICIT_DENY')).toBe('every-statement-counts');
    expect(rule({ request, ...identity(...another) }, 'ALLOW', 'EXPLICIT_DENY')).toBeUndefined();
  });

  it('about versions needs a Deny that speaks of them', () => {
    const request = { action: 's3:ListBucketVersions' };
    const denied = identity(allow('s3:ListBucket'), deny('s3:ListBucketVersions'));
    const other = identity(allow('s3:ListBucket'), deny('s3:PutObject'));
    expect(rule({ request, ...denied }, 'ALLOW', 'EXPLICIT_DENY')).toBe('explicit-deny-is-final');
    expect(rule({ request, ...other }, 'ALLOW', 'EXPLICIT_DENY')).toBeUndefined();
  });
});
