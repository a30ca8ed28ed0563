// What the sidecar's decisions mean for a request. Only ALLOW lets anything through; a value that is not known here refuses.
import {
  type Decision,
  Outcome,
  type Principal,
  Principal_Type,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { asS3ErrorCode, S3_ERRORS, S3Error } from './errors.ts';
import type { GrantedPrincipal } from './operation.ts';

export type Verdict =
  | { readonly kind: 'allowed' }
  /** `denied`: not just for want of a statement that allows it. */
  | { readonly kind: 'refused'; readonly error: S3Error; readonly denied: boolean }
  /** A policy reads facts about the object that the question did not hold. */
  | { readonly kind: 'needs-facts'; readonly keys: readonly string[] };

/** Throws ServiceUnavailable for a decision that says nothing that can be understood. */
export function readVerdict(decision: Decision): Verdict {
  switch (decision.outcome) {
    case Outcome.OUTCOME_ALLOW:
      return { kind: 'allowed' };
    case Outcome.OUTCOME_EXPLICIT_DENY:
    case Outcome.OUTCOME_IMPLICIT_DENY:
    case Outcome.OUTCOME_EVALUATION_ERROR:
      // Who asked with credentials is told what was refused and why; who did not gets no message.
      return {
        kind: 'refused',
        denied: decision.outcome !== Outcome.OUTCOME_IMPLICIT_DENY,
        error: new S3Error('AccessDenied', decision.message === '' ? undefined : decision.message),
      };
    case Outcome.OUTCOME_NEEDS_FACTS:
      return { kind: 'needs-facts', keys: decision.neededFacts };
    case Outcome.OUTCOME_UNAUTHENTICATED:
      return { kind: 'refused', denied: true, error: unauthenticated(decision) };
    default:
      throw unintelligible(`outcome ${decision.outcome}`);
  }
}

/** The error that a verdict other than allowed is answered with. */
export function refusalOf(verdict: Exclude<Verdict, { kind: 'allowed' }>): S3Error {
  if (verdict.kind === 'refused') return verdict.error;
  // Facts that were not told, or that no one can tell: the decision cannot be made, and what is not allowed is refused.
  return new S3Error('AccessDenied', undefined, { cause: new Error(`facts are needed: ${verdict.keys.join(', ')}`) });
}

/** The decision's reason is an error code of S3's; one that is none, or that is not the client's doing, becomes AccessDenied. */
function unauthenticated({ reason, message }: Decision): S3Error {
  const code = asS3ErrorCode(reason);
  if (code === undefined || S3_ERRORS[code].status < 400 || S3_ERRORS[code].status >= 500) {
    return new S3Error('AccessDenied', undefined, { cause: new Error(`credentials refused: ${reason}`) });
  }
  return new S3Error(code, message === '' ? undefined : message);
}

const PRINCIPAL_TYPES: Readonly<Partial<Record<Principal_Type, GrantedPrincipal['type']>>> = {
  [Principal_Type.TYPE_ANONYMOUS]: 'Anonymous',
  [Principal_Type.TYPE_ROOT]: 'Root',
  [Principal_Type.TYPE_USER]: 'User',
  [Principal_Type.TYPE_SERVICE_ACCOUNT]: 'ServiceAccount',
  [Principal_Type.TYPE_SESSION]: 'Session',
};

/** Who was allowed. Throws ServiceUnavailable when the answer does not say. */
export function grantedPrincipal(principal: Principal | undefined): GrantedPrincipal {
  const type = principal === undefined ? undefined : PRINCIPAL_TYPES[principal.type];
  if (principal === undefined || type === undefined) throw unintelligible('an allow without a principal');
  return { type, accessKey: principal.accessKey, user: userOf(principal) };
}

/** AWS: the account's own user is named 'root'. */
function userOf({ arn, parent, accessKey }: Principal): string {
  if (arn.endsWith(':root')) return '';
  return parent === '' ? accessKey : parent;
}

function unintelligible(what: string): S3Error {
  return new S3Error('ServiceUnavailable', 'The request could not be decided at the moment. Try again.', {
    cause: new Error(`the sidecar's answer cannot be understood: ${what}`),
  });
}
