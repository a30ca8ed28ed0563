// What a dialect is: data that the parser and the evaluator read. Nobody asks which dialect it is; they ask for a switch by name.
import type { ConditionRules } from '../condition/condition-rules.ts';
import type { KeyNaming } from '../condition/evaluation.ts';
import type { JsonRules } from '../document/json-reader.ts';
import type { ActionRules } from '../match/action.ts';
import type { NameUsedUp } from '../match/principal.ts';
import type { ResourceRules } from '../match/resource.ts';
import type { VariableRules } from '../match/template.ts';
import type { DialectName } from '../request.ts';

/** Actions by name with the condition keys each admits beyond the common ones; 'none' admits no key at all. */
export type ActionTable = Readonly<Record<string, readonly string[] | 'none'>>;

export interface Dialect {
  readonly name: DialectName;
  readonly json: JsonRules;
  /** How documents are written, and what is held against them. */
  readonly grammar: PathGrammar | AccountGrammar | TenantGrammar;
  // ---- matching
  readonly actions: ActionRules;
  readonly identityResource: ResourceRules;
  readonly bucketResource: ResourceRules;
  readonly conditions: ConditionRules;
  readonly naming: KeyNaming;
  /** Variables in the values of conditions; those in resources are in the resource rules. */
  readonly variables: VariableRules;
  // ---- deciding
  /** The root user may do everything, but what its session policy withholds. */
  readonly rootIsAllowed: boolean;
  /** Who has no identity policy at all is refused, whatever a session policy says. */
  readonly identityPoliciesRequired: boolean;
  /** What a bucket policy allows counts as if an identity policy allowed it, or as accounts meet. */
  readonly bucketGrants: 'asIdentity' | 'betweenAccounts';
  /** Whom a bucket policy binds, unless told otherwise. */
  readonly bucketPolicies: 'everyone' | 'anonymous';
  /** The anonymous have no business with the service itself. */
  readonly anonymousNeedsBucket: boolean;
  /** Who may list a bucket may list its versions. */
  readonly listingIncludesVersions: boolean;
  /**
   * A request that names a version: it is like any other; DeleteObject is first held against Deny statements on DeleteObjectVersion; or
   * it is two actions in one (DeleteObject and DeleteObjectVersion, GetObjectTagging and GetObjectVersionTagging, …), of which neither
   * may be denied and one must be allowed.
   */
  readonly namedVersion: 'ignored' | 'deletionDenied' | 'eitherAction';
}

/** Documents about paths in buckets, with actions and condition keys out of closed lists. */
export interface PathGrammar {
  readonly kind: 'path';
  readonly identityActions: ActionTable;
  readonly bucketActions: ActionTable;
  readonly adminActions: ReadonlySet<string>;
  readonly commonKeys: readonly string[];
  readonly adminKeys: readonly string[];
  /** Actions of administration that admit no condition key. */
  readonly adminActionsWithoutKeys: ReadonlySet<string>;
  /** `key/suffix` is accepted for every key. */
  readonly keySuffixes: boolean;
  readonly notAction: boolean;
  readonly notResource: boolean;
  /** NotPrincipal is refused, instead of ignored as any unknown element. */
  readonly refusesNotPrincipal: boolean;
  /** One Statement may be an object instead of a list. */
  readonly singleStatement: boolean;
  /** Statement twice: a bucket policy's second list replaces the first, or is laid over it as in identity documents. */
  readonly repeatedBucketStatement: 'replaced' | 'overlaid';
  /** Whether bucket policies name exact known actions, or any action and wildcard. */
  readonly bucketActionNames: 'exact' | 'any';
  /** The name of a known action in a bucket policy is it whatever its case, or only as it is written. */
  readonly bucketActionCase: 'exact' | 'any';
  /** A new bucket policy may have NotAction. */
  readonly bucketNotActionStorable: boolean;
  /** `Resource: "*"`, a resource that starts with '*', and an ARN of nothing. */
  readonly starResource: boolean;
  /** Administration actions may be patterns beyond `admin:*`. */
  readonly adminPatterns: boolean;
  /** Services besides s3 and admin. */
  readonly services: ReadonlySet<string>;
  /** Members of a principal's list may be other than strings, and count as text. */
  readonly principalsFromOthers: boolean;
  /** Principals of a bucket policy may be `arn:aws:iam::ACCOUNT:user/NAME`. */
  readonly principalArns: boolean;
  readonly nameUsedUp: NameUsedUp;
  /** The entry `s3:GetObjectVersion` of a bucket policy also names `s3:GetObject`; in identity documents it always does. */
  readonly bucketActionImplies: boolean;
}

/** Documents about ARNs, with any actions and condition keys of the right shape. */
export interface AccountGrammar {
  readonly kind: 'account';
  readonly versions: ReadonlySet<string>;
}

/** Documents about ARNs in tenants, with actions out of a closed list. */
export interface TenantGrammar {
  readonly kind: 'tenant';
  readonly versions: ReadonlySet<string>;
  /** As they are spelled; their case does not count. */
  readonly actionNames: readonly string[];
  /** The same in lower case. */
  readonly knownActions: ReadonlySet<string>;
}
