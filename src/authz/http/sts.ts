// The Security Token Service: credentials for a while. Which calls there are, and how each is answered.
import type { Logger } from 'pino';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { expireSessions } from '../administration/sessions.ts';
import { AskFault } from '../identity/ask-fault.ts';
import { AuthRefusal } from '../identity/auth-refusal.ts';
import { ProviderRefusal, type ProviderRefusalKind } from '../identity/provider/provider-refusal.ts';
import { type AdminReply, authRefusalStatus } from './admin-call.ts';
import type { AdminService } from './admin-service.ts';
import type { HttpRequest } from './http-request.ts';
import { assumeRole, authenticateUser } from './sts-assume-role.ts';
import { assumeRoleWith, VOUCHERS } from './sts-federation.ts';
import { readParameters, type StsParameters } from './sts-parameters.ts';
import { API_VERSION, answerReply, errorReply, STS_ERRORS, type StsAnswer, StsRefusal } from './sts-reply.ts';
import type { StsService } from './sts-service.ts';

/** Answers a POST to `/`. Never rejects. */
export async function answerSts(
  service: StsService,
  request: HttpRequest,
  requestId: string,
  logger: Logger,
): Promise<AdminReply> {
  try {
    const { action, answer } = await answerCall(service, request);
    sweep(service.admin, logger);
    return answerReply(action, answer, requestId);
  } catch (error) {
    return refusalReply(error, requestId, logger);
  }
}

async function answerCall(
  service: StsService,
  request: HttpRequest,
): Promise<{ readonly action: string; readonly answer: StsAnswer }> {
  const parameters = readParameters(request);
  const action = parameters?.get('Action') ?? '';
  const voucher = Object.hasOwn(VOUCHERS, action) ? VOUCHERS[action] : undefined;
  if (voucher !== undefined) {
    const known = requireVersion(parameters);
    return { action, answer: await assumeRoleWith(action, voucher, service, request, known) };
  }
  // whoever is not known is told that first
  const user = await authenticateUser(service, request, parameters);
  const known = requireVersion(parameters);
  if (action === '') throw new StsRefusal('MissingParameter', 'Action is missing.');
  if (action !== 'AssumeRole') {
    throw new StsRefusal('InvalidParameterValue', `Unsupported action ${action.slice(0, 64)}`);
  }
  return { action, answer: await assumeRole(service, request, known, user) };
}

function requireVersion(parameters: StsParameters | undefined): StsParameters {
  if (parameters === undefined) throw new StsRefusal('InvalidParameterValue', 'The form could not be read.');
  const version = parameters.get('Version');
  if (version !== API_VERSION) {
    throw new StsRefusal('MissingParameter', `Invalid STS API version ${version ?? ''}, expecting ${API_VERSION}`);
  }
  return parameters;
}

/** Removes sessions that are over, behind the answer's back: nobody waits for it, and nobody could use them. */
function sweep(service: AdminService, logger: Logger): void {
  const command = expireSessions(service.records, service.nowMs());
  if (command === undefined) return;
  service.run(command).catch((error: unknown) => logger.warn({ err: error }, 'expired sessions could not be removed'));
}

const PROVIDER_CODES: Readonly<Record<ProviderRefusalKind, keyof typeof STS_ERRORS>> = {
  rejected: 'InvalidIdentityToken',
  expired: 'ExpiredTokenException',
  'not-configured': 'NotImplemented',
  unavailable: 'IDPCommunicationError',
};

function refusalReply(error: unknown, requestId: string, logger: Logger): AdminReply {
  if (error instanceof StsRefusal) return errorReply(error.code, error.message, STS_ERRORS[error.code], requestId);
  if (error instanceof ProviderRefusal) {
    if (error.kind === 'unavailable') logger.warn({ err: error, requestId }, 'an identity provider did not answer');
    const code = PROVIDER_CODES[error.kind];
    return errorReply(code, error.message, STS_ERRORS[code], requestId);
  }
  if (error instanceof AuthRefusal) return errorReply(error.code, error.message, authRefusalStatus(error), requestId);
  if (error instanceof AskFault) return errorReply('InvalidParameterValue', error.message, 400, requestId);
  logger.error({ err: error, requestId }, 'an STS call failed');
  const code =
    error instanceof AdminRefusal && error.error === 'NoIdentityStore' ? 'ServiceUnavailable' : 'InternalError';
  return errorReply(code, 'Temporary credentials could not be made. Try again.', STS_ERRORS[code], requestId);
}
