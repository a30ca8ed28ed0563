// Why an engine answered as it did, in lines for people.
import type { StatementTrace } from '../src/authz/policy/index.ts';

/** Statements and issues that are shown. */
const MOST_LINES = 12;

/** An issue of a document, as the engine or a service tells it. */
export interface ShownIssue {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export function issuesText(issues: readonly ShownIssue[]): string {
  if (issues.length === 0) return 'no issue was found in the document';
  return cut(issues.map(({ path, code, message }) => `${path} ${code}: ${message}`));
}

export function traceText(statements: readonly StatementTrace[]): string {
  if (statements.length === 0) return 'no statement was considered';
  return cut(statements.map(statementText));
}

function statementText({
  statement,
  effect,
  matched,
  failedElement,
  operator,
  key,
  wanted,
  seen,
}: StatementTrace): string {
  const name = `${statement.policy} statement ${statement.index}${statement.sid === undefined ? '' : ` (${statement.sid})`}`;
  if (matched) return `${name}: ${effect} matched`;
  const what = key === undefined ? (failedElement ?? 'nothing') : `${failedElement} ${operator} ${key}`;
  return `${name}: ${effect} did not match: ${what} wants ${JSON.stringify(wanted ?? [])}, seen ${JSON.stringify(seen ?? [])}`;
}

function cut(lines: readonly string[]): string {
  const more = lines.length - MOST_LINES;
  return [...lines.slice(0, MOST_LINES), ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}
