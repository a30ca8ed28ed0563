// JSON text → a compiled Policy, or all the issues found. Elements are read in statement.ts.
import { DIALECT_NAMES, findDialect } from '../dialect/index.ts';
import { brandPolicy, type CompiledStatement, type Policy } from '../policy.ts';
import type { DialectName, PolicyKind } from '../request.ts';
import type { PolicyIssue } from './policy-issue.ts';
import { member, readStatement } from './statement.ts';

/** Largest stored document, bytes of UTF-8. */
export const MAX_DOCUMENT_BYTES = 20 * 1024;
/** Largest inline policy of a session and of a service account. */
export const MAX_SESSION_POLICY_BYTES = 2 * 1024;
export const MAX_SERVICE_ACCOUNT_POLICY_BYTES = 16 * 1024;
/** Deepest nesting of a document. */
const MAX_DEPTH = 64;
/** The one version of the language. */
const VERSION = '2012-10-17';

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
}

export type ParsedPolicy =
  | { readonly ok: true; readonly policy: Policy }
  | { readonly ok: false; readonly issues: readonly PolicyIssue[] };

/** Reads a document. Never throws for what a document may hold. */
export function parsePolicy(text: string, options: ParseOptions): ParsedPolicy {
  const dialect = findDialect(options.dialect);
  if (dialect === undefined) {
    return fail({
      code: 'UnsupportedDialect',
      path: '$',
      message: `documents of the dialect ${options.dialect} cannot be read yet; there are ${DIALECT_NAMES.join(', ')}`,
    });
  }
  const tooLarge = options.strict === true && new TextEncoder().encode(text).length > MAX_DOCUMENT_BYTES;
  if (tooLarge) {
    return fail({ code: 'TooLarge', path: '$', message: `the document is larger than ${MAX_DOCUMENT_BYTES} bytes` });
  }
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return fail({ code: 'InvalidJson', path: '$', message: `not valid JSON: ${why.slice(0, 200)}` });
  }
  if (depthExceeds(root, MAX_DEPTH)) {
    return fail({ code: 'InvalidJson', path: '$', message: `nested deeper than ${MAX_DEPTH} levels` });
  }
  const issues: PolicyIssue[] = [];
  if (!isObject(root)) return fail({ code: 'WrongType', path: '$', message: 'a policy is a JSON object' });
  const version = member(root, 'Version') ?? '';
  if (version !== '' && version !== VERSION) {
    issues.push({
      code: 'UnsupportedVersion',
      path: '$.Version',
      message: `Version must be "${VERSION}"`,
      suggestion: VERSION,
    });
  }
  if (version === '' && (options.strict === true || options.kind === 'session')) {
    issues.push({
      code: 'MissingVersion',
      path: '$.Version',
      message: `Version must be "${VERSION}"`,
      suggestion: VERSION,
    });
  }
  const id = member(root, 'ID') ?? '';
  if (typeof id !== 'string') issues.push({ code: 'WrongType', path: '$.Id', message: 'Id must be a string' });
  const written = member(root, 'Statement') ?? [];
  const list = isObject(written) && dialect.singleStatement ? [written] : written;
  const statements: CompiledStatement[] = [];
  if (!Array.isArray(list)) {
    issues.push({ code: 'WrongType', path: '$.Statement', message: 'Statement must be a list of statements' });
  } else {
    list.forEach((statement: unknown, index) => {
      const path = list === written ? `$.Statement[${index}]` : '$.Statement';
      const read = readStatement(isObject(statement) ? statement : {}, { ...options, dialect, index, path, issues });
      if (read !== undefined) statements.push(read);
    });
    if (list.length === 0 && options.strict === true && options.kind !== 'bucket') {
      issues.push({ code: 'NoStatements', path: '$.Statement', message: 'a policy needs at least one statement' });
    }
  }
  if (issues.length > 0) return { ok: false, issues };
  return {
    ok: true,
    policy: brandPolicy({ name: options.name, kind: options.kind, statements }),
  };
}

function fail(issue: PolicyIssue): ParsedPolicy {
  return { ok: false, issues: [issue] };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function depthExceeds(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (most === 0) return true;
  return Object.values(value).some((inner) => depthExceeds(inner, most - 1));
}
