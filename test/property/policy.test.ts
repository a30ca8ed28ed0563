import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authorize, compilePolicySet, parsePolicy } from '../../src/authz/policy/index.ts';
import { compareWithReference } from './differential.ts';
import { POLICY_PROPERTIES } from './policy-properties.ts';

const RUNS = 2_000;

describe('the policy engine', () => {
  it.each(Object.entries(POLICY_PROPERTIES))('%s', (_name, property) => {
    fc.assert(property, { numRuns: RUNS });
  });

  it('agrees with the reference evaluator on 20,000 random documents and requests', () => {
    const seed = Date.now() % 2 ** 31;
    process.stdout.write(`seed ${seed}\n`);
    const { compared, outcomes } = compareWithReference(20_000, seed);
    expect(compared).toBe(20_000);
    // A generator that hardly allows anything compares nothing.
    for (const dialect of ['portcullis', 'minio', 'juicefs', 'aws', 'ceph']) {
      for (const outcome of ['Allow', 'ExplicitDeny', 'ImplicitDeny']) {
        expect(outcomes[`${dialect} ${outcome}`]).toBeGreaterThan(200);
      }
    }
  }, 180_000);

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
