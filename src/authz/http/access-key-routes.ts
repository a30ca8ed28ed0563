// Admin calls on access keys of either kind, as clients since 2023 make them, and on the caller's own account.
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { childrenOf } from '../administration/command.ts';
import { endSessionsOf } from '../administration/sessions.ts';
import { type IamRecords, type IdentityRecord, isUnreadable } from '../store/iam-store.ts';
import { type AccessKeyInfo, accessKeyInfo, type ChildKind, listedKey } from './access-key-info.ts';
import { type AdminCall, jsonReply, NO_CONTENT } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';
import { combinedPolicy, policyDocument } from './policy-documents.ts';
import { requireOwnOrAllowed } from './service-account-routes.ts';

export const ACCESS_KEY_ROUTES: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: 'info-access-key',
    action: 'admin:ListServiceAccounts',
    selfService: true,
    async handle(call, decision) {
      const accessKey = call.query('accessKey') || call.accessKey;
      const { kind, record } = findKey(call.service.records, accessKey);
      requireOwnOrAllowed(call, decision, record.parent);
      return call.sealedReply({
        accessKey,
        ...accessKeyInfo(call.service, kind, accessKey, record),
        userType: kind === 'Session' ? 'STS' : 'Service Account',
        userProvider: 'builtin',
      });
    },
  },
  {
    method: 'GET',
    path: 'temporary-account-info',
    action: 'admin:ListTemporaryAccounts',
    selfService: true,
    async handle(call, decision) {
      const accessKey = call.query('accessKey');
      const { kind, record } = findKey(call.service.records, accessKey);
      if (kind !== 'Session') throw new AdminRefusal('NoSuchServiceAccount');
      requireOwnOrAllowed(call, decision, record.parent);
      return call.sealedReply(accessKeyInfo(call.service, kind, accessKey, record));
    },
  },
  {
    method: 'GET',
    path: 'list-access-keys-bulk',
    action: 'admin:ListServiceAccounts',
    selfService: true,
    async handle(call, decision) {
      const { records } = call.service;
      const named = call.request.query.filter(([name]) => name === 'users').map(([, value]) => value);
      const all = call.query('all') === 'true';
      const users = all ? [...records.users.keys()].sort() : named.length > 0 ? named : [call.user];
      for (const user of users) requireOwnOrAllowed(call, decision, user);
      if (all && decision.outcome !== 'Allow') throw new AdminRefusal('AccessDenied');
      const listType = call.query('listType') || 'all';
      if (!LIST_TYPES.has(listType)) {
        throw new AdminRefusal('InvalidArgument', `listType must be one of ${[...LIST_TYPES].join(', ')}.`);
      }
      const keysOf = (user: string) => ({
        serviceAccounts: ['all', 'svcacc-only'].includes(listType) ? listed(call, 'ServiceAccount', user) : [],
        stsKeys: ['all', 'sts-only'].includes(listType) ? listed(call, 'Session', user) : [],
      });
      return call.sealedReply(Object.fromEntries(users.map((user) => [user, keysOf(user)])));
    },
  },
  {
    method: 'POST',
    path: 'revoke-tokens/builtin',
    action: 'admin:RemoveServiceAccount',
    selfService: true,
    async handle(call, decision) {
      const user = call.query('user') || call.user;
      requireOwnOrAllowed(call, decision, user);
      // Sessions have no types here, so that one of a type would be none.
      if (call.query('tokenRevokeType') !== '') {
        throw new AdminRefusal('NotImplemented', 'Sessions have no types here; revoke all of them (fullRevoke).');
      }
      if (!call.service.records.users.has(user)) throw new AdminRefusal('NoSuchUser');
      await call.service.run(endSessionsOf(call.service.records, user));
      return NO_CONTENT;
    },
  },
  {
    method: 'GET',
    path: 'accountinfo',
    action: 'admin:AccountInfo',
    selfService: true,
    async handle(call) {
      const { service } = call;
      const buckets = [...service.records.buckets].filter(([name]) => !name.startsWith('.')).sort();
      const access = await call.allowed(
        buckets.flatMap(([bucket]) => [
          { action: 's3:ListBucket', bucket, context: { 's3:prefix': [''], 's3:delimiter': ['/'] } },
          { action: 's3:PutObject', bucket },
        ]),
      );
      return jsonReply({
        AccountName: call.user,
        Policy: call.isRoot ? policyDocument(service, 'consoleAdmin') : combinedPolicy(service, call.user),
        Buckets: buckets
          .map(([name, record], index) => ({
            name,
            size: 0,
            created: new Date(isUnreadable(record) ? 0 : record.createdMs).toISOString(),
            access: { read: access[2 * index] === true, write: access[2 * index + 1] === true },
          }))
          .filter(({ access: { read, write } }) => read || write),
      });
    },
  },
];

const LIST_TYPES: ReadonlySet<string> = new Set(['all', 'svcacc-only', 'sts-only', 'users-only']);

function findKey(records: IamRecords, accessKey: string): { kind: ChildKind; record: IdentityRecord } {
  const account = records.serviceAccounts.get(accessKey);
  if (account !== undefined && !isUnreadable(account)) return { kind: 'ServiceAccount', record: account };
  const session = records.sessions.get(accessKey);
  if (session !== undefined && !isUnreadable(session)) return { kind: 'Session', record: session };
  throw new AdminRefusal('NoSuchServiceAccount');
}

function listed(call: AdminCall, kind: ChildKind, user: string): AccessKeyInfo[] {
  const { records, nowMs } = call.service;
  const table = kind === 'Session' ? 'sessions' : 'serviceAccounts';
  return childrenOf(records, table, user)
    .sort()
    .flatMap((accessKey) => {
      const record = records[table].get(accessKey);
      if (record === undefined || isUnreadable(record)) return [];
      if (record.expiresAtMs !== undefined && record.expiresAtMs <= nowMs()) return [];
      return [listedKey(call.service, kind, accessKey, record)];
    });
}
