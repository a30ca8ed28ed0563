// Groups: members come and go, a group is made by its first members and removed when it is empty.
import type { GroupRecord } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { type Command, required } from './command.ts';
import { checkGroupName } from './names.ts';

/** Adds users to a group, which is made if there is none. Users that are in it already stay in it. */
export function addMembers(group: string, members: readonly string[]): Command {
  return {
    touched: { groups: [group], users: members, serviceAccounts: members, sessions: members },
    decide(records) {
      for (const member of members) {
        if (records.users.has(member)) continue;
        const other = records.serviceAccounts.has(member) || records.sessions.has(member);
        throw new AdminRefusal(other ? 'NotAllowed' : 'NoSuchUser');
      }
      const existing = records.groups.get(group);
      if (existing === undefined) checkGroupName(group);
      const before: GroupRecord =
        existing === undefined ? { enabled: true, members: [] } : required(existing, new AdminRefusal('NoSuchGroup'));
      const after: GroupRecord = { ...before, members: [...new Set([...before.members, ...members])] };
      return { groups: new Map([[group, after]]) };
    },
  };
}

/** Takes users out of a group. Users that are not in it, or exist no longer, are no mistake. */
export function removeMembers(group: string, members: readonly string[]): Command {
  return {
    touched: { groups: [group] },
    decide(records) {
      const before = required(records.groups.get(group), new AdminRefusal('NoSuchGroup'));
      const after: GroupRecord = { ...before, members: before.members.filter((member) => !members.includes(member)) };
      return { groups: new Map([[group, after]]) };
    },
  };
}

/** Removes a group without members, and its policies. */
export function removeGroup(group: string): Command {
  return {
    touched: { groups: [group] },
    decide(records) {
      const { members } = required(records.groups.get(group), new AdminRefusal('NoSuchGroup'));
      if (members.length > 0) throw new AdminRefusal('GroupNotEmpty');
      return { groups: new Map([[group, undefined]]), groupPolicies: new Map([[group, undefined]]) };
    },
  };
}

/** A disabled group keeps its members and policies and gives them nothing. */
export function setGroupStatus(group: string, enabled: boolean): Command {
  return {
    touched: { groups: [group] },
    decide(records) {
      const before = required(records.groups.get(group), new AdminRefusal('NoSuchGroup'));
      return { groups: new Map([[group, { ...before, enabled }]]) };
    },
  };
}
