// JSON text → a compiled Policy, or all the issues found. What a document may hold is its dialect's grammar.
import { DIALECT_NAMES, findDialect } from '../dialect/index.ts';
import { brandPolicy, type CompiledStatement, type Policy } from '../policy.ts';
import type { DialectName, PolicyKind } from '../request.ts';
import { readAccountDocument } from './account-grammar.ts';
import { placeOf, readJson } from './json-reader.ts';
import { readPathDocument } from './path-grammar.ts';
import type { PolicyIssue } from './policy-issue.ts';
import type { DocumentContext } from './statement-context.ts';
import { readTenantDocument } from './tenant-grammar.ts';
import { warningsOf } from './warnings.ts';

/** Largest stored document, bytes of UTF-8. */
export const MAX_DOCUMENT_BYTES = 20 * 1024;
/** Longest inline policy of a session, in characters; largest one of a service account, in bytes. */
export const MAX_SESSION_POLICY_CHARACTERS = 2_048;
export const MAX_SERVICE_ACCOUNT_POLICY_BYTES = 16 * 1024;
/** Issues of one document; there is no use in more. */
const MAX_ISSUES = 1_000;

export interface ParseOptions {
  readonly kind: PolicyKind;
  readonly dialect: DialectName;
  /** Names the policy in decisions. */
  readonly name: string;
  /** For kind 'bucket': the bucket that the document is for. */
  readonly bucket?: string;
  /** Also hold the document against the rules for storing a new one: size, Version, at least one statement. */
  readonly strict?: boolean;
  /** Also hold it against the dialect's checks for new documents that stored ones need not pass. */
  readonly fresh?: boolean;
  /** The owner of the document, in a dialect with tenants. */
  readonly tenant?: string;
  /** Largest document in bytes, instead of the one for its kind; held against it with `strict` only. */
  readonly maxBytes?: number;
}

export type ParsedPolicy =
  /** `warnings`: what is valid and rarely meant. */
  | { readonly ok: true; readonly policy: Policy; readonly warnings: readonly PolicyIssue[] }
  | { readonly ok: false; readonly issues: readonly PolicyIssue[] };

/** Reads a document. Never throws for what a document may hold. */
export function parsePolicy(text: string, options: ParseOptions): ParsedPolicy {
  const { strict = false } = options;
  const dialect = findDialect(options.dialect);
  if (dialect === undefined) {
    return fail({
      code: 'UnsupportedDialect',
      path: '$',
      message: `there is no dialect ${JSON.stringify(options.dialect)}; there are ${DIALECT_NAMES.join(', ')}`,
    });
  }
  const issues: PolicyIssue[] = [];
  const tooLarge = strict ? sizeProblem(text, options) : undefined;
  if (tooLarge !== undefined) return fail({ code: 'TooLarge', path: '$', message: tooLarge });
  const read = readJson(text, dialect.json);
  if (!read.ok) {
    const message = `not valid JSON: ${read.problem} (${placeOf(text, read.at)})`;
    return fail({ code: 'InvalidJson', path: '$', message });
  }
  const context: DocumentContext = { ...options, dialect, issues, compiled: new Map() };
  const document = readDocument(read.root, context);
  if (document !== undefined && strict) checkStorable(document, context);
  if (issues.length > 0 || document === undefined) return { ok: false, issues: issues.slice(0, MAX_ISSUES) };
  return {
    ok: true,
    policy: brandPolicy({ name: options.name, kind: options.kind, statements: document.statements }),
    warnings: warningsOf(document.statements, dialect),
  };
}

/** A document as its grammar read it. */
export interface ReadDocument {
  /** '' when there is none. */
  readonly version: string;
  readonly statementCount: number;
  /** Those without issues. */
  readonly statements: readonly CompiledStatement[];
}

function readDocument(
  root: Parameters<typeof readPathDocument>[0],
  context: DocumentContext,
): ReadDocument | undefined {
  const { grammar } = context.dialect;
  switch (grammar.kind) {
    case 'path':
      return readPathDocument(root, grammar, context);
    case 'account':
      return readAccountDocument(root, grammar, context);
    case 'tenant':
      return readTenantDocument(root, grammar, context);
  }
}

function checkStorable({ version, statementCount }: ReadDocument, { kind, issues }: DocumentContext): void {
  if (version === '' && !issues.some(({ code }) => code === 'MissingVersion')) issues.push(MISSING_VERSION);
  if (statementCount === 0 && kind !== 'bucket') {
    issues.push({ code: 'NoStatements', path: '$.Statement', message: 'a policy needs at least one statement' });
  }
}

export const MISSING_VERSION: PolicyIssue = {
  code: 'MissingVersion',
  path: '$.Version',
  message: 'Version must be "2012-10-17"',
  suggestion: '2012-10-17',
};

function sizeProblem(text: string, { kind, maxBytes }: ParseOptions): string | undefined {
  if (kind === 'session' && maxBytes === undefined) {
    return text.length > MAX_SESSION_POLICY_CHARACTERS
      ? `the document has more than ${MAX_SESSION_POLICY_CHARACTERS} characters`
      : undefined;
  }
  const most = maxBytes ?? MAX_DOCUMENT_BYTES;
  return byteLength(text, most) > most ? `the document is larger than ${most} bytes` : undefined;
}

/** Bytes of UTF-8; any number above `most` for a text that is longer than that anyway. */
function byteLength(text: string, most: number): number {
  return text.length > most ? text.length : new TextEncoder().encode(text).length;
}

function fail(issue: PolicyIssue): ParsedPolicy {
  return { ok: false, issues: [issue] };
}
