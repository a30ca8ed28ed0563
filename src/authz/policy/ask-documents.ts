// One question over documents as they are written: read them, compile them, decide. For those who hold documents instead of compiled
// programs: conformance runs, the command line, embedders. A server that decides often compiles once and calls `authorize`.
import { authorize } from './authorize.ts';
import { type ParsedPolicy, parsePolicy } from './document/parse-policy.ts';
import type { PolicyIssue } from './document/policy-issue.ts';
import type { Policy } from './policy.ts';
import { compilePolicySet, type PolicyProgram } from './program.ts';
import type { Decision, DialectName, PolicyKind, PolicyRequest, PrincipalType } from './request.ts';

/** A document: its JSON text, or the value that it stands for. */
export type PolicyText = string | object;

/**
 * What is decided: `identity` and `session`: the documents of a principal alone; `bucket`: the document of a bucket alone;
 * `anonymous` and `combined`: a whole request, with the rules that hold for requests.
 */
export type QuestionScope = 'identity' | 'session' | 'bucket' | 'anonymous' | 'combined';

export interface DocumentQuestion {
  readonly dialect: DialectName;
  readonly scope: QuestionScope;
  /** Whether the rules that hold for requests do: a version is an action of its own, listing versions is listing. Default: by the scope. */
  readonly requestRules?: boolean;
  readonly documents: {
    /** Policies of the principal and of its groups. */
    readonly identity?: readonly PolicyText[];
    readonly session?: PolicyText | null;
    readonly boundary?: PolicyText | null;
    readonly bucket?: PolicyText | null;
  };
  readonly principal: {
    /** `Account` is the root of an account, also written `Root`. */
    readonly type: PrincipalType | 'Account';
    readonly account?: string;
    readonly user?: string;
    readonly groups?: readonly string[];
    readonly arn?: string;
    readonly claims?: Readonly<Record<string, unknown>>;
  };
  readonly action: string;
  readonly resource: {
    readonly bucket?: string;
    readonly object?: string;
    /** The full name, where the dialect goes by it. */
    readonly arn?: string;
    /** Who owns the bucket. */
    readonly account?: string;
  };
  /** Complete, named as policies write them. */
  readonly conditions: Readonly<Record<string, readonly string[]>>;
  /** Who owns the documents, in a dialect with tenants. */
  readonly tenant?: string;
}

export type DocumentAnswer =
  | {
      readonly kind: 'decided';
      readonly decision: Decision;
      /** What was decided, for `explain`. */
      readonly program: PolicyProgram;
      readonly request: PolicyRequest;
    }
  /** A document cannot be read. (A session document that cannot be read refuses, and is no such case.) */
  | { readonly kind: 'invalid'; readonly document: PolicyKind | 'boundary'; readonly issues: readonly PolicyIssue[] };

/** Decides a question. Never throws for what documents may hold. */
export function askDocuments(question: DocumentQuestion): DocumentAnswer {
  const { dialect, documents, scope, tenant } = question;
  const { bucket = '', object = '' } = question.resource;
  const parse = (document: PolicyText | null | undefined, kind: PolicyKind, name: string): ParsedPolicy | undefined =>
    document === undefined || document === null
      ? undefined
      : parsePolicy(typeof document === 'string' ? document : JSON.stringify(document), {
          kind,
          dialect,
          name,
          ...(kind === 'bucket' ? { bucket } : {}),
          ...(tenant === undefined ? {} : { tenant }),
        });
  const identity: Policy[] = [];
  for (const [index, document] of (documents.identity ?? []).entries()) {
    const parsed = parse(document, 'identity', `identity[${index}]`);
    if (parsed?.ok === false) return { kind: 'invalid', document: 'identity', issues: parsed.issues };
    if (parsed !== undefined) identity.push(parsed.policy);
  }
  const session = parse(documents.session, 'session', 'session');
  const boundary = parse(documents.boundary, 'identity', 'boundary');
  if (boundary?.ok === false) return { kind: 'invalid', document: 'boundary', issues: boundary.issues };
  const ofBucket = parse(documents.bucket, 'bucket', 'bucket');
  if (ofBucket?.ok === false) return { kind: 'invalid', document: 'bucket', issues: ofBucket.issues };
  const program = compilePolicySet(
    {
      identity,
      session: session === undefined ? undefined : session.ok ? session.policy : 'unparsable',
      boundary: boundary?.policy,
      bucket: ofBucket?.policy,
    },
    dialect,
    {
      requestRules: question.requestRules ?? (scope === 'combined' || scope === 'anonymous'),
      ...(scope === 'bucket' ? { bucketPolicies: 'everyone', bucketAlone: true } : {}),
    },
  );
  const request = requestOf(question, bucket, object);
  return { kind: 'decided', decision: authorize(program, request), program, request };
}

function requestOf({ principal, action, resource, conditions }: DocumentQuestion, bucket: string, object: string) {
  const { type, account = '', user = '', arn } = principal;
  return {
    principal: { type: type === 'Account' ? 'Root' : type, user, account, ...(arn === undefined ? {} : { arn }) },
    action,
    bucket,
    object,
    ...(resource.arn === undefined ? {} : { resourceArn: resource.arn }),
    ...(resource.account === undefined ? {} : { resourceAccount: resource.account }),
    keys: new Map(Object.entries(conditions)),
  } satisfies PolicyRequest;
}
