// The service's answers as messages of the contract.
import {
  type Decision,
  Outcome,
  type Principal,
  Principal_Type,
  type StatementTrace as StatementTraceMessage,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { AuthRefusal } from '../identity/auth-refusal.ts';
import type { AccessDecision } from '../identity/authorizer.ts';
import { type Identified, principalArn } from '../identity/principal.ts';
import type { StatementTrace } from '../policy/index.ts';

const OUTCOMES: Readonly<Record<AccessDecision['outcome'], Outcome>> = {
  Allow: Outcome.OUTCOME_ALLOW,
  ExplicitDeny: Outcome.OUTCOME_EXPLICIT_DENY,
  ImplicitDeny: Outcome.OUTCOME_IMPLICIT_DENY,
  EvaluationError: Outcome.OUTCOME_EVALUATION_ERROR,
  NeedsFacts: Outcome.OUTCOME_NEEDS_FACTS,
};

const TYPES = {
  Root: Principal_Type.TYPE_ROOT,
  User: Principal_Type.TYPE_USER,
  ServiceAccount: Principal_Type.TYPE_SERVICE_ACCOUNT,
  Session: Principal_Type.TYPE_SESSION,
} as const;

export function decisionMessage(decision: AccessDecision): Decision {
  return {
    outcome: OUTCOMES[decision.outcome],
    reason: decision.reason,
    message: decision.message,
    determining:
      decision.by === undefined
        ? undefined
        : { policy: decision.by.policy, sid: decision.by.sid ?? '', index: decision.by.index },
    neededFacts: [...decision.neededFacts],
  };
}

export function refusalMessage(refusal: AuthRefusal): Decision {
  return {
    outcome: Outcome.OUTCOME_UNAUTHENTICATED,
    reason: refusal.code,
    message: refusal.message,
    determining: undefined,
    neededFacts: [],
  };
}

export function principalMessage(identified: Identified, account: string): Principal {
  if (identified.type === 'Anonymous') {
    return { type: Principal_Type.TYPE_ANONYMOUS, accessKey: '', parent: '', arn: '', account: '' };
  }
  const { credential } = identified;
  return {
    type: TYPES[credential.type],
    accessKey: credential.accessKey,
    parent: 'parent' in credential ? credential.parent : '',
    arn: principalArn(identified, account),
    account,
  };
}

export function traceMessage(trace: StatementTrace): StatementTraceMessage {
  const { statement, effect, matched, failedElement, operator, key, wanted, seen } = trace;
  return {
    statement: { policy: statement.policy, sid: statement.sid ?? '', index: statement.index },
    effect,
    matched,
    failedElement: failedElement ?? '',
    operator: operator ?? '',
    key: key ?? '',
    wanted: [...(wanted ?? [])],
    seen: [...(seen ?? [])],
  };
}
