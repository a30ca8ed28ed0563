// Sessions: credentials for a while, with the rights of the user who asked, or fewer.
import { type IamRecords, type IdentityRecord, isUnreadable } from '../store/iam-store.ts';
import type { RecordChanges } from '../store/record-changes.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { type Command, childrenOf, groupsListing, policiesOf, type Rules } from './command.ts';
import { newAccessKey, newSecretKey, signToken } from './key-maker.ts';

export interface NewSession {
  readonly parent: string;
  /** Its inline policy, checked before; undefined gives it all rights of its parent. */
  readonly policy: string | undefined;
  readonly expiresAtMs: number;
  /** What its owner calls it; '' = nothing. */
  readonly name?: string;
}

export interface SessionCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
  readonly expiresAtMs: number;
}

/** Makes a session of a user. `report` gets the credentials, which are valid once the change is made. */
export function addSession(
  rules: Rules,
  session: NewSession,
  report: (credentials: SessionCredentials) => void,
): Command {
  const { parent } = session;
  const accessKey = newAccessKey();
  return {
    touched: { users: [parent] },
    decide(records) {
      if (!records.users.has(parent)) throw new AdminRefusal('NoSuchUser');
      const groups = groupsListing(records, parent).filter((name) => {
        const group = records.groups.get(name);
        return group !== undefined && 'enabled' in group && group.enabled;
      });
      const policies = [
        ...new Set([
          ...policiesOf(records.userPolicies.get(parent)),
          ...groups.flatMap((group) => policiesOf(records.groupPolicies.get(group))),
        ]),
      ];
      return storedSession(rules, accessKey, session, policies, {}, report);
    },
  };
}

/** A session of somebody who is no user here: its token alone says whose it is, and `parent` is ''. */
export interface NewExternalSession extends NewSession {
  /** Names of the policies that it has now. */
  readonly policies: readonly string[];
  /** What its token says of whose it is. */
  readonly claims: Readonly<Record<string, string | readonly string[]>>;
}

/** Makes a session of somebody whom another system vouched for. `report` as above. */
export function addExternalSession(
  rules: Rules,
  session: NewExternalSession,
  report: (credentials: SessionCredentials) => void,
): Command {
  const accessKey = newAccessKey();
  return {
    touched: {},
    decide: () => storedSession(rules, accessKey, session, session.policies, session.claims, report),
  };
}

function storedSession(
  rules: Rules,
  accessKey: string,
  { parent, policy, expiresAtMs, name = '' }: NewSession,
  policies: readonly string[],
  claims: NewExternalSession['claims'],
  report: (credentials: SessionCredentials) => void,
): RecordChanges {
  const secretKey = newSecretKey();
  const sessionToken = signToken(
    {
      ...claims,
      accessKey,
      // A moment, which every reader of such tokens takes it for; the Go gateway writes a duration and reads either.
      exp: Math.floor(expiresAtMs / 1000),
      policy: policies.join(','),
      ...(policy === undefined ? {} : { sessionPolicy: Buffer.from(policy).toString('base64') }),
      ...(name === '' ? {} : { roleSessionName: name }),
    },
    rules.rootSecretKey,
  );
  const record: IdentityRecord = { secretKey, enabled: true, expiresAtMs, sessionToken, parent };
  report({ accessKey, secretKey, sessionToken, expiresAtMs });
  return {
    sessions: new Map([[accessKey, record]]),
    sessionPolicies: new Map([[accessKey, policies.length > 0 ? policies : undefined]]),
  };
}

/** Most sessions that are removed at once. */
export const MAX_EXPIRED_AT_ONCE = 64;

/** Removes sessions whose time is over. Undefined when there are none. */
export function expireSessions(current: IamRecords, nowMs: number): Command | undefined {
  const isOver = (records: IamRecords, accessKey: string): boolean => {
    const session = records.sessions.get(accessKey);
    return (
      session !== undefined &&
      !isUnreadable(session) &&
      session.expiresAtMs !== undefined &&
      session.expiresAtMs <= nowMs
    );
  };
  const expired: string[] = [];
  for (const accessKey of current.sessions.keys()) {
    if (expired.length === MAX_EXPIRED_AT_ONCE) break;
    if (isOver(current, accessKey)) expired.push(accessKey);
  }
  if (expired.length === 0) return undefined;
  return {
    touched: { sessions: expired },
    decide(records) {
      const removed = new Map(expired.filter((key) => isOver(records, key)).map((key) => [key, undefined]));
      return { sessions: removed, sessionPolicies: removed };
    },
  };
}

/** Ends all sessions of a user before their time. Their credentials are unknown from then on. */
export function endSessionsOf(current: IamRecords, parent: string): Command {
  const keys = childrenOf(current, 'sessions', parent);
  return {
    touched: { sessions: keys },
    decide(records) {
      const removed = new Map(keys.filter((key) => records.sessions.has(key)).map((key) => [key, undefined]));
      return { sessions: removed, sessionPolicies: removed };
    },
  };
}

/** Ends a session before its time. Its credentials are unknown from then on; fine if it is over already. */
export function endSession(accessKey: string): Command {
  return {
    touched: { sessions: [accessKey] },
    decide(records) {
      if (!records.sessions.has(accessKey)) return {};
      const removed = new Map([[accessKey, undefined]]);
      return { sessions: removed, sessionPolicies: removed };
    },
  };
}
