// The documents that bind one requester, merged and indexed; compiled once, used for many decisions.
import type { Dialect } from './dialect/dialect.ts';
import { findDialect } from './dialect/index.ts';
import type { Policy } from './policy.ts';
import type { DialectName } from './request.ts';
import { StatementIndex } from './statement-index.ts';

export interface PolicySet {
  /** Policies of the user and of the user's groups. */
  readonly identity: readonly Policy[];
  /** The inline policy of a session or service account; 'unparsable' refuses everything. */
  readonly session?: Policy | 'unparsable' | undefined;
  readonly bucket?: Policy | undefined;
  readonly boundary?: Policy | undefined;
}

export interface CompileOptions {
  /**
   * Whether the rules for whole requests hold (who lists may list versions; deleting a version is a deletion of that version; the
   * buckets are not for the anonymous; accounts meet), or single documents are looked at. Default true.
   */
  readonly requestRules?: boolean;
  readonly bucketPolicies?: 'everyone' | 'anonymous';
  /** Only the bucket's document decides, for named requesters too. Default false. */
  readonly bucketAlone?: boolean;
}

/** Immutable to its users. */
export interface PolicyProgram {
  readonly dialect: Dialect;
  readonly identity: StatementIndex;
  /** Some identity policy is attached, if an empty one. */
  readonly hasIdentityPolicies: boolean;
  /** 'unparsable' refuses everything. */
  readonly session: StatementIndex | 'unparsable' | undefined;
  readonly boundary: StatementIndex | undefined;
  readonly bucket: StatementIndex | undefined;
  readonly bucketPolicies: 'everyone' | 'anonymous';
  readonly requestRules: boolean;
  readonly bucketAlone: boolean;
}

/** Merges and indexes documents. Throws RangeError for a dialect that does not exist. */
export function compilePolicySet(
  set: PolicySet,
  dialectName: DialectName,
  options: CompileOptions = {},
): PolicyProgram {
  const dialect = findDialect(dialectName);
  if (dialect === undefined) throw new RangeError(`there is no dialect ${String(dialectName)}`);
  const index = (policies: readonly Policy[]): StatementIndex =>
    new StatementIndex(policies.flatMap((policy) => policy.statements));
  const single = (policy: Policy | undefined): StatementIndex | undefined =>
    policy === undefined ? undefined : index([policy]);
  return {
    dialect,
    identity: index(set.identity),
    hasIdentityPolicies: set.identity.length > 0,
    session: set.session === 'unparsable' ? 'unparsable' : single(set.session),
    boundary: single(set.boundary),
    bucket: single(set.bucket),
    bucketPolicies: options.bucketPolicies ?? dialect.bucketPolicies,
    requestRules: options.requestRules ?? true,
    bucketAlone: options.bucketAlone ?? false,
  };
}
