// A policy as it was compiled from its document: immutable, and ready to be matched.
import type { KeyRef } from './condition/evaluation.ts';
import type { CompiledTest } from './condition/operator.ts';
import type { ActionMatcher } from './match/action.ts';
import type { PrincipalTest } from './match/principal.ts';
import type { CompiledResource } from './match/resource.ts';
import type { PolicyKind, StatementRef } from './request.ts';

/** One operator applied to one key. */
export interface CompiledCondition {
  readonly operator: string; // as written
  readonly key: KeyRef;
  readonly wanted: readonly string[];
  readonly test: CompiledTest;
}

/** Which rules for Resource hold: those of S3, none (most administration and STS actions), or KMS keys. */
export type StatementService = 's3' | 'admin' | 'sts' | 'kms';

export interface CompiledStatement {
  readonly ref: StatementRef;
  readonly effect: 'Allow' | 'Deny';
  readonly service: StatementService;
  readonly actions: ActionMatcher;
  /** None, while Resource counts: it matches nothing. */
  readonly resources: readonly CompiledResource[];
  readonly negatedResources: boolean;
  /** Whether Resource counts (it does not for most administration actions). */
  readonly resourceCounts: boolean;
  /** Undefined where nobody is asked for: in identity documents. */
  readonly principals: PrincipalTest | undefined;
  readonly conditions: readonly CompiledCondition[];
}

declare const policyBrand: unique symbol;

/** Made by parsePolicy alone. */
export interface Policy {
  readonly [policyBrand]: true;
  readonly name: string;
  readonly kind: PolicyKind;
  readonly statements: readonly CompiledStatement[];
}

/** Brands a policy; parsePolicy's last step. */
export function brandPolicy(policy: Omit<Policy, typeof policyBrand>): Policy {
  return policy as Policy;
}
