// What one document says in one dialect and not in another, in words: for people who change dialects, or come from another server.
import { VERSION_ACTIONS } from './authorize.ts';
import type { Dialect } from './dialect/dialect.ts';
import { findDialect } from './dialect/index.ts';
import { type ParseOptions, parsePolicy } from './document/parse-policy.ts';
import type { CompiledStatement } from './policy.ts';
import type { DialectName } from './request.ts';

/** Why a document reads otherwise in `here` than in `there`; empty when it reads the same. */
export function readingDifferences(
  text: string,
  document: Omit<ParseOptions, 'dialect'>,
  here: DialectName,
  there: DialectName,
): readonly string[] {
  const [ours, theirs] = [findDialect(here), findDialect(there)];
  if (ours === undefined || theirs === undefined || here === there) return [];
  const read = parsePolicy(text, { ...document, dialect: here });
  const other = parsePolicy(text, { ...document, dialect: there });
  if (!read.ok && !other.ok) return [];
  if (!read.ok) return [`it is not valid in ${here}: ${read.issues[0]?.message ?? ''}`];
  if (!other.ok) return [`it is not valid in ${there}: ${other.issues[0]?.message ?? ''}`];
  const differences = new Set<string>();
  if (document.kind === 'bucket' && ours.bucketPolicies !== theirs.bucketPolicies) {
    differences.add(
      ours.bucketPolicies === 'everyone'
        ? `it binds everyone; in ${there}, the anonymous only`
        : `it binds the anonymous only; in ${there}, everyone`,
    );
  }
  const { statements } = read.policy;
  for (const statement of statements) {
    for (const difference of statementDifferences(statement, ours, theirs)) differences.add(difference);
  }
  if (there === 'juicefs' && new Set(statements.map(contentOf)).size < statements.length) {
    differences.add(`it has the same statement twice, and every other statement counts, too`);
  }
  return [...differences];
}

function* statementDifferences(statement: CompiledStatement, ours: Dialect, theirs: Dialect): Generator<string> {
  const { grammar } = theirs;
  if (grammar.kind === 'path') {
    if (statement.actions.negated && !grammar.notAction) yield 'NotAction counts';
    if (statement.negatedResources && !grammar.notResource) yield 'NotResource counts';
  }
  const ofVersionsOnly = [...VERSION_ACTIONS].some(
    ([action, ofVersion]) => statement.actions.matches(ofVersion) && !statement.actions.matches(action),
  );
  if (ofVersionsOnly && ours.namedVersion === 'eitherAction' && theirs.namedVersion !== 'eitherAction') {
    yield 'actions on versions rule the requests that name one';
  }
  const texts = [
    ...statement.resources.map(({ source }) => source),
    ...statement.conditions.flatMap(({ wanted }) => wanted),
  ];
  if (ours.variables.literal !== theirs.variables.literal && texts.some((text) => text.includes('${'))) {
    yield ours.variables.literal
      ? `what a variable stands for is literal text; in ${theirs.name}, its * and ? are wildcards`
      : `the * and ? of what a variable stands for are wildcards; in ${theirs.name}, it is literal text`;
  }
  const questionMarks = ours.identityResource.questionMark !== theirs.identityResource.questionMark;
  if (questionMarks && texts.some((text) => text.includes('?'))) {
    yield `a ? stands for one ${ours.identityResource.questionMark === 'byte' ? 'byte of UTF-8' : 'character'}`;
  }
  for (const { operator } of statement.conditions) {
    if (
      /^(Numeric|Date)NotEquals/.test(operator) &&
      ours.conditions.notEqualsMalformed !== theirs.conditions.notEqualsMalformed
    ) {
      yield `${operator} ${ours.conditions.notEqualsMalformed ? 'holds' : 'does not hold'} without a value`;
    }
    if (operator.includes('IgnoreCase') && ours.conditions.ignoreCase !== theirs.conditions.ignoreCase) {
      yield `${operator} takes other letters beyond ASCII for the same`;
    }
  }
}

/** What two statements with the same content share. */
function contentOf({
  effect,
  actions,
  resources,
  negatedResources,
  principals,
  conditions,
}: CompiledStatement): string {
  return JSON.stringify([
    effect,
    actions.id.split('\n').sort(),
    resources.map(({ source }) => source).sort(),
    negatedResources,
    [...(principals?.wanted ?? [])].sort(),
    conditions.map(({ operator, key, wanted }) => [operator, key.name, [...wanted].sort()]).sort(),
  ]);
}
