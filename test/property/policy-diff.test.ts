// `policy diff` on documents that were changed: it finds the change, and each witness is decided again, by documents read anew.
import { describe, expect, it } from 'vitest';
import { askDocuments, type DocumentQuestion } from '../../src/authz/policy/index.ts';
import { diffPolicies, type Witness } from '../../src/authz/policy-diff/diff-policies.ts';
import { type Mutation, mutations } from './policy-mutations.ts';

/** The long run is part of `npm run fuzz`. */
const COUNT = 100;
const SEED = 20_261;

function allows({ kind }: Mutation, document: string, { request }: Witness): boolean {
  const { principal, action, bucket, object, keys } = request;
  const question: DocumentQuestion = {
    dialect: 'portcullis',
    scope: kind === 'bucket' ? 'bucket' : 'combined',
    documents: kind === 'bucket' ? { bucket: document } : { identity: [document] },
    principal,
    action,
    resource: { bucket, object },
    conditions: Object.fromEntries(keys),
  };
  const answer = askDocuments(question);
  return answer.kind === 'decided' && answer.decision.outcome === 'Allow';
}

describe('the difference of two policies', () => {
  it(`is found for at least 99 of 100 changes`, () => {
    const missed: string[] = [];
    for (const mutation of mutations(COUNT, SEED)) {
      const diff = diffPolicies(mutation.before, mutation.after, {
        ...mutation,
        dialect: 'portcullis',
        bucket: 'photos',
      });
      if (diff.kind === 'invalid') throw new Error(JSON.stringify(diff.issues));
      expect(diff.same).toBe(false);
      for (const witness of diff.newlyAllowed) {
        expect(allows(mutation, mutation.before, witness)).toBe(false);
        expect(allows(mutation, mutation.after, witness)).toBe(true);
      }
      for (const witness of diff.newlyDenied) {
        expect(allows(mutation, mutation.before, witness)).toBe(true);
        expect(allows(mutation, mutation.after, witness)).toBe(false);
      }
      if (diff.newlyAllowed.length + diff.newlyDenied.length === 0)
        missed.push(`${mutation.before}\n${mutation.after}`);
    }
    expect(missed.length, missed.join('\n\n')).toBeLessThanOrEqual(COUNT / 100);
  });

  it('is none where a document is only written otherwise', () => {
    for (const { before, kind } of mutations(20, SEED + 1)) {
      const { Statement, ...rest } = JSON.parse(before);
      const reordered = JSON.stringify({ ...rest, Statement: [...Statement].reverse() });
      const diff = diffPolicies(before, reordered, { kind, dialect: 'portcullis', bucket: 'photos' });
      expect(diff).toMatchObject({ same: true, newlyAllowed: [], newlyDenied: [] });
    }
  });
});
