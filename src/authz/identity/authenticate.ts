// From credentials as presented to who it is: one verifier a form, chosen here.
import type { Credentials } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { AskFault } from './ask-fault.ts';
import { AuthRefusal, UnknownSession } from './auth-refusal.ts';
import { credentialProof } from './console-session.ts';
import { METRICS_ACTION, readMetricsToken, verifyMetricsToken } from './metrics-token.ts';
import { verifyPostPolicy } from './post-policy.ts';
import { ANONYMOUS, type Identified, identify } from './principal.ts';
import { constantTimeEqual } from './signing-key.ts';
import { verifySigV2Header, verifySigV2Query } from './sigv2.ts';
import { verifySigV4Header, verifySigV4Query } from './sigv4.ts';
import type { VerifiedSignature, VerifyContext } from './verified-signature.ts';

export interface Authenticated {
  readonly identified: Identified;
  /** Undefined for the anonymous and for named principals. */
  readonly signature: VerifiedSignature | undefined;
}

/**
 * Who presents these credentials. Throws AuthRefusal when they do not stand, AskFault when this caller may not present them.
 * @param trusted the caller may name principals
 */
export function authenticate(
  credentials: Credentials | undefined,
  context: VerifyContext,
  trusted: boolean,
): Authenticated {
  const presented = credentials?.presented;
  switch (presented?.$case) {
    case 'anonymous':
      return { identified: ANONYMOUS, signature: undefined };
    case 'sigv4Header':
      return signed(verifySigV4Header(presented.value, context), context);
    case 'sigv4Query':
      return signed(verifySigV4Query(presented.value, context), context);
    case 'sigv2Header':
      return signed(verifySigV2Header(presented.value, context), context);
    case 'sigv2Query':
      return signed(verifySigV2Query(presented.value, context), context);
    case 'postPolicy':
      return signed(verifyPostPolicy(presented.value, context), context);
    case 'bearer':
      return bearer(presented.value.token, context);
    case 'named': {
      if (!trusted) throw AskFault.notPermitted('this caller is not trusted to name principals');
      const credential = context.credentials.find(presented.value.accessKey);
      if (credential === undefined) throw new AuthRefusal('InvalidAccessKeyId');
      const identified = identify(credential, undefined, context.credentials, context.nowMs);
      return { identified, signature: undefined };
    }
    default:
      throw AskFault.malformed('no credentials are presented; a request without any presents `anonymous`');
  }
}

/** The signer of a metrics token, or the credential that a session of the console was opened with, as it is now. */
function bearer(token: string, context: VerifyContext): Authenticated {
  const { bearers, credentials, nowMs } = context;
  const metrics = readMetricsToken(token);
  if (metrics !== undefined) {
    const signer = verifyMetricsToken(metrics, credentials, nowMs);
    // it lies in the configuration of a monitoring system for years: it must open nothing else
    const asked = context.accesses ?? [];
    if (asked.length === 0 || asked.some(({ action }) => action !== METRICS_ACTION)) {
      throw new AuthRefusal('CredentialsNotSupported', 'This token is for reading metrics.');
    }
    return { identified: identify(signer, { presented: undefined }, credentials, nowMs), signature: undefined };
  }
  if (bearers === undefined) {
    throw new AuthRefusal('CredentialsNotSupported', 'Bearer tokens are not supported by this service.');
  }
  const session = bearers.find(token, nowMs);
  const credential = session === undefined ? undefined : credentials.find(session.accessKey);
  if (session === undefined || credential === undefined) throw new UnknownSession();
  if (!constantTimeEqual(credentialProof(credential), session.proof)) throw new UnknownSession();
  // Its token was presented when the session was opened, and is the same since: the proof is of both.
  return { identified: identify(credential, undefined, credentials, nowMs), signature: undefined };
}

function signed(signature: VerifiedSignature, context: VerifyContext): Authenticated {
  const token = { presented: signature.sessionToken };
  return {
    identified: identify(signature.credential, token, context.credentials, context.nowMs),
    signature,
  };
}
