// Admin calls on users.
import { z } from 'zod';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { groupsListing, policiesOf, splitNames } from '../administration/command.ts';
import { putUser, removeUser, setUserStatus } from '../administration/users.ts';
import { type IamRecords, isUnreadable } from '../store/iam-store.ts';
import { DONE, jsonReply } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';

const AddUser = z.object({
  secretKey: z.string().optional(),
  status: z.enum(['enabled', 'disabled', '']).optional(),
  policy: z.string().optional(),
  policyName: z.string().optional(),
});

interface UserInfo {
  readonly policyName?: string;
  readonly status: 'enabled' | 'disabled';
  readonly memberOf?: readonly string[];
}

export const USER_ROUTES: readonly AdminRoute[] = [
  {
    method: 'PUT',
    path: 'add-user',
    action: 'admin:CreateUser',
    selfService: true,
    async handle(call, decision) {
      const name = call.query('accessKey');
      const { service } = call;
      if (name === service.rules.rootAccessKey || (name === call.user && !call.isUserItself)) {
        throw new AdminRefusal('UserIsRoot');
      }
      // Everyone may change their own secret, unless that is denied them.
      const isOwn = name === call.accessKey;
      const may = decision.outcome === 'Allow' || (isOwn && decision.outcome === 'ImplicitDeny');
      if (!may) throw new AdminRefusal('AccessDenied');
      const { secretKey, status, policy, policyName } = await call.sealedBody(AddUser);
      const policies = splitNames(policy ?? policyName ?? '');
      if (policies.length > 0) await call.require('admin:AttachUserOrGroupPolicy');
      await service.run(
        putUser(service.records, service.rules, {
          name,
          secretKey: secretKey || undefined,
          enabled: status ? status === 'enabled' : undefined,
          policies: policies.length > 0 ? policies : undefined,
        }),
      );
      return DONE;
    },
  },
  {
    method: 'GET',
    path: 'list-users',
    action: 'admin:ListUsers',
    async handle(call) {
      const { records } = call.service;
      const memberOf = membershipsByUser(records);
      const names = [...records.users.keys()].sort();
      return call.sealedReply(
        Object.fromEntries(names.map((name) => [name, userInfo(records, name, memberOf.get(name) ?? [])])),
      );
    },
  },
  {
    method: 'GET',
    path: 'user-info',
    action: 'admin:GetUser',
    selfService: true,
    async handle(call, decision) {
      const name = call.query('accessKey');
      if (decision.outcome !== 'Allow' && !(name === call.user && decision.outcome === 'ImplicitDeny')) {
        throw new AdminRefusal('AccessDenied');
      }
      const { records } = call.service;
      if (!records.users.has(name)) {
        const other = records.serviceAccounts.has(name) || records.sessions.has(name);
        throw new AdminRefusal(other ? 'NotAllowed' : 'NoSuchUser');
      }
      return jsonReply(userInfo(records, name, groupsListing(records, name)));
    },
  },
  {
    method: 'PUT',
    path: 'set-user-status',
    action: 'admin:EnableUser',
    narrower: (call) => (call.query('status') === 'disabled' ? 'admin:DisableUser' : undefined),
    async handle(call) {
      const status = call.query('status');
      if (status !== 'enabled' && status !== 'disabled') {
        throw new AdminRefusal('InvalidArgument', 'The status must be "enabled" or "disabled".');
      }
      await call.service.run(setUserStatus(call.service.rules, call.query('accessKey'), status === 'enabled'));
      return DONE;
    },
  },
  {
    method: 'DELETE',
    path: 'remove-user',
    action: 'admin:DeleteUser',
    async handle(call) {
      await call.service.run(removeUser(call.service.records, call.query('accessKey')));
      return DONE;
    },
  },
];

/** The groups that list each user. */
function membershipsByUser(records: IamRecords): ReadonlyMap<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, group] of records.groups) {
    if (isUnreadable(group)) continue;
    for (const member of group.members) groups.set(member, [...(groups.get(member) ?? []), name]);
  }
  return groups;
}

function userInfo(records: IamRecords, name: string, memberOf: readonly string[]): UserInfo {
  const record = records.users.get(name);
  const policies = policiesOf(records.userPolicies.get(name));
  return {
    ...(policies.length > 0 ? { policyName: policies.join(',') } : {}),
    status: record !== undefined && !isUnreadable(record) && record.enabled ? 'enabled' : 'disabled',
    ...(memberOf.length > 0 ? { memberOf: [...memberOf].sort() } : {}),
  };
}
