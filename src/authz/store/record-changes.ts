// A change of what is stored, as data: rules make it, a writer carries it out, and the snapshot in memory follows.
import type { IamRecords } from './iam-store.ts';

/** The tables of records that are changed one record at a time. */
export const RECORD_TABLES = [
  'users',
  'serviceAccounts',
  'sessions',
  'groups',
  'policies',
  'userPolicies',
  'groupPolicies',
  'buckets',
  'server',
] as const satisfies readonly (keyof IamRecords)[];
export type RecordTable = (typeof RECORD_TABLES)[number];

type RecordOf<T extends keyof IamRecords> =
  IamRecords[T] extends ReadonlyMap<string, infer R> ? Exclude<R, { readonly unreadable: string }> : never;

/** Records to write, and (undefined) to remove. */
export type RecordChanges = {
  readonly [T in RecordTable]?: ReadonlyMap<string, RecordOf<T> | undefined>;
} & {
  /**
   * The policies that a session was issued with, for gateways that decide by them; here its parent's policies decide.
   * Written and removed together with the session.
   */
  readonly sessionPolicies?: ReadonlyMap<string, readonly string[] | undefined>;
};

/** Names of the records that a change reads, by table: they are read again from the store before it is decided. */
export type Touched = { readonly [T in RecordTable]?: readonly string[] };

/** The records with a change carried out. */
export function withChanges(records: IamRecords, changes: RecordChanges, revision: string): IamRecords {
  return {
    ...records,
    revision,
    users: merged(records.users, changes.users),
    serviceAccounts: merged(records.serviceAccounts, changes.serviceAccounts),
    sessions: merged(records.sessions, changes.sessions),
    groups: merged(records.groups, changes.groups),
    policies: merged(records.policies, changes.policies),
    userPolicies: merged(records.userPolicies, changes.userPolicies),
    groupPolicies: merged(records.groupPolicies, changes.groupPolicies),
    buckets: merged(records.buckets, changes.buckets),
    server: merged(records.server, changes.server),
  };
}

/** A table with records put in and (undefined) taken out. */
export function merged<R>(
  table: ReadonlyMap<string, R>,
  changes: ReadonlyMap<string, R | undefined> | undefined,
): ReadonlyMap<string, R> {
  if (changes === undefined || changes.size === 0) return table;
  const next = new Map(table);
  for (const [name, record] of changes) {
    if (record === undefined) next.delete(name);
    else next.set(name, record);
  }
  return next;
}
