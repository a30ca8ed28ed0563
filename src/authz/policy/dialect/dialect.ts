// What a dialect is: data that the parser and the evaluator read. Nobody asks which dialect it is; they ask for a switch by name.
import type { DialectName } from '../request.ts';

/** Actions by name with the condition keys each admits beyond the common ones; 'none' admits no key at all. */
export type ActionTable = Readonly<Record<string, readonly string[] | 'none'>>;

export interface Dialect {
  readonly name: DialectName;
  // ---- documents
  readonly identityActions: ActionTable;
  readonly bucketActions: ActionTable;
  readonly adminActions: ReadonlySet<string>;
  readonly commonKeys: readonly string[];
  readonly adminKeys: readonly string[];
  /** Operators of this dialect, by name without prefix and IfExists. */
  readonly operators: ReadonlySet<string>;
  readonly ifExistsOperators: ReadonlySet<string>;
  /** `ForAllValues:` and `ForAnyValue:` may stand before an operator. */
  readonly setPrefixes: boolean;
  /** `key/suffix` is accepted for every key. */
  readonly keySuffixes: boolean;
  readonly notAction: boolean;
  /** NotPrincipal is refused, instead of ignored as any unknown element. */
  readonly refusesNotPrincipal: boolean;
  readonly notResource: boolean;
  /** One Statement may be an object instead of a list. */
  readonly singleStatement: boolean;
  /** Whether bucket policies name exact known actions, or any action and wildcard. */
  readonly bucketActionNames: 'exact' | 'any';
  /** `Resource: "*"`, and a resource that starts with '*'. */
  readonly starResource: boolean;
  /** Administration actions may be patterns beyond `admin:*`. */
  readonly adminPatterns: boolean;
  /** Services besides s3 and admin. */
  readonly services: ReadonlySet<string>;
  /** A CIDR block without mask is one IPv4 host (and a /32 of IPv6), or refused. */
  readonly maskRequired: boolean;
  // ---- evaluation
  readonly questionMark: 'byte' | 'codePoint';
  /** Substituted variables are literal text: their '*' and '?' match themselves. */
  readonly literalVariables: boolean;
  /** Condition keys that are variables. */
  readonly variables: ReadonlySet<string>;
  readonly bucketPolicyCleansPath: boolean;
  readonly bucketPolicyActionImplies: boolean;
  /** NumericNotEquals and DateNotEquals without the key, or with a malformed value. */
  readonly notEqualsWithoutValue: boolean;
  /** A malformed address: a fault that refuses, or no match (and NotIpAddress a match). */
  readonly malformedAddress: 'fault' | 'noMatch';
  readonly ignoreCase: 'simpleFold' | 'lower';
  /** Whom a bucket policy binds, unless told otherwise. */
  readonly bucketPolicies: 'everyone' | 'anonymous';
  /** Principals of a bucket policy may be `arn:aws:iam::ACCOUNT:user/NAME`. */
  readonly principalArns: boolean;
  /** DeleteObject with a version is first held against Deny statements on DeleteObjectVersion. */
  readonly deleteVersionDeny: boolean;
  /** Service prefixes that one flat name space of keys drops. */
  readonly keyPrefixes: ReadonlySet<string>;
}
