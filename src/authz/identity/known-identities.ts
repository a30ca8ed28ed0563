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

/** Those of the last time. */
export interface FormerCredentials {
  readonly records: IamRecords;
  readonly root: RootUser;
  readonly credentials: ReadonlyMap<string, Credential>;
}

/**
 * Credentials by access key. Where a key is given twice, root's stands before a user's, and a user's before those of others.
 * @param former what was made of a record is taken over while it is the same: tokens are dear to verify
 */
export function readCredentials(
  records: IamRecords,
  root: RootUser,
  problems: SnapshotProblem[],
  former: FormerCredentials | undefined,
): ReadonlyMap<string, Credential> {
  const credentials = new Map<string, Credential>();
  const add = (
    table: 'sessions' | 'serviceAccounts' | 'users',
    what: string,
    make: (accessKey: string, record: IdentityRecord) => Credential | undefined,
    type: Credential['type'],
  ): void => {
    const before = former !== undefined && former.root === root ? former.records[table] : undefined;
    for (const [accessKey, record] of records[table]) {
      if (isUnreadable(record)) {
        problems.push({ subject: `${what} ${accessKey}`, problem: record.unreadable });
        continue;
      }
      const known = before?.get(accessKey) === record ? former?.credentials.get(accessKey) : undefined;
      const credential = known?.type === type ? known : make(accessKey, record);
      if (credential === undefined) continue;
      credentials.set(accessKey, credential);
      if (credential.type === 'ServiceAccount' && credential.limit.kind === 'broken') {
        problems.push({ subject: `service account ${accessKey}`, problem: credential.limit.why });
      }
    }
  };
  const tokenKey = root.tokenKey ?? root.secretKey;
  add('sessions', 'session', (accessKey, record) => sessionOf(accessKey, record, tokenKey), 'Session');
  add('serviceAccounts', 'service account', (key, record) => serviceAccountOf(key, record, tokenKey), 'ServiceAccount');
  add(
    'users',
    'user',
    (accessKey, { secretKey, enabled }) => ({ type: 'User', accessKey, secretKey, enabled }),
    'User',
  );
  credentials.set(root.accessKey, { type: 'Root', accessKey: root.accessKey, secretKey: root.secretKey });
  return credentials;
}

/** Without an expiry or token it is no session. */
function sessionOf(accessKey: string, record: IdentityRecord, tokenKey: string): Credential | undefined {
  const { secretKey, parent, enabled, sessionToken, expiresAtMs } = record;
  if (expiresAtMs === undefined || sessionToken === '') return undefined;
  const terms = sessionTerms({ accessKey, parent, token: sessionToken }, tokenKey);
  return {
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
  };
}

function serviceAccountOf(accessKey: string, record: IdentityRecord, tokenKey: string): Credential {
  const { secretKey, parent, enabled, sessionToken, expiresAtMs } = record;
  const limit = serviceAccountLimit({ accessKey, parent, token: sessionToken }, tokenKey);
  const expiry = expiresAtMs === undefined ? {} : { expiresAtMs };
  return { type: 'ServiceAccount', accessKey, secretKey, enabled, parent, limit, ...expiry };
}
