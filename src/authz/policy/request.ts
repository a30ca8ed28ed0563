// What a decision is made of: the request as the engine sees it, and its answer. Pure data.

/** Names of the dialects; see dialect/. */
export type DialectName = 'portcullis' | 'juicefs' | 'minio' | 'aws' | 'ceph';

/** Which grammar a document is read by. 'session' documents are inline policies of temporary credentials and service accounts. */
export type PolicyKind = 'identity' | 'session' | 'bucket';

export type PrincipalType =
  | 'Anonymous'
  | 'Root'
  | 'User'
  | 'AssumedRole'
  | 'FederatedUser'
  /** A whole tenant. */
  | 'Tenant'
  /** No identity is given: Principal elements are not held against anyone. */
  | 'None';

/** The requester, as Principal elements and policy variables see it. */
export interface RequestPrincipal {
  readonly type: PrincipalType;
  /** Access key or user name; '' for anonymous. */
  readonly user: string;
  readonly account: string;
  readonly arn?: string;
}

/**
 * What is asked. `keys` is complete: every condition key of the request, named canonically as policies write it
 * (`aws:SourceIp`, `s3:prefix`, `s3:ExistingObjectTag/team`). Absent = not in the request; [''] = there and empty.
 */
export interface PolicyRequest {
  readonly principal: RequestPrincipal;
  readonly action: string;
  readonly bucket: string; // '' for requests to the service itself
  readonly object: string; // '' for requests to a bucket
  readonly resourceArn?: string; // aws and ceph: the full name
  readonly resourceAccount?: string;
  readonly keys: ReadonlyMap<string, readonly string[]>;
  /** Keys whose value the caller can find out but did not: a condition on one answers NeedsFacts instead of guessing. */
  readonly unknownKeys?: ReadonlySet<string> | undefined;
}

/** Names one statement of one policy. */
export interface StatementRef {
  readonly policy: string; // the name given to parsePolicy
  readonly sid: string | undefined;
  readonly index: number;
}

export type Decision =
  | { readonly outcome: 'Allow' | 'ExplicitDeny'; readonly by: StatementRef | undefined; readonly reason: string }
  | { readonly outcome: 'ImplicitDeny'; readonly reason: string }
  | { readonly outcome: 'EvaluationError'; readonly at: StatementRef | undefined; readonly reason: string }
  | { readonly outcome: 'NeedsFacts'; readonly keys: readonly string[] };
