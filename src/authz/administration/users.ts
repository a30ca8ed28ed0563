// Users: who may be added, changed and removed, and what goes with them.
import { type IamRecords, type IdentityRecord, isUnreadable } from '../store/iam-store.ts';
import type { RecordChanges } from '../store/record-changes.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { type Command, childrenOf, groupsListing, type Rules, required, requirePolicies } from './command.ts';
import { checkSecretKey, checkUserName } from './names.ts';

export interface UserInput {
  readonly name: string;
  /** Undefined keeps the secret of a user that exists. */
  readonly secretKey: string | undefined;
  /** Undefined keeps the status of a user that exists; a new one is enabled. */
  readonly enabled: boolean | undefined;
  /** Replaces the policies of the user; undefined leaves them. */
  readonly policies?: readonly string[] | undefined;
}

/**
 * Adds a user, or changes the secret and status of one. A new user starts without rights: what a removed user of the same name
 * left behind is removed first.
 */
export function putUser(current: IamRecords, rules: Rules, input: UserInput): Command {
  const { name } = input;
  if (name === rules.rootAccessKey) throw new AdminRefusal('UserIsRoot');
  const groups = groupsListing(current, name);
  return {
    touched: {
      users: [name],
      serviceAccounts: [name, ...childrenOf(current, 'serviceAccounts', name)],
      sessions: [name, ...childrenOf(current, 'sessions', name)],
      groups,
      userPolicies: [name],
      policies: input.policies ?? [],
    },
    decide(records) {
      const existing = records.users.get(name);
      if (existing === undefined) {
        checkUserName(name);
        if (records.serviceAccounts.has(name) || records.sessions.has(name)) throw new AdminRefusal('NotAllowed');
      }
      if (input.policies !== undefined) requirePolicies(records, rules, input.policies);
      const before = existing === undefined || isUnreadable(existing) ? undefined : existing;
      const secretKey = input.secretKey ?? before?.secretKey;
      if (secretKey === undefined) throw new AdminRefusal('InvalidSecretKey');
      if (secretKey !== before?.secretKey) checkSecretKey(secretKey);
      const leftovers = existing === undefined ? belongings(records, name) : {};
      return {
        ...leftovers,
        users: new Map([[name, userRecord(secretKey, input.enabled ?? before?.enabled ?? true)]]),
        ...(input.policies === undefined
          ? {}
          : { userPolicies: new Map([[name, input.policies.length > 0 ? input.policies : undefined]]) }),
      };
    },
  };
}

/** Enables or disables a user; its service accounts and sessions follow, because they act with its rights. */
export function setUserStatus(rules: Rules, name: string, enabled: boolean): Command {
  if (name === rules.rootAccessKey) throw new AdminRefusal('InvalidRequest', 'The root user is always enabled.');
  return {
    touched: { users: [name], serviceAccounts: [name], sessions: [name] },
    decide(records) {
      if (!records.users.has(name) && (records.serviceAccounts.has(name) || records.sessions.has(name))) {
        throw new AdminRefusal('NotAllowed');
      }
      const { secretKey } = required(records.users.get(name), new AdminRefusal('NoSuchUser'));
      return { users: new Map([[name, userRecord(secretKey, enabled)]]) };
    },
  };
}

/** Removes a user, its policies and memberships, service accounts and sessions. */
export function removeUser(current: IamRecords, name: string): Command {
  return {
    touched: {
      users: [name],
      serviceAccounts: [name, ...childrenOf(current, 'serviceAccounts', name)],
      sessions: [name, ...childrenOf(current, 'sessions', name)],
      groups: groupsListing(current, name),
    },
    decide(records) {
      if (!records.users.has(name)) {
        const other = records.serviceAccounts.has(name) || records.sessions.has(name);
        throw new AdminRefusal(other ? 'NotAllowed' : 'NoSuchUser');
      }
      return { users: new Map([[name, undefined]]), ...belongings(records, name) };
    },
  };
}

/** Removes what hangs on a user, but not the user. */
function belongings(records: IamRecords, name: string): RecordChanges {
  const removed = (keys: readonly string[]): ReadonlyMap<string, undefined> =>
    new Map(keys.map((key) => [key, undefined]));
  const sessions = childrenOf(records, 'sessions', name);
  const groups = groupsListing(records, name).flatMap((group) => {
    const record = records.groups.get(group);
    if (record === undefined || isUnreadable(record)) return [];
    return [[group, { ...record, members: record.members.filter((member) => member !== name) }] as const];
  });
  return {
    serviceAccounts: removed(childrenOf(records, 'serviceAccounts', name)),
    sessions: removed(sessions),
    sessionPolicies: removed(sessions),
    userPolicies: removed(records.userPolicies.has(name) ? [name] : []),
    groups: new Map(groups),
  };
}

function userRecord(secretKey: string, enabled: boolean): IdentityRecord {
  return { secretKey, enabled, expiresAtMs: undefined, sessionToken: '', parent: '' };
}
