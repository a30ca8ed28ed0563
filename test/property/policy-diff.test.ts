// `policy diff` on documents that were changed. `npm run fuzz -- diff` tries many more.
import { describe, expect, it } from 'vitest';
import { diffPolicies } from '../../src/authz/policy-diff/diff-policies.ts';
import { difference, findDifferences } from './found-differences.ts';
import { mutations } from './policy-mutations.ts';

const COUNT = 100;
const SEED = 20_261;

describe('the difference of two policies', () => {
  it(`is found for at least 99 of 100 changes, with witnesses that hold`, () => {
    const { missed } = findDifferences(COUNT, SEED);
    expect(missed.length, missed.join('\n\n')).toBeLessThanOrEqual(COUNT / 100);
  });

  it('is none where a document is only written otherwise', () => {
    for (const { before, kind } of mutations(20, SEED + 1)) {
      const { Statement, ...rest } = JSON.parse(before);
      const after = JSON.stringify({ ...rest, Statement: [...Statement].reverse() });
      const diff = difference({ kind, before, after });
      expect(diff).toMatchObject({ same: true, newlyAllowed: [], newlyDenied: [] });
    }
  });

  const statement = (Effect: string, Action: string, more: object) => ({ Effect, Action, ...more });
  const document = (...Statement: readonly object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
  const ON_B = { Resource: 'arn:aws:s3:::b/*' };

  it('is found where NotResource excepts more', () => {
    const all = statement('Allow', 's3:*', { Resource: 'arn:aws:s3:::*' });
    const denied = (...NotResource: readonly string[]) =>
      document(all, statement('Deny', 's3:GetObject', { NotResource }));
    const pub = 'arn:aws:s3:::b/pub/*';
    const diff = diffPolicies(denied(pub), denied(pub, 'arn:aws:s3:::b/more/x'), {
      dialect: 'portcullis',
      kind: 'identity',
    });
    expect(diff).toMatchObject({ newlyAllowed: [{ request: { bucket: 'b', object: 'more/x' } }], newlyDenied: [] });
  });

  it('is found where only a version is denied', () => {
    const allowed = statement('Allow', 's3:DeleteObject', ON_B);
    const before = document(allowed, statement('Deny', 's3:DeleteObjectVersion', ON_B));
    const witness = { newlyAllowed: [{ request: { action: 's3:DeleteObject' } }], newlyDenied: [] };
    const diff = diffPolicies(before, document(allowed), { dialect: 'portcullis', kind: 'identity' });
    expect(diff).toMatchObject(witness);
    const ofBucket = (text: string) => text.replaceAll('"Effect"', '"Principal":"*","Effect"');
    const both = [ofBucket(before), ofBucket(document(allowed))] as const;
    expect(diffPolicies(...both, { dialect: 'portcullis', kind: 'bucket', bucket: 'b' })).toMatchObject(witness);
  });

  it('is found among the resources of a tenant', () => {
    const by = (AWS: string) => document(statement('Allow', 's3:GetObject', { ...ON_B, Principal: { AWS } }));
    const [parent, subuser] = ['arn:aws:iam::t:user/fred', 'arn:aws:iam::t:user/fred:sub'];
    const diff = diffPolicies(by(parent), by(subuser), { dialect: 'ceph', kind: 'bucket', tenant: 't' });
    expect(diff).toMatchObject({ newlyAllowed: [], newlyDenied: [{ request: { principal: { user: 'fred' } } }] });
  });
});
