// Admin calls on policies and on who has them.
import { z } from 'zod';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { groupsListing, policiesOf, splitNames } from '../administration/command.ts';
import {
  attachPolicies,
  detachPolicies,
  directoryHoldersOf,
  holdersOf,
  isDistinguishedName,
  MAX_POLICY_BYTES,
  type PolicyDifference,
  type PolicyHolder,
  putPolicy,
  removePolicy,
  setPolicies,
} from '../administration/policies.ts';
import type { IamRecords } from '../store/iam-store.ts';
import { type AdminCall, type AdminReply, DONE, jsonReply, readableJsonReply } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';
import { policyDocument, policyDocuments } from './policy-documents.ts';

const Association = z.object({
  policies: z.array(z.string()).min(1),
  user: z.string().optional(),
  group: z.string().optional(),
});

export const POLICY_ROUTES: readonly AdminRoute[] = [
  {
    method: 'PUT',
    path: 'add-canned-policy',
    action: 'admin:CreatePolicy',
    async handle(call) {
      const { body, contentLength } = call.request;
      if (contentLength === undefined || contentLength <= 0) throw new AdminRefusal('MissingContentLength');
      if (contentLength > MAX_POLICY_BYTES) throw new AdminRefusal('EntityTooLarge');
      await call.service.run(putPolicy(call.service.rules, call.query('name'), body.toString('utf8')));
      return DONE;
    },
  },
  {
    method: 'GET',
    path: 'list-canned-policies',
    action: 'admin:ListUserPolicies',
    async handle(call) {
      return jsonReply(Object.fromEntries(policyDocuments(call.service)));
    },
  },
  {
    method: 'GET',
    path: 'info-canned-policy',
    action: 'admin:GetPolicy',
    async handle(call) {
      const name = call.query('name');
      const document = policyDocument(call.service, name);
      if (document === undefined) throw new AdminRefusal('NoSuchPolicy');
      return readableJsonReply(call.query('v') === '2' ? { PolicyName: name, Policy: document } : document);
    },
  },
  {
    method: 'DELETE',
    path: 'remove-canned-policy',
    action: 'admin:DeletePolicy',
    async handle(call) {
      await call.service.run(removePolicy(call.service.records, call.query('name')));
      return DONE;
    },
  },
  {
    method: 'PUT',
    path: 'set-user-or-group-policy',
    action: 'admin:AttachUserOrGroupPolicy',
    async handle(call) {
      const holder = holderOf(call.query('userOrGroup'), call.query('isGroup') === 'true');
      await call.service.run(setPolicies(call.service.rules, holder, splitNames(call.query('policyName'))));
      return DONE;
    },
  },
  {
    method: 'POST',
    path: 'idp/builtin/policy/attach',
    action: 'admin:AttachUserOrGroupPolicy',
    handle: (call) => associate(call, attachPolicies),
  },
  {
    method: 'POST',
    path: 'idp/builtin/policy/detach',
    action: 'admin:AttachUserOrGroupPolicy',
    handle: (call) => associate(call, detachPolicies),
  },
  {
    method: 'GET',
    path: 'idp/builtin/policy-entities',
    action: 'admin:ListUserPolicies',
    handle: async (call) => policyEntitiesReply(call, 'stored'),
  },
];

/** Attaches or detaches what the body says. */
export async function associate(
  call: AdminCall,
  command: typeof attachPolicies | typeof detachPolicies,
): Promise<AdminReply> {
  const { policies, user = '', group = '' } = await call.sealedBody(Association);
  if ((user === '') === (group === '')) {
    throw new AdminRefusal('InvalidArgument', 'Name either a user or a group.');
  }
  let difference: PolicyDifference = { attached: [], detached: [] };
  const holder = holderOf(user || group, group !== '');
  await call.service.run(
    command(call.service.rules, holder, [...new Set(policies)], (made) => {
      difference = made;
    }),
  );
  return call.sealedReply({
    ...(difference.attached.length > 0 ? { policiesAttached: difference.attached } : {}),
    ...(difference.detached.length > 0 ? { policiesDetached: difference.detached } : {}),
    updatedAt: new Date(call.service.nowMs()).toISOString(),
  });
}

function holderOf(name: string, isGroup: boolean): PolicyHolder {
  return { kind: isGroup ? 'group' : 'user', name };
}

/** Whose policies: of the users and groups that are stored, or of those of a directory, which go by distinguished names. */
type Entities = 'stored' | 'directory';

/** Who has which policies, of those whom the call names. */
export function policyEntitiesReply(call: AdminCall, entities: Entities): Promise<AdminReply> {
  const asked = (name: string): string[] =>
    call.request.query.filter(([key]) => key === name).map(([, value]) => value);
  return call.sealedReply({
    timestamp: new Date(call.service.nowMs()).toISOString(),
    ...policyEntities(call.service.records, entities, asked('user'), asked('group'), asked('policy')),
  });
}

/** Who has which policies: of the named ones, or of everyone when nothing is named. */
function policyEntities(
  records: IamRecords,
  entities: Entities,
  users: readonly string[],
  groups: readonly string[],
  policies: readonly string[],
) {
  const all = users.length === 0 && groups.length === 0 && policies.length === 0;
  const groupMapping = (group: string) => ({ group, policies: policiesOf(records.groupPolicies.get(group)) });
  const userNames = all ? [...records.userPolicies.keys()] : users;
  const groupNames = all ? [...records.groupPolicies.keys()] : groups;
  const policyNames = all
    ? [...new Set([...records.userPolicies.values(), ...records.groupPolicies.values()].flatMap(policiesOf))]
    : policies;
  return {
    userMappings: userNames
      .filter((user) => (entities === 'stored' ? records.users.has(user) : isDistinguishedName(user)))
      .map((user) => ({
        user,
        policies: policiesOf(records.userPolicies.get(user)),
        ...(all ? {} : { memberOfMappings: groupsListing(records, user).map(groupMapping) }),
      })),
    groupMappings: groupNames
      .filter((group) => (entities === 'stored' ? records.groups.has(group) : isDistinguishedName(group)))
      .map(groupMapping),
    policyMappings: policyNames.map((policy) => {
      const holders = entities === 'stored' ? holdersOf(records, policy) : directoryHoldersOf(records, policy);
      const named = (kind: PolicyHolder['kind']) => holders.filter((h) => h.kind === kind).map(({ name }) => name);
      return { policy, users: named('user'), groups: named('group') };
    }),
  };
}
