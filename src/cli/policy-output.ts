// What the policy commands print: decisions, explanations and differences, for people and as JSON.
import type { Decision, Explanation, PolicyRequest, StatementRef, StatementTrace } from '../authz/policy/index.ts';
import type { PolicyDiff, Witness } from '../authz/policy-diff/diff-policies.ts';
import type { AskedQuestion } from './policy-question.ts';

type Compared = Extract<PolicyDiff, { kind: 'compared' }>;

const HEADLINES = {
  Allow: 'allowed',
  ExplicitDeny: 'denied: a statement denies it',
  ImplicitDeny: 'denied: no statement allows it',
  EvaluationError: 'denied: a statement could not be evaluated',
  NeedsFacts: 'undecided: facts are missing',
} as const satisfies Record<Decision['outcome'], string>;

export function decisionText(decision: Decision, { question, names }: AskedQuestion): string {
  const by = determining(decision);
  const statement = by === undefined ? '' : ` (${statementName(by, names)})`;
  return `${HEADLINES[decision.outcome]}${statement}: ${question.action} on ${shownResource(question.resource.arn ?? '')}`;
}

export function decisionJson(decision: Decision, { question, names }: AskedQuestion): string {
  return JSON.stringify({ ...decisionObject(decision, names), request: requestObject(question) }, undefined, 2);
}

export function explanationText({ decision, statements }: Explanation, asked: AskedQuestion): string {
  const lines = [decisionText(decision, asked)];
  if (statements.length === 0) lines.push('  no document has a statement that is consulted for this request');
  for (const trace of statements) lines.push(...traceLines(trace, decision, asked));
  if (decision.outcome === 'NeedsFacts') lines.push(`  missing: ${decision.keys.join(', ')}`);
  const missing = missingFacts(statements);
  if (missing.length > 0) lines.push(`  not in the request: ${missing.join(', ')}`);
  return lines.join('\n');
}

export function explanationJson({ decision, statements }: Explanation, { question, names }: AskedQuestion): string {
  const traces = statements.map(({ statement, ...trace }) => ({ ...refObject(statement, names), ...trace }));
  const missingKeys = missingFacts(statements);
  const shown = {
    ...decisionObject(decision, names),
    request: requestObject(question),
    missingKeys,
    statements: traces,
  };
  return JSON.stringify(shown, undefined, 2);
}

/** One statement of an explanation. */
export function traceText(trace: ShownTrace): string {
  const name = `  ${trace.statement.policy} ${refText({ ...trace.statement, sid: trace.statement.sid })}: ${trace.effect}`;
  return trace.matched ? `${name} matches` : `${name} does not match: ${elementText(trace)}`;
}

/** A trace as it comes over the wire. */
interface ShownTrace {
  readonly statement: { readonly policy: string; readonly sid?: string | undefined; readonly index: number };
  readonly effect: 'Allow' | 'Deny';
  readonly matched: boolean;
  readonly failedElement?: string | undefined;
  readonly operator?: string | undefined;
  readonly key?: string | undefined;
  readonly wanted?: readonly string[] | undefined;
  readonly seen?: readonly string[] | undefined;
}

function traceLines(trace: StatementTrace, decision: Decision, { names }: AskedQuestion): string[] {
  const { statement, effect, matched } = trace;
  const by = determining(decision);
  const decides = by !== undefined && by.policy === statement.policy && by.index === statement.index;
  const head = `  ${statementName(statement, names)}: ${effect}`;
  if (matched) return [`${head} matches${decides ? ', and decides' : ''}`];
  return [`${head} does not match: ${elementText(trace)}`];
}

function elementText({ failedElement, operator, key, wanted, seen }: ShownTrace): string {
  const want = listText(wanted ?? []);
  const have = seen === undefined || seen.length === 0 ? 'nothing' : listText(seen);
  if (failedElement === 'Condition') return `Condition ${operator} ${key} wants ${want}, the request has ${have}`;
  return `${failedElement ?? 'it'} wants ${want}, the request has ${have}`;
}

/** Values shown of a list. */
const MOST_VALUES = 6;

function listText(values: readonly string[]): string {
  const shown = values.slice(0, MOST_VALUES).map((value) => JSON.stringify(value));
  return `${shown.join(' or ')}${values.length > MOST_VALUES ? ` or ${values.length - MOST_VALUES} more` : ''}`;
}

/** Condition keys that kept a statement from matching by not being there. */
function missingFacts(statements: readonly StatementTrace[]): string[] {
  const keys = statements
    .filter(
      ({ matched, failedElement, seen }) => !matched && failedElement === 'Condition' && (seen ?? []).length === 0,
    )
    .flatMap(({ key }) => (key === undefined ? [] : [key]));
  return [...new Set(keys)];
}

export function diffText(diff: Compared): string {
  if (diff.same) return 'the documents say the same\n';
  const { newlyAllowed, newlyDenied, tried, exhausted } = diff;
  if (newlyAllowed.length + newlyDenied.length === 0) {
    const why = exhausted ? '; there is more to try, see --budget' : '';
    return `no difference was found in ${tried} requests${why}; the documents are written differently\n`;
  }
  return [
    ...witnessLines('newly allowed', newlyAllowed),
    ...witnessLines('newly denied', newlyDenied),
    `${newlyAllowed.length} newly allowed, ${newlyDenied.length} newly denied (${tried} requests were tried${exhausted ? '; there is more to try, see --budget' : ''})`,
    '',
  ].join('\n');
}

export function diffJson({ same, newlyAllowed, newlyDenied, tried, exhausted }: Compared): string {
  const shown = (witnesses: readonly Witness[]): object[] =>
    witnesses.map(({ request, before, after }) => ({
      request: witnessObject(request),
      before: decisionObject(before, NO_NAMES),
      after: decisionObject(after, NO_NAMES),
    }));
  const result = same ? 'same' : newlyAllowed.length + newlyDenied.length > 0 ? 'different' : 'none found';
  return JSON.stringify(
    { result, newlyAllowed: shown(newlyAllowed), newlyDenied: shown(newlyDenied), tried, exhausted },
    undefined,
    2,
  );
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

function witnessLines(what: string, witnesses: readonly Witness[]): string[] {
  return witnesses.flatMap(({ request, before, after }) => [
    `${what}: ${request.action} on ${shownResource(request.resourceArn ?? '')} by ${whoText(request)}`,
    ...[...request.keys].map(
      ([key, values]) => `    ${key} = ${values.map((value) => JSON.stringify(value)).join(', ')}`,
    ),
    `    old: ${outcomeText(before)}`,
    `    new: ${outcomeText(after)}`,
  ]);
}

export function outcomeText(decision: Decision): string {
  const by = determining(decision);
  return by === undefined ? HEADLINES[decision.outcome] : `${HEADLINES[decision.outcome]} (${refText(by)})`;
}

function whoText({ principal }: PolicyRequest): string {
  if (principal.type === 'Anonymous') return 'the anonymous';
  return principal.arn ?? principal.user;
}

function witnessObject({ principal, action, bucket, object, resourceArn, keys }: PolicyRequest): object {
  return { principal, action, resource: resourceArn, bucket, object, context: Object.fromEntries(keys) };
}

function requestObject({ principal, action, resource, conditions }: AskedQuestion['question']): object {
  return { principal, action, resource: resource.arn, context: conditions };
}

function determining(decision: Decision): StatementRef | undefined {
  if (decision.outcome === 'Allow' || decision.outcome === 'ExplicitDeny') return decision.by;
  return decision.outcome === 'EvaluationError' ? decision.at : undefined;
}

function decisionObject(decision: Decision, names: ReadonlyMap<string, string>): object {
  const by = determining(decision);
  return {
    outcome: decision.outcome,
    ...('reason' in decision ? { reason: decision.reason } : { missingKeys: decision.keys }),
    ...(by === undefined ? {} : { determining: refObject(by, names) }),
  };
}

function refObject({ policy, sid, index }: StatementRef, names: ReadonlyMap<string, string>): object {
  return { policy: names.get(policy) ?? policy, ...(sid === undefined ? {} : { sid }), statement: index };
}

function statementName(ref: StatementRef, names: ReadonlyMap<string, string>): string {
  return `${names.get(ref.policy) ?? ref.policy} ${refText(ref)}`;
}

function refText({ sid, index }: StatementRef): string {
  return sid === undefined ? `statement ${index}` : `statement ${index} ${JSON.stringify(sid)}`;
}

function shownResource(arn: string): string {
  return arn === '' || arn === 'arn:aws:s3:::' ? 'the service' : arn;
}
