// Named policies, and to whom they are attached.
import { type IamRecords, isUnreadable } from '../store/iam-store.ts';
import type { RecordChanges } from '../store/record-changes.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { type Command, policiesOf, type Rules, requirePolicies } from './command.ts';
import { checkPolicyName } from './names.ts';

/** MinIO: largest policy document, bytes. */
export const MAX_POLICY_BYTES = 20 * 1024;

/** Who a policy is attached to. */
export interface PolicyHolder {
  readonly kind: 'user' | 'group';
  readonly name: string;
}

/** Stores a policy; whoever has it is bound by the new text. */
export function putPolicy(rules: Rules, name: string, text: string): Command {
  checkPolicyName(name);
  const problem = rules.policyProblem(text, 'identity');
  if (problem !== undefined) throw new AdminRefusal('MalformedPolicy', problem);
  const stored = storedPolicyText(text);
  return { touched: {}, decide: () => ({ policies: new Map([[name, stored]]) }) };
}

/**
 * Removes a policy; fine if there is none. One that is attached stays: what it denied would be allowed from then on.
 */
export function removePolicy(current: IamRecords, name: string): Command {
  if (name === '') throw new AdminRefusal('InvalidArgument', 'The name of the policy is missing.');
  const holders = holdersOf(current, name);
  const named = (kind: PolicyHolder['kind']) => holders.filter((holder) => holder.kind === kind).map((h) => h.name);
  return {
    touched: { policies: [name], userPolicies: named('user'), groupPolicies: named('group') },
    decide(records) {
      if (!records.policies.has(name)) return {};
      const [holder] = holdersOf(records, name);
      if (holder !== undefined) {
        throw new AdminRefusal(
          'PolicyInUse',
          `The policy is attached to ${holder.kind} ${holder.name}; detach it first.`,
        );
      }
      return { policies: new Map([[name, undefined]]) };
    },
  };
}

/** Everyone a policy is attached to; mappings of users and groups that are gone do not count. */
export function holdersOf(records: IamRecords, policy: string): PolicyHolder[] {
  const holding = (kind: PolicyHolder['kind']): PolicyHolder[] => {
    const [mappings, owners] =
      kind === 'user' ? [records.userPolicies, records.users] : [records.groupPolicies, records.groups];
    return [...mappings]
      .filter(([name, mapping]) => owners.has(name) && policiesOf(mapping).includes(policy))
      .map(([name]) => ({ kind, name }));
  };
  return [...holding('user'), ...holding('group')];
}

/** Everyone of a directory whom a policy is attached to, by distinguished names. */
export function directoryHoldersOf(records: IamRecords, policy: string): PolicyHolder[] {
  const holding = (kind: PolicyHolder['kind']): PolicyHolder[] =>
    [...(kind === 'user' ? records.userPolicies : records.groupPolicies)]
      .filter(([name, mapping]) => isDistinguishedName(name) && policiesOf(mapping).includes(policy))
      .map(([name]) => ({ kind, name }));
  return [...holding('user'), ...holding('group')];
}

/** Replaces the policies of a user or group; none detaches all. */
export function setPolicies(rules: Rules, holder: PolicyHolder, policies: readonly string[]): Command {
  return {
    touched: { ...touching(holder), policies },
    decide(records) {
      requireHolder(records, rules, holder);
      requirePolicies(records, rules, policies);
      return mapping(holder, policies);
    },
  };
}

/** What attaching or detaching did. */
export interface PolicyDifference {
  readonly attached: readonly string[];
  readonly detached: readonly string[];
}

/** Attaches policies to those a user or group has. Refused when it has all of them. `report` learns what was new. */
export function attachPolicies(
  rules: Rules,
  holder: PolicyHolder,
  policies: readonly string[],
  report: (difference: PolicyDifference) => void,
): Command {
  return {
    touched: { ...touching(holder), policies },
    decide(records) {
      requireHolder(records, rules, holder);
      requirePolicies(records, rules, policies);
      const before = attachedTo(records, holder);
      const attached = policies.filter((name) => !before.includes(name));
      if (attached.length === 0) throw new AdminRefusal('PolicyNotChanged');
      report({ attached, detached: [] });
      return mapping(holder, [...before, ...attached]);
    },
  };
}

/** Detaches policies. Refused when the user or group has none of them. `report` learns what went. */
export function detachPolicies(
  rules: Rules,
  holder: PolicyHolder,
  policies: readonly string[],
  report: (difference: PolicyDifference) => void,
): Command {
  return {
    touched: touching(holder),
    decide(records) {
      requireHolder(records, rules, holder);
      const before = attachedTo(records, holder);
      const detached = policies.filter((name) => before.includes(name));
      if (detached.length === 0) throw new AdminRefusal('PolicyNotChanged');
      report({ attached: [], detached });
      return mapping(
        holder,
        before.filter((name) => !detached.includes(name)),
      );
    },
  };
}

/** The text that is stored: compact, its statements in an array, which other readers of the store insist on. */
export function storedPolicyText(text: string): string {
  const document = JSON.parse(text) as { Statement?: unknown };
  const statement = document.Statement;
  return JSON.stringify(
    statement === undefined || Array.isArray(statement) ? document : { ...document, Statement: [statement] },
  );
}

function attachedTo(records: IamRecords, holder: PolicyHolder): readonly string[] {
  const found = (holder.kind === 'user' ? records.userPolicies : records.groupPolicies).get(holder.name);
  if (found !== undefined && isUnreadable(found)) {
    throw new AdminRefusal('InternalError', `The stored record cannot be read: ${found.unreadable}.`);
  }
  return found ?? [];
}

function touching(holder: PolicyHolder): Command['touched'] {
  return holder.kind === 'user'
    ? {
        users: [holder.name],
        serviceAccounts: [holder.name],
        sessions: [holder.name],
        userPolicies: [holder.name],
      }
    : { groups: [holder.name], groupPolicies: [holder.name] };
}

function requireHolder(records: IamRecords, rules: Rules, { kind, name }: PolicyHolder): void {
  if (rules.hasDirectory && isDistinguishedName(name)) return;
  if (kind === 'group') {
    if (!records.groups.has(name)) throw new AdminRefusal('NoSuchGroup');
    return;
  }
  if (name === rules.rootAccessKey) throw new AdminRefusal('RootNotEligible');
  if (records.users.has(name)) return;
  const other = records.serviceAccounts.has(name) || records.sessions.has(name);
  throw new AdminRefusal(other ? 'NotAllowed' : 'NoSuchUser');
}

/** `cn=developers,ou=groups,dc=example,dc=com`, short enough to be kept under its name. */
export function isDistinguishedName(name: string): boolean {
  return /^[a-z][a-z0-9-]*=[^=]/i.test(name) && !name.includes('/') && Buffer.byteLength(name) <= MAX_DN_BYTES;
}

/** With `.json`, a file name. */
const MAX_DN_BYTES = 250;

function mapping({ kind, name }: PolicyHolder, policies: readonly string[]): RecordChanges {
  const change = new Map([[name, policies.length > 0 ? policies : undefined]]);
  return kind === 'user' ? { userPolicies: change } : { groupPolicies: change };
}
