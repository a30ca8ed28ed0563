// Admin calls on groups.
import { z } from 'zod';
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { policiesOf, required, splitNames } from '../administration/command.ts';
import { addMembers, removeGroup, removeMembers, setGroupStatus } from '../administration/groups.ts';
import { DONE, jsonReply } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';

const UpdateMembers = z.object({
  group: z.string(),
  /** MinIO's Python client sends a text: one name, or several with commas between. */
  members: z.union([z.array(z.string()), z.string().transform(splitNames)]).nullish(),
  isRemove: z.boolean().default(false),
});

export const GROUP_ROUTES: readonly AdminRoute[] = [
  {
    method: 'PUT',
    path: 'update-group-members',
    action: 'admin:AddUserToGroup',
    narrower: (call) => (call.plainBody(UpdateMembers).isRemove ? 'admin:RemoveUserFromGroup' : undefined),
    async handle(call) {
      const { group, isRemove, ...body } = call.plainBody(UpdateMembers);
      const members = body.members ?? [];
      if (isRemove && members.length === 0) await call.service.run(removeGroup(group));
      else await call.service.run(isRemove ? removeMembers(group, members) : addMembers(group, members));
      return DONE;
    },
  },
  {
    method: 'GET',
    path: 'group',
    action: 'admin:GetGroup',
    async handle(call) {
      const name = call.query('group');
      const { records } = call.service;
      const group = required(records.groups.get(name), new AdminRefusal('NoSuchGroup'));
      return jsonReply({
        name,
        status: group.enabled ? 'enabled' : 'disabled',
        members: [...group.members],
        policy: policiesOf(records.groupPolicies.get(name)).join(','),
      });
    },
  },
  {
    method: 'GET',
    path: 'groups',
    action: 'admin:ListGroups',
    async handle(call) {
      return jsonReply([...call.service.records.groups.keys()].sort());
    },
  },
  {
    method: 'PUT',
    path: 'set-group-status',
    action: 'admin:EnableGroup',
    narrower: (call) => (call.query('status') === 'disabled' ? 'admin:DisableGroup' : undefined),
    async handle(call) {
      const status = call.query('status');
      if (status !== 'enabled' && status !== 'disabled') {
        throw new AdminRefusal('InvalidArgument', 'The status must be "enabled" or "disabled".');
      }
      await call.service.run(setGroupStatus(call.query('group'), status === 'enabled'));
      return DONE;
    },
  },
];
