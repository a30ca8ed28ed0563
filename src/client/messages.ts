// Questions as the contract's messages, and its answers as plain objects. What is not understood is no answer.
import {
  type Access as AccessMessage,
  type AuthorizeRequest,
  type ConditionValues,
  type Credentials,
  type Decision,
  Outcome as OutcomeMessage,
  Principal_Type,
  type Principal as PrincipalMessage,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { AuthorizationUnavailable } from './unavailable.ts';

/**
 * Who asks to do something. Credentials as a client presented them go through unread; a name only from a caller that the sidecar trusts to
 * have authenticated it.
 */
export type Who = 'anonymous' | { readonly user: string } | { readonly presented: Credentials };

type Keys = Readonly<Record<string, string | readonly string[]>>;

/** One use of one resource. */
export interface Access {
  readonly action: string; // 's3:GetObject'
  readonly resource: string; // 'arn:aws:s3:::bucket/key'
  /** Condition keys of this access alone, as policies write them: { 's3:prefix': 'home/' }. */
  readonly context?: Keys;
}

/** What somebody asks to do. */
export interface Question {
  readonly who: Who;
  /** All must be allowed (authorize), or each is answered (authorizeBatch). At least one, at most 1000. */
  readonly accesses: readonly Access[];
  /** What is true of the request whatever it asks. */
  readonly context?: {
    readonly requestId?: string;
    /** The client's address, without port. */
    readonly sourceAddress?: string;
    readonly secureTransport?: boolean;
    readonly userAgent?: string;
    readonly referer?: string;
    /** The time of the request; the sidecar's own clock without it. Only from a trusted caller. */
    readonly time?: Date;
    readonly keys?: Keys;
  };
}

/** The sidecar's decisions. Only 'Allow' lets anything through. */
export type Outcome =
  | 'Allow'
  | 'ExplicitDeny'
  | 'ImplicitDeny'
  | 'EvaluationError'
  /** A policy reads facts of the resource: ask again with them in the access's context. */
  | 'NeedsFacts'
  /** The credentials did not stand; `reason` is an error code of S3's. */
  | 'Unauthenticated';

/** A statement, by its policy and place. */
export interface StatementRef {
  readonly policy: string;
  readonly sid: string;
  readonly index: number;
}

export interface DecisionAnswer {
  /** True for 'Allow' and nothing else. */
  readonly allowed: boolean;
  readonly outcome: Outcome;
  readonly reason: string;
  /** For people; holds no secret. */
  readonly message: string;
  readonly determining: StatementRef | undefined;
  /** Condition keys, for 'NeedsFacts'. */
  readonly neededFacts: readonly string[];
}

export interface Principal {
  readonly type: 'Anonymous' | 'Root' | 'User' | 'ServiceAccount' | 'Session';
  readonly accessKey: string;
  /** Of a service account or session: whose rights it has. */
  readonly parent: string;
  readonly arn: string;
  readonly account: string;
}

export function requestOf({ who, accesses, context = {} }: Question): AuthorizeRequest {
  return {
    credentials: credentialsOf(who),
    accesses: accesses.map(
      ({ action, resource, context: keys = {} }): AccessMessage => ({
        action,
        resource,
        context: valuesOf(keys),
        resourceAccount: '',
      }),
    ),
    context: {
      requestId: context.requestId ?? '',
      sourceAddress: context.sourceAddress ?? '',
      secureTransport: context.secureTransport ?? false,
      userAgent: context.userAgent ?? '',
      referer: context.referer ?? '',
      timeMs: BigInt(context.time?.getTime() ?? 0),
      keys: valuesOf(context.keys ?? {}),
    },
    openFrames: false,
  };
}

export function credentialsOf(who: Who): Credentials {
  if (who === 'anonymous') return { presented: { $case: 'anonymous', value: {} } };
  if ('presented' in who) return who.presented;
  return { presented: { $case: 'named', value: { accessKey: who.user } } };
}

function valuesOf(keys: Keys): Record<string, ConditionValues> {
  return Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [key, { values: typeof value === 'string' ? [value] : [...value] }]),
  );
}

const OUTCOMES: Readonly<Partial<Record<OutcomeMessage, Outcome>>> = {
  [OutcomeMessage.OUTCOME_ALLOW]: 'Allow',
  [OutcomeMessage.OUTCOME_EXPLICIT_DENY]: 'ExplicitDeny',
  [OutcomeMessage.OUTCOME_IMPLICIT_DENY]: 'ImplicitDeny',
  [OutcomeMessage.OUTCOME_EVALUATION_ERROR]: 'EvaluationError',
  [OutcomeMessage.OUTCOME_NEEDS_FACTS]: 'NeedsFacts',
  [OutcomeMessage.OUTCOME_UNAUTHENTICATED]: 'Unauthenticated',
};

/** Throws AuthorizationUnavailable for a decision that says nothing that is known here. */
export function decisionOf(decision: Decision | undefined): DecisionAnswer {
  const outcome = decision === undefined ? undefined : OUTCOMES[decision.outcome];
  if (decision === undefined || outcome === undefined) {
    throw new AuthorizationUnavailable('the sidecar gave an answer without a decision');
  }
  const { reason, message, determining, neededFacts } = decision;
  return { allowed: outcome === 'Allow', outcome, reason, message, determining, neededFacts };
}

const TYPES: Readonly<Partial<Record<Principal_Type, Principal['type']>>> = {
  [Principal_Type.TYPE_ANONYMOUS]: 'Anonymous',
  [Principal_Type.TYPE_ROOT]: 'Root',
  [Principal_Type.TYPE_USER]: 'User',
  [Principal_Type.TYPE_SERVICE_ACCOUNT]: 'ServiceAccount',
  [Principal_Type.TYPE_SESSION]: 'Session',
};

export function principalOf(principal: PrincipalMessage | undefined): Principal | undefined {
  const type = principal === undefined ? undefined : TYPES[principal.type];
  if (principal === undefined || type === undefined) return undefined;
  const { accessKey, parent, arn, account } = principal;
  return { type, accessKey, parent, arn, account };
}
