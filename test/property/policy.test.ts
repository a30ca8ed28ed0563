import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authorize, compilePolicySet, parsePolicy } from '../../src/authz/policy/index.ts';
import { POLICY_PROPERTIES } from './policy-properties.ts';

const RUNS = 2_000;

describe('the policy engine', () => {
  it.each(Object.entries(POLICY_PROPERTIES))('%s', (_name, property) => {
    fc.assert(property, { numRuns: RUNS });
  });

  it('matches many stars against a long key without backtracking over them all', () => {
    const resource = `arn:aws:s3:::bucket/${'a*'.repeat(500)}b`;
    const parsed = parsePolicy(
      JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: resource }],
      }),
      { kind: 'identity', dialect: 'portcullis', name: 'stars' },
    );
    if (!parsed.ok) throw new Error('the document must parse');
    const decision = authorize(compilePolicySet({ identity: [parsed.policy] }, 'portcullis'), {
      principal: { type: 'User', user: 'alice', account: '' },
      action: 's3:GetObject',
      bucket: 'bucket',
      object: 'a'.repeat(1_024),
      keys: new Map(),
    });
    expect(decision.outcome).toBe('ImplicitDeny');
  });
});
