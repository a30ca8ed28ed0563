// Admin calls on service accounts. Users manage their own; others need the action.
import { z } from 'zod';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { childrenOf, required } from '../administration/command.ts';
import {
  addServiceAccount,
  removeServiceAccount,
  updateServiceAccount,
  withNewKeys,
} from '../administration/service-accounts.ts';
import type { AccessDecision } from '../identity/authorizer.ts';
import type { IdentityRecord } from '../store/iam-store.ts';
import { type AccessKeyInfo, accessKeyInfo, listedKey } from './access-key-info.ts';
import { type AdminCall, NO_CONTENT } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';

/** A document as JSON itself, or as its text; null and {} are no policy. */
const PolicyBody = z
  .union([z.record(z.string(), z.unknown()), z.string()])
  .nullish()
  .transform((policy) => {
    if (typeof policy === 'string') return policy === '' ? undefined : policy;
    return policy && Object.keys(policy).length > 0 ? JSON.stringify(policy) : undefined;
  });
/** Moments up to the epoch stand for "does not expire". */
const Expiration = z.iso
  .datetime({ offset: true })
  .nullish()
  .transform((text) => {
    const ms = text ? Date.parse(text) : 0;
    return ms > 0 ? ms : undefined;
  });

const Add = z.object({
  policy: PolicyBody,
  targetUser: z.string().nullish(),
  accessKey: z.string().nullish(),
  secretKey: z.string().nullish(),
  name: z.string().max(256).nullish(),
  description: z.string().max(1024).nullish(),
  expiration: Expiration,
});
const Update = z.object({
  newPolicy: PolicyBody,
  newSecretKey: z.string().nullish(),
  newStatus: z.enum(['on', 'off', 'enabled', 'disabled', '']).nullish(),
  newName: z.string().max(256).nullish(),
  newDescription: z.string().max(1024).nullish(),
  newExpiration: Expiration,
});

/** How Go writes the absence of a time. */
const NO_TIME = '0001-01-01T00:00:00Z';
/** How lists say that something does not expire. */
const NO_EXPIRY = '1970-01-01T00:00:00Z';
/** mc up to 2022 takes access keys where later ones take objects. */
const LISTS_NAMES_ONLY = /madmin-go\/0\./;

export const SERVICE_ACCOUNT_ROUTES: readonly AdminRoute[] = [
  {
    method: 'PUT',
    path: 'add-service-account',
    action: 'admin:CreateServiceAccount',
    selfService: true,
    async handle(call, decision) {
      const body = await call.sealedBody(Add);
      const parent = body.targetUser || call.user;
      requireOwnOrAllowed(call, decision, parent);
      const account = withNewKeys({
        parent,
        accessKey: body.accessKey ?? '',
        secretKey: body.secretKey ?? '',
        policy: body.policy,
        name: body.name ?? '',
        description: body.description ?? '',
        expiresAtMs: body.expiration,
      });
      const { rules, nowMs } = call.service;
      await call.service.run(addServiceAccount(rules, account, nowMs()));
      const { accessKey, secretKey, expiresAtMs } = account;
      const expiration = expiresAtMs === undefined ? NO_TIME : goTime(expiresAtMs);
      return call.sealedReply({ credentials: { accessKey, secretKey, expiration } });
    },
  },
  {
    method: 'POST',
    path: 'update-service-account',
    action: 'admin:UpdateServiceAccount',
    selfService: true,
    async handle(call, decision) {
      const accessKey = accessKeyOf(call);
      requireOwnOrAllowed(call, decision, accountOf(call, accessKey).parent);
      const body = await call.sealedBody(Update);
      const status = body.newStatus;
      await call.service.run(
        updateServiceAccount(call.service.rules, accessKey, {
          policy: body.newPolicy,
          secretKey: body.newSecretKey || undefined,
          enabled: status ? status === 'on' || status === 'enabled' : undefined,
          name: body.newName || undefined,
          description: body.newDescription || undefined,
          expiresAtMs: body.newExpiration,
        }),
      );
      return NO_CONTENT;
    },
  },
  {
    method: 'GET',
    path: 'info-service-account',
    action: 'admin:ListServiceAccounts',
    selfService: true,
    async handle(call, decision) {
      const accessKey = accessKeyOf(call);
      const account = accountOf(call, accessKey);
      requireOwnOrAllowed(call, decision, account.parent);
      return call.sealedReply(accessKeyInfo(call.service, 'ServiceAccount', accessKey, account));
    },
  },
  {
    method: 'GET',
    path: 'list-service-accounts',
    action: 'admin:ListServiceAccounts',
    selfService: true,
    async handle(call, decision) {
      const parent = call.query('user') || call.user;
      requireOwnOrAllowed(call, decision, parent);
      const { service } = call;
      const accessKeys = childrenOf(service.records, 'serviceAccounts', parent).sort();
      if (LISTS_NAMES_ONLY.test(call.request.headers.get('user-agent') ?? '')) {
        return call.sealedReply({ accounts: accessKeys.length > 0 ? accessKeys : null });
      }
      const accounts: AccessKeyInfo[] = accessKeys.map((key) => ({
        // mc: a row without a time is one that it cannot show
        expiration: NO_EXPIRY,
        ...listedKey(service, 'ServiceAccount', key, accountOf(call, key)),
      }));
      return call.sealedReply({ accounts });
    },
  },
  {
    method: 'DELETE',
    path: 'delete-service-account',
    action: 'admin:RemoveServiceAccount',
    selfService: true,
    async handle(call, decision) {
      const accessKey = accessKeyOf(call);
      requireOwnOrAllowed(call, decision, accountOf(call, accessKey).parent);
      await call.service.run(removeServiceAccount(accessKey));
      return NO_CONTENT;
    },
  },
];

/**
 * Lets people see to their own service accounts. A credential that has less than its user's rights may not, or it could make
 * itself one that has them.
 */
export function requireOwnOrAllowed(call: AdminCall, decision: AccessDecision, parent: string): void {
  const isOwn = parent === call.user && call.actsForItself && decision.outcome === 'ImplicitDeny';
  if (decision.outcome !== 'Allow' && !isOwn) throw new AdminRefusal('AccessDenied');
}

/** As Go writes times: seconds. */
export function goTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function accessKeyOf(call: AdminCall): string {
  const accessKey = call.query('accessKey');
  if (accessKey === '') throw new AdminRefusal('InvalidRequest', 'The parameter accessKey is missing.');
  return accessKey;
}

function accountOf(call: AdminCall, accessKey: string): IdentityRecord {
  return required(call.service.records.serviceAccounts.get(accessKey), new AdminRefusal('NoSuchServiceAccount'));
}
