// A change as the rules of this folder make it, and what all of them need to know.
import { type IamRecords, isUnreadable, type Unreadable } from '../store/iam-store.ts';
import type { RecordChanges, Touched } from '../store/record-changes.ts';
import { AdminRefusal } from './admin-refusal.ts';

/** A change to be made: what it reads, and what it makes of it. Pure; throws AdminRefusal. */
export interface Command {
  readonly touched: Touched;
  decide(records: IamRecords): RecordChanges;
}

/** What holds for every change of this service. */
export interface Rules {
  readonly rootAccessKey: string;
  /** Tokens are signed with it. */
  readonly rootSecretKey: string;
  isBuiltInPolicy(name: string): boolean;
  /** Users and groups may be those of a directory, which go by distinguished names and have no records. */
  readonly hasDirectory: boolean;
  /** Why a document is no policy of that kind here; undefined when it is one. */
  policyProblem(text: string, kind: 'identity' | 'session' | 'bucket', bucket?: string): string | undefined;
}

/** A record that must be there and readable. */
export function required<R extends object>(record: R | Unreadable | undefined, otherwise: AdminRefusal): R {
  if (record === undefined) throw otherwise;
  if (isUnreadable(record)) {
    throw new AdminRefusal('InternalError', `The stored record cannot be read: ${record.unreadable}.`);
  }
  return record as R;
}

/** The policies of a mapping that may be missing; an unreadable one counts as none, because it is about to be replaced. */
export function policiesOf(mapping: readonly string[] | Unreadable | undefined): readonly string[] {
  return mapping === undefined || isUnreadable(mapping) ? [] : mapping;
}

/** Names of the groups that list a user, disabled ones too. */
export function groupsListing(records: IamRecords, user: string): string[] {
  return [...records.groups]
    .filter(([, group]) => !isUnreadable(group) && group.members.includes(user))
    .map(([n]) => n);
}

/** Access keys of the service accounts or sessions of a user. */
export function childrenOf(records: IamRecords, table: 'serviceAccounts' | 'sessions', parent: string): string[] {
  return [...records[table]]
    .filter(([, child]) => !isUnreadable(child) && child.parent === parent)
    .map(([accessKey]) => accessKey);
}

/** All names must be policies; an empty list is fine. */
export function requirePolicies(records: IamRecords, rules: Rules, names: readonly string[]): void {
  for (const name of names) {
    if (!records.policies.has(name) && !rules.isBuiltInPolicy(name)) throw new AdminRefusal('NoSuchPolicy');
  }
}

/** Names separated by commas, without empty ones and repetitions. */
export function splitNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  return [...new Set(names.filter((name) => name !== ''))];
}
