// The decision with its trace: each statement of each consulted document, and the first element of it that did not match.
import { authorize, evaluateStatement } from './authorize.ts';
import { KeySpace } from './condition/key-space.ts';
import { matchesAction } from './match/action.ts';
import { matchesPrincipal } from './match/principal.ts';
import { admitsResource, bucketResource, identityResource, type ResourceText } from './match/resource.ts';
import type { CompiledStatement } from './policy.ts';
import type { PolicyProgram, StatementIndex } from './program.ts';
import type { Decision, PolicyRequest, StatementRef } from './request.ts';

export interface StatementTrace {
  readonly statement: StatementRef;
  readonly effect: 'Allow' | 'Deny';
  readonly matched: boolean;
  /** The first element that did not match. */
  readonly failedElement?: 'Action' | 'Resource' | 'Principal' | 'Condition';
  readonly operator?: string;
  readonly key?: string;
  readonly wanted?: readonly string[];
  readonly seen?: readonly string[];
}

export interface Explanation {
  readonly decision: Decision;
  readonly statements: readonly StatementTrace[];
}

/** Explains a request. The decision is the one that `authorize` makes. */
export function explain(program: PolicyProgram, request: PolicyRequest): Explanation {
  const decision = authorize(program, request);
  const keys = new KeySpace(request.keys, request.unknownKeys, program.dialect);
  const anonymous = request.principal.type === 'Anonymous';
  const consulted: [StatementIndex, ResourceText][] = [];
  const asIdentity = identityResource(request.bucket, request.object);
  if (!anonymous && request.principal.type !== 'Root') consulted.push([program.identity, asIdentity]);
  for (const index of [program.session, program.boundary]) {
    if (!anonymous && index !== undefined && index !== 'unparsable') consulted.push([index, asIdentity]);
  }
  if (program.bucket !== undefined && (anonymous || program.bucketPolicies === 'everyone')) {
    consulted.push([program.bucket, bucketResource(request.bucket, request.object, program.dialect)]);
  }
  const statements = consulted.flatMap(([index, resource]) =>
    index.all.map((statement) => trace(statement, request, resource, keys, program)),
  );
  return { decision, statements };
}

function trace(
  statement: CompiledStatement,
  request: PolicyRequest,
  resource: ResourceText,
  keys: KeySpace,
  program: PolicyProgram,
): StatementTrace {
  const { dialect } = program;
  const base = { statement: statement.ref, effect: statement.effect };
  const implies = statement.principals === undefined || dialect.bucketPolicyActionImplies;
  if (matchesAction(statement.actions, request.action, implies) === statement.negatedActions) {
    return { ...base, matched: false, failedElement: 'Action', wanted: statement.actions, seen: [request.action] };
  }
  if (evaluateStatement(statement, request, resource, keys, program, new Set()) === 'match')
    return { ...base, matched: true };
  if (statement.principals !== undefined && !matchesPrincipal(statement.principals, request.principal, dialect)) {
    return {
      ...base,
      matched: false,
      failedElement: 'Principal',
      wanted: statement.principals,
      seen: [request.principal.user],
    };
  }
  if (!admitsResource(statement, request.bucket, resource, keys, dialect)) {
    const wanted = statement.resources.map((r) => r.source);
    return { ...base, matched: false, failedElement: 'Resource', wanted, seen: [resource.raw] };
  }
  const failed = statement.conditions.find((c) => c.test.test(keys.values(c.key), keys.variable) !== true);
  return {
    ...base,
    matched: false,
    failedElement: 'Condition',
    ...(failed === undefined
      ? {}
      : { operator: failed.operator, key: failed.key, wanted: failed.wanted, seen: keys.values(failed.key) ?? [] }),
  };
}
