// Service accounts: further keys of a user, with its rights or fewer.

import { MAX_SERVICE_ACCOUNT_POLICY_BYTES } from '../policy/index.ts';
import type { IamRecords, IdentityRecord } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { type Command, type Rules, required } from './command.ts';
import { newAccessKey, newSecretKey, signToken } from './key-maker.ts';
import { checkSecretKey, checkServiceAccessKey } from './names.ts';
import { storedPolicyText } from './policies.ts';

export interface NewServiceAccount {
  readonly parent: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Its inline policy; undefined gives it all rights of its parent. */
  readonly policy: string | undefined;
  readonly name: string;
  readonly description: string;
  readonly expiresAtMs: number | undefined;
}

/** Fills in what the caller left open: a random key, a random secret. */
export function withNewKeys(
  given: Omit<NewServiceAccount, 'accessKey' | 'secretKey'> & {
    readonly accessKey: string;
    readonly secretKey: string;
  },
): NewServiceAccount {
  return { ...given, accessKey: given.accessKey || newAccessKey(), secretKey: given.secretKey || newSecretKey() };
}

/** Adds a service account. */
export function addServiceAccount(rules: Rules, account: NewServiceAccount, nowMs: number): Command {
  const { parent, accessKey, secretKey, policy } = account;
  if (parent === rules.rootAccessKey) throw new AdminRefusal('RootNotEligible');
  checkServiceAccessKey(accessKey);
  checkSecretKey(secretKey);
  if (policy !== undefined) checkInlinePolicy(rules, policy);
  if (account.expiresAtMs !== undefined && account.expiresAtMs <= nowMs) {
    throw new AdminRefusal('InvalidArgument', 'The expiration lies in the past.');
  }
  return {
    touched: { users: [parent, accessKey], serviceAccounts: [parent, accessKey], sessions: [parent, accessKey] },
    decide(records) {
      if (!records.users.has(parent)) {
        const other = records.serviceAccounts.has(parent) || records.sessions.has(parent);
        throw new AdminRefusal(other ? 'NotAllowed' : 'NoSuchUser');
      }
      if (accessKey === rules.rootAccessKey || isTaken(records, accessKey)) throw new AdminRefusal('AccessKeyTaken');
      const record: IdentityRecord = {
        secretKey,
        enabled: true,
        expiresAtMs: account.expiresAtMs,
        sessionToken: serviceToken(rules, accessKey, parent, policy),
        parent,
        ...labels(account.name, account.description),
      };
      return { serviceAccounts: new Map([[accessKey, record]]) };
    },
  };
}

/** What of a service account is changed; undefined leaves it. */
export interface ServiceAccountChange {
  readonly secretKey: string | undefined;
  readonly enabled: boolean | undefined;
  readonly policy: string | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly expiresAtMs: number | undefined;
}

export function updateServiceAccount(rules: Rules, accessKey: string, change: ServiceAccountChange): Command {
  if (change.secretKey !== undefined) checkSecretKey(change.secretKey);
  if (change.policy !== undefined) checkInlinePolicy(rules, change.policy);
  return {
    touched: { serviceAccounts: [accessKey] },
    decide(records) {
      const before = required(records.serviceAccounts.get(accessKey), new AdminRefusal('NoSuchServiceAccount'));
      const record: IdentityRecord = {
        ...before,
        secretKey: change.secretKey ?? before.secretKey,
        enabled: change.enabled ?? before.enabled,
        expiresAtMs: change.expiresAtMs ?? before.expiresAtMs,
        sessionToken:
          change.policy === undefined
            ? before.sessionToken
            : serviceToken(rules, accessKey, before.parent, change.policy),
        ...labels(change.name ?? before.name ?? '', change.description ?? before.description ?? ''),
      };
      return { serviceAccounts: new Map([[accessKey, record]]) };
    },
  };
}

export function removeServiceAccount(accessKey: string): Command {
  return {
    touched: { serviceAccounts: [accessKey] },
    decide(records) {
      if (!records.serviceAccounts.has(accessKey)) throw new AdminRefusal('NoSuchServiceAccount');
      return { serviceAccounts: new Map([[accessKey, undefined]]) };
    },
  };
}

function isTaken(records: IamRecords, accessKey: string): boolean {
  return records.users.has(accessKey) || records.serviceAccounts.has(accessKey) || records.sessions.has(accessKey);
}

function checkInlinePolicy(rules: Rules, policy: string): void {
  if (Buffer.byteLength(policy) > MAX_SERVICE_ACCOUNT_POLICY_BYTES) {
    throw new AdminRefusal(
      'MalformedPolicy',
      `An inline policy has at most ${MAX_SERVICE_ACCOUNT_POLICY_BYTES} bytes.`,
    );
  }
  const problem = rules.policyProblem(policy, 'session');
  if (problem !== undefined) throw new AdminRefusal('MalformedPolicy', problem);
}

function serviceToken(rules: Rules, accessKey: string, parent: string, policy: string | undefined): string {
  return signServiceToken(rules.rootSecretKey, accessKey, parent, policy);
}

/** The token of a service account: what it says of its policy counts. */
export function signServiceToken(
  tokenKey: string,
  accessKey: string,
  parent: string,
  policy: string | undefined,
): string {
  const claims =
    policy === undefined
      ? ({ 'sa-policy': 'inherited-policy' } as const)
      : ({
          'sa-policy': 'embedded-policy',
          sessionPolicy: Buffer.from(storedPolicyText(policy)).toString('base64'),
        } as const);
  return signToken({ accessKey, parent, ...claims }, tokenKey);
}

function labels(name: string, description: string): { name?: string; description?: string } {
  return { ...(name === '' ? {} : { name }), ...(description === '' ? {} : { description }) };
}
