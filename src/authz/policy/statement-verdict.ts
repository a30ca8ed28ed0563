// Whether one statement matches a request, and which of its elements is the first that does not.
import type { Evaluation } from './condition/evaluation.ts';
import { NAMING, type Naming } from './match/principal.ts';
import type { CompiledResource, ResourceText } from './match/resource.ts';
import type { CompiledCondition, CompiledStatement } from './policy.ts';

/** 'unknown' hangs on a fact that the caller has not told; 'fault' cannot be evaluated. */
export type StatementVerdict = 'match' | 'noMatch' | 'unknown' | 'fault';

/** How a statement names the requester. */
export function namingOf(statement: CompiledStatement, evaluation: Evaluation): Naming | 'fault' {
  return statement.principals === undefined
    ? NAMING.principal
    : statement.principals.naming(evaluation.request.principal);
}

/** Whether the Resource (or NotResource) admits the resource; one that does not count admits all. */
export function admitsResource(
  statement: CompiledStatement,
  only: CompiledResource | undefined,
  text: ResourceText,
  evaluation: Evaluation,
): boolean {
  if (only !== undefined) return only.matches(text, evaluation);
  // A KMS request that names no key is about the service.
  if (!statement.resourceCounts || (statement.service === 'kms' && evaluation.request.bucket === '')) return true;
  for (const resource of statement.resources) {
    if (resource.matches(text, evaluation)) return !statement.negatedResources;
  }
  return statement.negatedResources;
}

/** What a condition says; 'unknown': its key is not told. */
export function holds(condition: CompiledCondition, evaluation: Evaluation): boolean | 'unknown' | 'fault' {
  if (evaluation.request.unknownKeys !== undefined && evaluation.isUnknown(condition.key)) return 'unknown';
  return condition.test.test(evaluation.values(condition.key), evaluation);
}

/** Evaluates one statement whose action is known to match and that names the requester. */
export function statementVerdict(
  statement: CompiledStatement,
  only: CompiledResource | 'admitted' | undefined,
  text: ResourceText,
  evaluation: Evaluation,
): StatementVerdict {
  evaluation.variableMissing = false;
  const admitted = only === 'admitted' || admitsResource(statement, only, text, evaluation);
  if (!admitted && !evaluation.variableMissing) return 'noMatch';
  let verdict: StatementVerdict = 'match';
  let missing: string[] | undefined;
  for (const condition of statement.conditions) {
    const held = holds(condition, evaluation);
    if (held === true) continue;
    if (held === false) {
      if (!evaluation.variableMissing) return 'noMatch';
    } else if (held === 'fault') verdict = 'fault';
    else {
      missing ??= [];
      missing.push(condition.key.name);
    }
  }
  if (missing !== undefined) for (const key of missing) evaluation.miss(key);
  if (verdict === 'fault') return verdict;
  return missing !== undefined || evaluation.variableMissing ? 'unknown' : 'match';
}
