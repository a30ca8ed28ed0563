// Who there is, out of stored records: every credential by its access key, and the enabled groups of every user.
import {
  type GroupRecord,
  type IamRecords,
  type IdentityRecord,
  isUnreadable,
  type Unreadable,
} from '../store/iam-store.ts';
import type { Credential } from './credential.ts';
import { serviceAccountLimit, sessionTerms } from './session-token.ts';

/** The root user of this service. */
export interface RootUser {
  readonly accessKey: string;
  readonly secretKey: string;
  /** What tokens are signed with; its secret key when absent. */
  readonly tokenKey?: string;
}

/** What an operator should look at: a record that refuses somebody, or that is passed over. */
export interface SnapshotProblem {
  readonly subject: string; // 'policy backup', 'user alice', …
  readonly problem: string;
}

/** Names of the enabled groups, by member. */
export function groupsByMember(
  groups: ReadonlyMap<string, GroupRecord | Unreadable>,
  problems: SnapshotProblem[],
): ReadonlyMap<string, readonly string[]> {
  const byMember = new Map<string, string[]>();
  for (const [name, group] of groups) {
    if (isUnreadable(group)) {
      problems.push({
        subject: `group ${name}`,
        problem: `${group.unreadable}; it has no members until it can be read`,
      });
    } else if (group.enabled) {
      for (const member of group.members) byMember.set(member, [...(byMember.get(member) ?? []), name]);
    }
  }
  return byMember;
}

/** Credentials by access key. Where a key is given twice, root's stands before a user's, and a user's before those of others. */
export function readCredentials(
  records: IamRecords,
  root: RootUser,
  problems: SnapshotProblem[],
): ReadonlyMap<string, Credential> {
  const credentials = new Map<string, Credential>();
  const readable = function* (
    what: string,
    table: ReadonlyMap<string, IdentityRecord | Unreadable>,
  ): Iterable<[string, IdentityRecord]> {
    for (const [accessKey, record] of table) {
      if (isUnreadable(record)) problems.push({ subject: `${what} ${accessKey}`, problem: record.unreadable });
      else yield [accessKey, record];
    }
  };
  for (const [accessKey, { secretKey, parent, enabled, sessionToken, expiresAtMs }] of readable(
    'session',
    records.sessions,
  )) {
    // Without an expiry or token it is no session.
    if (expiresAtMs === undefined || sessionToken === '') continue;
    const terms = sessionTerms({ accessKey, parent, token: sessionToken }, root.tokenKey ?? root.secretKey);
    credentials.set(accessKey, {
      type: 'Session',
      accessKey,
      secretKey,
      enabled,
      parent: terms.external?.accessKey ?? parent,
      sessionToken,
      expiresAtMs,
      limit: terms.limit,
      sessionName: terms.sessionName,
      ...(terms.external === undefined ? {} : { external: terms.external }),
    });
  }
  for (const [accessKey, { secretKey, parent, enabled, sessionToken, expiresAtMs }] of readable(
    'service account',
    records.serviceAccounts,
  )) {
    const limit = serviceAccountLimit({ accessKey, parent, token: sessionToken }, root.tokenKey ?? root.secretKey);
    if (limit.kind === 'broken') problems.push({ subject: `service account ${accessKey}`, problem: limit.why });
    const expiry = expiresAtMs === undefined ? {} : { expiresAtMs };
    credentials.set(accessKey, { type: 'ServiceAccount', accessKey, secretKey, enabled, parent, limit, ...expiry });
  }
  for (const [accessKey, { secretKey, enabled }] of readable('user', records.users)) {
    credentials.set(accessKey, { type: 'User', accessKey, secretKey, enabled });
  }
  credentials.set(root.accessKey, { type: 'Root', accessKey: root.accessKey, secretKey: root.secretKey });
  return credentials;
}
