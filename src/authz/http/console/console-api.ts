// The console's own API: which calls there are, and how each is answered. Everything that S3 or the admin API can say is asked there.
import type { Logger } from 'pino';
import { AskFault } from '../../identity/ask-fault.ts';
import { AuthRefusal } from '../../identity/auth-refusal.ts';
import { type AdminReply, authRefusalStatus } from '../admin-call.ts';
import { bearerToken, type HttpRequest } from '../http-request.ts';
import { AUDIT_ROUTES } from './audit-routes.ts';
import { ConsoleCall, type ConsoleRoute, type ConsoleService, refusalReply, statusOf } from './console-call.ts';
import { SESSION_COOKIE, setCookie } from './console-cookies.ts';
import { ConsoleRefusal } from './console-refusal.ts';
import { OPENID_ROUTES } from './openid-routes.ts';
import { POLICY_DESK_ROUTES } from './policy-routes.ts';
import { SESSION_ROUTES } from './session-routes.ts';
import { SHARE_ROUTES } from './share-routes.ts';
import { TEMPORARY_ROUTES } from './temporary-routes.ts';

export const CONSOLE_PREFIX = '/minio/console/api/';

const ROUTES: readonly ConsoleRoute[] = [
  ...SESSION_ROUTES,
  ...OPENID_ROUTES,
  ...SHARE_ROUTES,
  ...POLICY_DESK_ROUTES,
  ...AUDIT_ROUTES,
  ...TEMPORARY_ROUTES,
];

/** Answers a call below CONSOLE_PREFIX. Never rejects. */
export async function answerConsoleCall(
  service: ConsoleService,
  request: HttpRequest,
  requestId: string,
  logger: Logger,
): Promise<AdminReply> {
  try {
    const path = request.path.slice(CONSOLE_PREFIX.length);
    const known = ROUTES.filter((route) => route.path === path);
    if (known.length === 0) throw new ConsoleRefusal('NotFound');
    const route = known.find(({ method }) => method === request.method);
    if (route === undefined) throw new ConsoleRefusal('MethodNotAllowed');
    const reply = await route.handle(await ConsoleCall.open(service, request, logger, route));
    return route.action === undefined ? reply : withRenewedSession(service, request, reply);
  } catch (error) {
    return answerTo(error, requestId, logger);
  }
}

/** A session that is used lasts: from time to time the browser gets it anew, with the time of its last use. */
function withRenewedSession(service: ConsoleService, request: HttpRequest, reply: AdminReply): AdminReply {
  const token = bearerToken(request);
  const renewed = token === undefined ? undefined : service.sessions.renewed(token, service.admin.nowMs());
  if (renewed === undefined || reply.headers?.['set-cookie'] !== undefined) return reply;
  const cookie = setCookie(SESSION_COOKIE, renewed.token, renewed.lifeMs, request.context.secureTransport);
  return { ...reply, headers: { ...reply.headers, 'set-cookie': cookie } };
}

function answerTo(error: unknown, requestId: string, logger: Logger): AdminReply {
  if (error instanceof ConsoleRefusal) return refusalReply(statusOf(error), error.code, error.message, requestId);
  // Whoever is signed in and is no more has to sign in again.
  if (error instanceof AuthRefusal) {
    const status =
      error.code === 'ExpiredToken' || error.code === 'InvalidAccessKeyId' ? 401 : authRefusalStatus(error);
    return refusalReply(status, error.code, error.message, requestId);
  }
  if (error instanceof AskFault) return refusalReply(400, 'InvalidRequest', error.message, requestId);
  logger.error({ err: error, requestId }, 'a call of the console failed');
  return refusalReply(500, 'InternalError', 'Something went wrong. Try again.', requestId);
}
