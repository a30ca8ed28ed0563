// The documents that bind one requester, merged and indexed: by action, and by the bucket that a resource names literally. A decision
// looks only at statements that could match.
import type { Dialect } from './dialect/dialect.ts';
import { findDialect } from './dialect/index.ts';
import { matchesAction } from './match/action.ts';
import { literalHead } from './match/template.ts';
import type { CompiledStatement, Policy } from './policy.ts';
import type { DialectName } from './request.ts';

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
   * buckets are not for the anonymous), or single documents are looked at. Default true.
   */
  readonly requestRules?: boolean;
  readonly bucketPolicies?: 'everyone' | 'anonymous';
  /** Only the bucket's document decides, for named requesters too. Default false. */
  readonly bucketAlone?: boolean;
}

/** Statements that can match a request, by action and bucket. */
export class StatementIndex {
  readonly #statements: readonly CompiledStatement[];
  readonly #implies: boolean;
  readonly #byAction = new Map<string, { byBucket: Map<string, CompiledStatement[]>; anywhere: CompiledStatement[] }>();

  constructor(statements: readonly CompiledStatement[], implies: boolean) {
    this.#statements = statements;
    this.#implies = implies;
  }

  get all(): readonly CompiledStatement[] {
    return this.#statements;
  }

  /** The statements whose actions match and whose resources do not rule these buckets out. */
  candidates(action: string, buckets: Iterable<string>): (readonly CompiledStatement[])[] {
    let entry = this.#byAction.get(action);
    if (entry === undefined) {
      entry = this.#build(action);
      // The actions of real requests are few; a caller that makes names up does not fill the memory.
      if (this.#byAction.size < MAX_INDEXED_ACTIONS) this.#byAction.set(action, entry);
    }
    const found: (readonly CompiledStatement[])[] = [entry.anywhere];
    for (const bucket of buckets) {
      const named = entry.byBucket.get(bucket);
      if (named !== undefined) found.push(named);
    }
    return found;
  }

  #build(action: string): { byBucket: Map<string, CompiledStatement[]>; anywhere: CompiledStatement[] } {
    const byBucket = new Map<string, CompiledStatement[]>();
    const anywhere: CompiledStatement[] = [];
    for (const statement of this.#statements) {
      if (matchesAction(statement.actions, action, this.#implies) === statement.negatedActions) continue;
      const buckets = literalBuckets(statement);
      if (buckets === undefined) {
        anywhere.push(statement);
        continue;
      }
      for (const bucket of buckets) {
        const list = byBucket.get(bucket);
        if (list === undefined) byBucket.set(bucket, [statement]);
        else list.push(statement);
      }
    }
    return { byBucket, anywhere };
  }
}

const MAX_INDEXED_ACTIONS = 512;

/** The buckets that a statement's resources name literally; undefined when it may match in any. */
function literalBuckets(statement: CompiledStatement): Set<string> | undefined {
  if (!statement.resourceCounts || statement.negatedResources || statement.service !== 's3') return undefined;
  const buckets = new Set<string>();
  for (const { template } of statement.resources) {
    const head = literalHead(template.source);
    const slash = head.indexOf('/');
    // A head that ends inside the bucket's name could be any bucket; '.' and '..' would be cleaned away.
    if (slash === -1 && head !== template.source) return undefined;
    const bucket = slash === -1 ? head : head.slice(0, slash);
    if (bucket === '' || bucket === '.' || bucket === '..') return undefined;
    buckets.add(bucket);
  }
  return buckets;
}

/** Compiled once, used for many decisions; immutable to its users. */
export interface PolicyProgram {
  readonly dialect: Dialect;
  readonly identity: StatementIndex;
  /** 'unparsable' refuses everything. */
  readonly session: StatementIndex | 'unparsable' | undefined;
  readonly boundary: StatementIndex | undefined;
  readonly bucket: StatementIndex | undefined;
  readonly bucketPolicies: 'everyone' | 'anonymous';
  readonly requestRules: boolean;
  readonly bucketAlone: boolean;
}

/** Merges and indexes documents. Throws RangeError for a dialect that parsePolicy refuses, too. */
export function compilePolicySet(
  set: PolicySet,
  dialectName: DialectName,
  options: CompileOptions = {},
): PolicyProgram {
  const dialect = findDialect(dialectName);
  if (dialect === undefined) throw new RangeError(`there is no dialect ${dialectName} yet`);
  const index = (policies: readonly Policy[], implies: boolean): StatementIndex =>
    new StatementIndex(
      policies.flatMap((policy) => policy.statements),
      implies,
    );
  const single = (policy: Policy | undefined): StatementIndex | undefined =>
    policy === undefined ? undefined : index([policy], true);
  const session = set.session === 'unparsable' ? 'unparsable' : single(set.session);
  return {
    dialect,
    identity: index(set.identity, true),
    session,
    boundary: single(set.boundary),
    bucket: set.bucket === undefined ? undefined : index([set.bucket], dialect.bucketPolicyActionImplies),
    bucketPolicies: options.bucketPolicies ?? dialect.bucketPolicies,
    requestRules: options.requestRules ?? true,
    bucketAlone: options.bucketAlone ?? false,
  };
}
