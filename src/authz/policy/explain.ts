// The decision with its trace: each statement of each consulted document, and the first element of it that did not match.
import { authorize, consideredActions, consulted } from './authorize.ts';
import { Evaluation } from './condition/evaluation.ts';
import { comparableAction } from './match/action.ts';
import { NAMING } from './match/principal.ts';
import type { ResourceText } from './match/resource.ts';
import type { CompiledStatement } from './policy.ts';
import type { PolicyProgram } from './program.ts';
import type { Decision, PolicyRequest, RequestPrincipal, StatementRef } from './request.ts';
import { admitsResource, holds, namingOf } from './statement-verdict.ts';

export interface StatementTrace {
  readonly statement: StatementRef;
  readonly effect: 'Allow' | 'Deny';
  readonly matched: boolean;
  /** The first element that did not match, or could not be told. */
  readonly failedElement?: 'Action' | 'Resource' | 'Principal' | 'Condition';
  readonly operator?: string;
  readonly key?: string;
  readonly wanted?: readonly string[];
  readonly seen?: readonly string[];
}

export interface Explanation {
  readonly decision: Decision;
  readonly statements: readonly StatementTrace[];
}

/** Explains a request. The decision is the one that `authorize` makes. */
export function explain(program: PolicyProgram, request: PolicyRequest): Explanation {
  const decision = authorize(program, request);
  const actions = consideredActions(program, request).map((action) =>
    comparableAction(action, program.dialect.actions),
  );
  const evaluation = new Evaluation(request);
  const { identity, session, boundary, bucket } = consulted(program, request);
  const statements = [identity, session, boundary, bucket].flatMap((document) =>
    document === undefined
      ? []
      : document.index.all.map((statement) => trace(statement, actions, document.text, evaluation)),
  );
  return { decision, statements };
}

type Failure = Omit<StatementTrace, 'statement' | 'effect' | 'matched'>;

function trace(
  statement: CompiledStatement,
  actions: readonly string[],
  text: ResourceText,
  evaluation: Evaluation,
): StatementTrace {
  const failure = failureOf(statement, actions, text, evaluation);
  const base = { statement: statement.ref, effect: statement.effect };
  return failure === undefined ? { ...base, matched: true } : { ...base, matched: false, ...failure };
}

function failureOf(
  statement: CompiledStatement,
  actions: readonly string[],
  text: ResourceText,
  evaluation: Evaluation,
): Failure | undefined {
  const { request } = evaluation;
  if (!actions.some((action) => statement.actions.matches(action))) {
    return { failedElement: 'Action', wanted: statement.actions.entries, seen: [request.action] };
  }
  const naming = namingOf(statement, evaluation);
  if (naming === NAMING.none || naming === 'fault') {
    const wanted = statement.principals?.wanted ?? [];
    return { failedElement: 'Principal', wanted, seen: [nameOf(request.principal)] };
  }
  evaluation.variableMissing = false;
  if (!admitsResource(statement, undefined, text, evaluation) || evaluation.variableMissing) {
    return { failedElement: 'Resource', wanted: statement.resources.map(({ source }) => source), seen: [text.raw] };
  }
  for (const condition of statement.conditions) {
    const held = holds(condition, evaluation);
    if (held === true && !evaluation.variableMissing) continue;
    const { operator, key, wanted } = condition;
    return { failedElement: 'Condition', operator, key: key.name, wanted, seen: evaluation.values(key) ?? [] };
  }
  return undefined;
}

function nameOf({ arn, user, account, type }: RequestPrincipal): string {
  return arn ?? (user !== '' ? user : account !== '' ? account : type);
}
