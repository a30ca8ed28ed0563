// The search for differences, tried on documents that were changed: whether it finds each change, and whether each witness holds when it is
// decided again, by documents read anew.
import { askDocuments, type DocumentQuestion } from '../../src/authz/policy/index.ts';
import { diffPolicies, type PolicyDiff, type Witness } from '../../src/authz/policy-diff/diff-policies.ts';
import { type Mutation, mutations } from './policy-mutations.ts';

export interface FoundDifferences {
  readonly changes: number;
  readonly found: number;
  readonly witnesses: number;
  /** Documents before and after a change that was not found. */
  readonly missed: readonly string[];
}

export function difference({ before, after, kind }: Pick<Mutation, 'before' | 'after' | 'kind'>): PolicyDiff {
  return diffPolicies(before, after, { kind, dialect: 'portcullis', bucket: 'photos' });
}

/** Tries so many changes. Throws for a witness that does not hold. */
export function findDifferences(changes: number, seed: number): FoundDifferences {
  const missed: string[] = [];
  let witnesses = 0;
  for (const mutation of mutations(changes, seed)) {
    const diff = difference(mutation);
    if (diff.kind === 'invalid') throw new Error(JSON.stringify(diff.issues));
    if (diff.same) throw new Error(`called the same: ${mutation.before}\nand: ${mutation.after}`);
    const { newlyAllowed, newlyDenied } = diff;
    for (const witness of newlyAllowed) check(mutation, witness, { before: false, after: true });
    for (const witness of newlyDenied) check(mutation, witness, { before: true, after: false });
    witnesses += newlyAllowed.length + newlyDenied.length;
    if (newlyAllowed.length + newlyDenied.length === 0) missed.push(`${mutation.before}\nnow: ${mutation.after}`);
  }
  return { changes, found: changes - missed.length, witnesses, missed };
}

function check(
  mutation: Mutation,
  witness: Witness,
  allowed: { readonly before: boolean; readonly after: boolean },
): void {
  for (const side of ['before', 'after'] as const) {
    if (allows(mutation.kind, mutation[side], witness) === allowed[side]) continue;
    throw new Error(`seen otherwise ${side} the change: ${JSON.stringify(witness.request)} of ${mutation[side]}`);
  }
}

function allows(kind: Mutation['kind'], document: string, { request }: Witness): boolean {
  const { principal, action, bucket, object, keys } = request;
  const question: DocumentQuestion = {
    dialect: 'portcullis',
    scope: kind === 'bucket' ? 'bucket' : 'combined',
    requestRules: true,
    documents: kind === 'bucket' ? { bucket: document } : { identity: [document] },
    principal,
    action,
    resource: { bucket, object },
    conditions: Object.fromEntries(keys),
  };
  const answer = askDocuments(question);
  return answer.kind === 'decided' && answer.decision.outcome === 'Allow';
}
