// What a document is worth, apart from any request: whether it can be read, stored, and be accepted as a new one; and which
// condition keys an action admits.
import { findDialect } from '../dialect/index.ts';
import type { DialectName, PolicyKind } from '../request.ts';
import { type ParseOptions, parsePolicy } from './parse-policy.ts';
import type { PolicyIssue } from './policy-issue.ts';

export interface PolicyInspection {
  /** It can be read: a stored document like this counts. */
  readonly valid: boolean;
  /** It may be stored: it can be read, is small enough, has a Version and (identity) statements. */
  readonly storable: boolean;
  /** It passes the checks for new documents, where the dialect has stricter ones. */
  readonly strictlyValid: boolean;
  /** Everything that keeps it from being stored. */
  readonly issues: readonly PolicyIssue[];
  /** What is valid and rarely meant. */
  readonly warnings: readonly PolicyIssue[];
}

/** Holds a document against all the rules. Never throws for what a document may hold. */
export function inspectPolicy(text: string, options: Omit<ParseOptions, 'strict' | 'name'>): PolicyInspection {
  const named: ParseOptions = { ...options, name: options.kind };
  const read = parsePolicy(text, named);
  const stored = parsePolicy(text, { ...named, strict: true });
  const fresh = read.ok ? parsePolicy(text, { ...named, fresh: true }) : read;
  return {
    valid: read.ok,
    storable: stored.ok,
    strictlyValid: fresh.ok,
    warnings: read.ok ? read.warnings : [],
    issues: stored.ok ? (fresh.ok ? [] : fresh.issues) : stored.issues,
  };
}

/**
 * Which of some condition keys a statement with one action may have; null when the action itself is not known. `candidates` may be
 * any names; the answer keeps their order.
 */
export function admittedKeys(
  action: string,
  candidates: readonly string[],
  { dialect, kind }: { readonly dialect: DialectName; readonly kind: PolicyKind },
): readonly string[] | null {
  if (findDialect(dialect) === undefined) return null;
  const accepted = (condition: object | undefined): boolean =>
    resourcesFor(action).some((resource) => {
      const statement = {
        Effect: 'Allow',
        Action: action,
        ...(resource === undefined ? {} : { Resource: resource }),
        ...(kind === 'bucket' ? { Principal: '*' } : {}),
        ...(condition === undefined ? {} : { Condition: condition }),
      };
      const text = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
      return parsePolicy(text, { kind, dialect, name: 'probe', bucket: PROBED_BUCKET }).ok;
    });
  if (!accepted(undefined)) return null;
  return candidates.filter((key) => accepted({ Null: { [key]: 'true' } }));
}

const PROBED_BUCKET = 'mybucket';
const BUCKET_AND_OBJECTS = [`arn:aws:s3:::${PROBED_BUCKET}`, `arn:aws:s3:::${PROBED_BUCKET}/*`];

/** Resources as a statement on the action has them. */
function resourcesFor(action: string): readonly (readonly string[] | undefined)[] {
  return /^(sts|kms):/.test(action) ? [undefined] : [BUCKET_AND_OBJECTS];
}
