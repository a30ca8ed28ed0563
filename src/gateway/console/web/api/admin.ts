// The admin API as the page uses it; bodies are plain, because the session stands for the secret that seals them elsewhere.
import { send, sendJson } from './request.ts';

const ADMIN = '/minio/console/admin';

function url(call: string, query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(query).toString().replaceAll('+', '%20');
  return `${ADMIN}/${call}${text === '' ? '' : `?${text}`}`;
}

export interface User {
  readonly name: string;
  readonly enabled: boolean;
  readonly policies: readonly string[];
  readonly groups: readonly string[];
}

interface UserInfo {
  readonly policyName?: string;
  readonly status: 'enabled' | 'disabled';
  readonly memberOf?: readonly string[];
}

export async function listUsers(): Promise<User[]> {
  const users = await sendJson<Record<string, UserInfo>>(url('list-users'), 'GET');
  return Object.entries(users).map(([name, { policyName, status, memberOf }]) => ({
    name,
    enabled: status === 'enabled',
    policies: splitNames(policyName),
    groups: memberOf ?? [],
  }));
}

/** Makes a user, or gives one that is there another secret. */
export async function addUser(accessKey: string, secretKey: string, enabled = true): Promise<void> {
  await sendJson(url('add-user', { accessKey }), 'PUT', { secretKey, status: enabled ? 'enabled' : 'disabled' });
}

export async function setUserStatus(accessKey: string, enabled: boolean): Promise<void> {
  await send(url('set-user-status', { accessKey, status: enabled ? 'enabled' : 'disabled' }), { method: 'PUT' });
}

export async function removeUser(accessKey: string): Promise<void> {
  await send(url('remove-user', { accessKey }), { method: 'DELETE' });
}

/** Replaces the policies of a user or group. */
export async function setPolicies(of: { user?: string; group?: string }, policies: readonly string[]): Promise<void> {
  await send(
    url('set-user-or-group-policy', {
      isGroup: String(of.group !== undefined),
      policyName: policies.join(','),
      userOrGroup: of.group ?? of.user ?? '',
    }),
    { method: 'PUT' },
  );
}

export interface Group {
  readonly name: string;
  readonly enabled: boolean;
  readonly members: readonly string[];
  readonly policies: readonly string[];
}

export async function listGroups(): Promise<Group[]> {
  const names = (await sendJson<string[] | null>(url('groups'), 'GET')) ?? [];
  return Promise.all(names.map(getGroup));
}

async function getGroup(group: string): Promise<Group> {
  const info = await sendJson<{ name: string; status: string; members: string[] | null; policy?: string }>(
    url('group', { group }),
    'GET',
  );
  return {
    name: info.name,
    enabled: info.status === 'enabled',
    members: info.members ?? [],
    policies: splitNames(info.policy),
  };
}

/** `members` empty with `isRemove`: removes the group itself. */
export async function changeMembers(group: string, members: readonly string[], isRemove: boolean): Promise<void> {
  await sendJson(url('update-group-members'), 'PUT', { group, members, isRemove });
}

export async function setGroupStatus(group: string, enabled: boolean): Promise<void> {
  await send(url('set-group-status', { group, status: enabled ? 'enabled' : 'disabled' }), { method: 'PUT' });
}

export interface NamedPolicy {
  readonly name: string;
  readonly document: string;
}

export async function listPolicies(): Promise<NamedPolicy[]> {
  const policies = await sendJson<Record<string, unknown>>(url('list-canned-policies'), 'GET');
  return Object.entries(policies)
    .map(([name, policy]) => ({ name, document: JSON.stringify(policy, undefined, 2) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

export async function putPolicy(name: string, document: string): Promise<void> {
  await send(url('add-canned-policy', { name }), { method: 'PUT', body: document });
}

export async function removePolicy(name: string): Promise<void> {
  await send(url('remove-canned-policy', { name }), { method: 'DELETE' });
}

export interface ServiceAccount {
  readonly accessKey: string;
  readonly parent: string;
  readonly enabled: boolean;
  /** Its own document; undefined = it inherits. */
  readonly document: string | undefined;
}

export async function listServiceAccounts(user: string): Promise<ServiceAccount[]> {
  const answer = await sendJson<{ accounts: (string | { accessKey: string })[] | null }>(
    url('list-service-accounts', { user }),
    'GET',
  );
  const keys = (answer.accounts ?? []).map((account) => (typeof account === 'string' ? account : account.accessKey));
  return Promise.all(keys.map(serviceAccount));
}

async function serviceAccount(accessKey: string): Promise<ServiceAccount> {
  const info = await sendJson<{ parentUser: string; accountStatus: string; impliedPolicy: boolean; policy?: string }>(
    url('info-service-account', { accessKey }),
    'GET',
  );
  return {
    accessKey,
    parent: info.parentUser,
    enabled: info.accountStatus === 'on',
    document: info.impliedPolicy ? undefined : info.policy,
  };
}

export interface NewKeys {
  readonly accessKey: string;
  readonly secretKey: string;
}

export async function addServiceAccount(targetUser: string, policy: string | undefined): Promise<NewKeys> {
  const answer = await sendJson<{ credentials: NewKeys }>(url('add-service-account'), 'PUT', {
    targetUser,
    ...(policy === undefined ? {} : { policy: JSON.parse(policy) as unknown }),
  });
  return answer.credentials;
}

export async function setServiceAccountStatus(accessKey: string, enabled: boolean): Promise<void> {
  await sendJson(url('update-service-account', { accessKey }), 'POST', { newStatus: enabled ? 'on' : 'off' });
}

export async function removeServiceAccount(accessKey: string): Promise<void> {
  await send(url('delete-service-account', { accessKey }), { method: 'DELETE' });
}

// ---- server configuration

export interface ConfigHelp {
  readonly key: string;
  readonly description: string;
  readonly optional?: boolean;
  readonly type?: string;
}

export async function configHelp(subSystem: string): Promise<ConfigHelp[]> {
  const answer = await sendJson<{ keysHelp: ConfigHelp[] | null }>(
    url('help-config-kv', { subSys: subSystem, key: '' }),
    'GET',
  );
  return answer.keysHelp ?? [];
}

/** Lines `subsystem[:target] key=value …`. */
export async function getConfig(subSystem: string): Promise<string> {
  return (await send(url('get-config-kv', { key: subSystem }))).text();
}

/** True when it needs a restart to act. */
export async function setConfig(line: string): Promise<boolean> {
  const response = await send(url('set-config-kv'), { method: 'PUT', body: line });
  return response.headers.get('x-minio-config-applied') !== 'true';
}

export async function resetConfig(target: string): Promise<void> {
  await send(url('del-config-kv'), { method: 'DELETE', body: target });
}

function splitNames(names: string | undefined): string[] {
  return (names ?? '').split(',').filter((name) => name !== '');
}
