// What the admin API tells of a service account or session. Never a secret.

import { serviceAccountLimit, sessionTerms } from '../identity/session-token.ts';
import { type IdentityRecord, isUnreadable } from '../store/iam-store.ts';
import type { AdminService } from './admin-service.ts';
import { combinedPolicy, readDocument } from './policy-documents.ts';

export type ChildKind = 'ServiceAccount' | 'Session';

export interface AccessKeyInfo {
  readonly parentUser: string;
  readonly accountStatus: 'on' | 'off';
  /** It has its parent's policies and none of its own. */
  readonly impliedPolicy: boolean;
  readonly accessKey: string;
  readonly name?: string;
  readonly description?: string;
  readonly expiration?: string;
}

/** A row of a list. */
export function listedKey(
  service: AdminService,
  kind: ChildKind,
  accessKey: string,
  record: IdentityRecord,
): AccessKeyInfo {
  return {
    parentUser: record.parent,
    accountStatus: record.enabled ? 'on' : 'off',
    impliedPolicy: ownPolicy(service, kind, accessKey, record) === undefined,
    accessKey,
    ...(record.name === undefined ? {} : { name: record.name }),
    ...(record.description === undefined ? {} : { description: record.description }),
    ...(record.expiresAtMs === undefined ? {} : { expiration: new Date(record.expiresAtMs).toISOString() }),
  };
}

/** All of it, with the policy that limits it: its own, or its parent's. */
export function accessKeyInfo(service: AdminService, kind: ChildKind, accessKey: string, record: IdentityRecord) {
  const own = ownPolicy(service, kind, accessKey, record);
  const parent = service.records.users.get(record.parent);
  const { accessKey: _, ...listed } = listedKey(service, kind, accessKey, record);
  return {
    ...listed,
    parentUserStatus: parent !== undefined && !isUnreadable(parent) && parent.enabled ? 'enabled' : 'disabled',
    policy: JSON.stringify(own === undefined ? combinedPolicy(service, record.parent) : (readDocument(own) ?? {})),
  };
}

function ownPolicy(
  service: AdminService,
  kind: ChildKind,
  accessKey: string,
  record: IdentityRecord,
): string | undefined {
  const token = { accessKey, parent: record.parent, token: record.sessionToken };
  const { rootSecretKey } = service.rules;
  const limit =
    kind === 'Session' ? sessionTerms(token, rootSecretKey).limit : serviceAccountLimit(token, rootSecretKey);
  return limit.kind === 'policy' ? limit.document : undefined;
}
