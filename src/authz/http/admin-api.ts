// The admin API of MinIO: which calls there are, and how each is answered.
import type { Logger } from 'pino';
import { ADMIN_ERRORS, type AdminErrorName, AdminRefusal } from '../administration/admin-refusal.ts';
import { AskFault } from '../identity/ask-fault.ts';
import { AuthRefusal } from '../identity/auth-refusal.ts';
import type { AccessDecision } from '../identity/authorizer.ts';
import { StoreBusy } from '../store/record-storage.ts';
import { ABSENT_ROUTES } from './absent-routes.ts';
import { ACCESS_KEY_ROUTES } from './access-key-routes.ts';
import { AdminCall, type AdminReply, authRefusalStatus } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';
import type { AdminService } from './admin-service.ts';
import { CONFIG_ROUTES } from './config-routes.ts';
import { EXPLAIN_ROUTES } from './explain-routes.ts';
import { GROUP_ROUTES } from './group-routes.ts';
import type { HttpRequest } from './http-request.ts';
import { IDENTITY_PROVIDER_ROUTES } from './identity-provider-routes.ts';
import { POLICY_ROUTES } from './policy-routes.ts';
import { SERVER_INFO_ROUTES } from './server-info-routes.ts';
import { SERVICE_ACCOUNT_ROUTES } from './service-account-routes.ts';
import { USER_ROUTES } from './user-routes.ts';

export const ADMIN_PREFIX = '/minio/admin/';
const VERSIONS: ReadonlySet<string> = new Set(['v2', 'v3']);

const ROUTES: readonly AdminRoute[] = [
  ...USER_ROUTES,
  ...GROUP_ROUTES,
  ...POLICY_ROUTES,
  ...SERVICE_ACCOUNT_ROUTES,
  ...ACCESS_KEY_ROUTES,
  ...IDENTITY_PROVIDER_ROUTES,
  ...EXPLAIN_ROUTES,
  ...CONFIG_ROUTES,
  ...SERVER_INFO_ROUTES,
  ...ABSENT_ROUTES,
];

/** Answers a call below ADMIN_PREFIX. Never rejects. */
export async function answerAdminCall(
  service: AdminService,
  request: HttpRequest,
  requestId: string,
  logger: Logger,
): Promise<AdminReply> {
  try {
    return await answer(service, request);
  } catch (error) {
    return refusalReply(error, request, requestId, logger);
  }
}

async function answer(service: AdminService, request: HttpRequest): Promise<AdminReply> {
  const [, version = '', path = ''] = /^([^/]*)\/?(.*?)\/*$/.exec(request.path.slice(ADMIN_PREFIX.length)) ?? [];
  if (!VERSIONS.has(version)) {
    throw new AdminRefusal(
      'VersionMismatch',
      `Unexpected client 'admin' API version found '${version.slice(0, 16)}', expected 'v3', please downgrade the client to older releases`,
    );
  }
  const known = ROUTES.filter((route) => isPathOf(route, path));
  if (known.length === 0) throw new AdminRefusal('VersionMismatch');
  const route = known.find(({ method }) => method === request.method);
  if (route === undefined) throw new AdminRefusal('MethodNotAllowed');
  const { call, decision } = await AdminCall.open(service, request, route.action);
  if (route.selfService !== true && !(await isAllowed(route, call, decision))) throw new AdminRefusal('AccessDenied');
  return route.handle(call, decision);
}

/** A last part of '*' stands for any one name. */
function isPathOf({ path }: AdminRoute, given: string): boolean {
  if (!path.endsWith('/*')) return path === given;
  const slash = given.lastIndexOf('/');
  return slash > 0 && given.slice(0, slash) === path.slice(0, -2);
}

async function isAllowed(route: AdminRoute, call: AdminCall, decision: AccessDecision): Promise<boolean> {
  const narrower = route.narrower?.(call);
  if (narrower === undefined) return decision.outcome === 'Allow';
  const [narrow] = await call.decide([{ action: narrower }]);
  return narrow?.outcome === 'Allow' || (narrow?.outcome === 'ImplicitDeny' && decision.outcome === 'Allow');
}

/** The answer to what was thrown. */
export function refusalReply(error: unknown, request: HttpRequest, requestId: string, logger: Logger): AdminReply {
  if (error instanceof AuthRefusal) {
    return errorReply(error.code, error.message, authRefusalStatus(error), request.path, requestId);
  }
  if (error instanceof AdminRefusal) {
    const { code, status } = ADMIN_ERRORS[error.error];
    if (status >= 500 && status !== 501) logger.error({ err: error, requestId }, 'an admin call failed');
    return errorReply(code, error.message, status, request.path, requestId);
  }
  const name: AdminErrorName =
    error instanceof AskFault && error.kind !== 'unavailable'
      ? 'InvalidRequest'
      : error instanceof StoreBusy || error instanceof AskFault
        ? 'Unavailable'
        : 'InternalError';
  if (name !== 'InvalidRequest') logger.error({ err: error, requestId }, 'an admin call failed');
  const { code, status, message } = ADMIN_ERRORS[name];
  return errorReply(code, message, status, request.path, requestId);
}

function errorReply(code: string, message: string, status: number, resource: string, requestId: string): AdminReply {
  return {
    status,
    contentType: 'application/json',
    body: JSON.stringify({ Code: code, Message: message, Resource: resource, RequestId: requestId, HostId: '' }),
  };
}
