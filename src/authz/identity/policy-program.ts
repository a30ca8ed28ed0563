// The one place that speaks to the policy engine: documents in, programs out, decisions by them.
import {
  authorize,
  CANNED_POLICIES,
  compilePolicySet,
  type Decision,
  type DialectName,
  type Explanation,
  explain,
  MAX_SERVICE_ACCOUNT_POLICY_BYTES,
  type Policy,
  type PolicyIssue,
  type PolicyKind,
  type PolicyProgram,
  type PolicyRequest,
  parsePolicy,
} from '../policy/index.ts';

export type { Policy, PolicyProgram };

/** How policies are read, for the whole service. */
export interface PolicySettings {
  readonly dialect: DialectName;
  /** Whom bucket policies bind. */
  readonly bucketPolicies: 'everyone' | 'anonymous';
  /** The account of everyone here, in ARNs: 12 digits. */
  readonly accountId?: string;
}

export type ParsedDocument =
  | { readonly ok: true; readonly policy: Policy }
  /** `problem`: what is wrong with it, for the log. */
  | { readonly ok: false; readonly problem: string };

/** What a document is: its grammar, and its name in decisions. */
export interface DocumentOf {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly bucket?: string;
}

/** Issues of one document that a log line names. */
const ISSUES_NAMED = 3;

/** Reads a stored document. The limits on new ones are not held against it. */
export function parseDocument(text: string, document: DocumentOf, settings: PolicySettings): ParsedDocument {
  const parsed = parsePolicy(text, { ...document, dialect: settings.dialect });
  return parsed.ok ? parsed : { ok: false, problem: `it does not parse: ${issuesText(parsed.issues)}` };
}

/**
 * What keeps a document from being stored; undefined when nothing does. An inline policy may be as large as a service account's; whoever
 * takes one for a session holds it against the smaller limit of those.
 */
export function problemOfNewDocument(text: string, document: DocumentOf, settings: PolicySettings): string | undefined {
  const limit = document.kind === 'session' ? { maxBytes: MAX_SERVICE_ACCOUNT_POLICY_BYTES } : {};
  const parsed = parsePolicy(text, { ...document, ...limit, dialect: settings.dialect, strict: true });
  return parsed.ok ? undefined : `The policy is not valid: ${issuesText(parsed.issues)}`;
}

function issuesText(issues: readonly PolicyIssue[]): string {
  const named = issues.slice(0, ISSUES_NAMED).map(({ path, message }) => `${path}: ${message}`);
  const more = issues.length > ISSUES_NAMED ? `; and ${issues.length - ISSUES_NAMED} more` : '';
  return `${named.join('; ')}${more}`;
}

/** The texts of the built-in policies, by name. */
export const BUILT_IN_POLICIES: ReadonlyMap<string, string> = CANNED_POLICIES;

/** The built-in policy of a name. */
export function cannedPolicy(name: string, settings: PolicySettings): ParsedDocument | undefined {
  const text = CANNED_POLICIES.get(name);
  return text === undefined ? undefined : parseDocument(text, { kind: 'identity', name }, settings);
}

/** The documents that bind one principal on one bucket. */
export interface BindingPolicies {
  readonly identity: readonly Policy[];
  readonly session: Policy | undefined;
  readonly bucket: Policy | undefined;
}

export function compileProgram(policies: BindingPolicies, settings: PolicySettings): PolicyProgram {
  return compilePolicySet(policies, settings.dialect, { bucketPolicies: settings.bucketPolicies });
}

export function decide(program: PolicyProgram, request: PolicyRequest): Decision {
  return authorize(program, request);
}

export function explainDecision(program: PolicyProgram, request: PolicyRequest): Explanation {
  return explain(program, request);
}
