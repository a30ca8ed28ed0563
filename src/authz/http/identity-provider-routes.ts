// Admin calls on the systems that vouch for people: how they are configured, and which policies the people and groups of a directory have.
// The configuration comes from the environment, so that it is shown here and changed there.
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { attachPolicies, detachPolicies } from '../administration/policies.ts';
import type { ProviderDescription } from '../identity/provider/provider-description.ts';
import type { AdminCall, AdminReply } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';
import { associate, policyEntitiesReply } from './policy-routes.ts';

const TYPES = ['openid', 'ldap'] as const;
const CHANGES = ['PUT', 'POST', 'DELETE'] as const;

export const IDENTITY_PROVIDER_ROUTES: readonly AdminRoute[] = [
  ...TYPES.flatMap((type): AdminRoute[] => [
    {
      method: 'GET',
      path: `idp-config/${type}`,
      action: 'admin:ConfigUpdate',
      handle: (call) => list(call, type),
    },
    {
      method: 'GET',
      path: `idp-config/${type}/*`,
      action: 'admin:ConfigUpdate',
      handle: (call) => show(call, type),
    },
    ...CHANGES.map(
      (method): AdminRoute => ({ method, path: `idp-config/${type}/*`, action: 'admin:ConfigUpdate', handle: refuse }),
    ),
  ]),
  {
    method: 'POST',
    path: 'idp/ldap/policy/attach',
    action: 'admin:AttachUserOrGroupPolicy',
    handle: (call) => ofDirectory(call, () => associate(call, attachPolicies)),
  },
  {
    method: 'POST',
    path: 'idp/ldap/policy/detach',
    action: 'admin:AttachUserOrGroupPolicy',
    handle: (call) => ofDirectory(call, () => associate(call, detachPolicies)),
  },
  {
    method: 'GET',
    path: 'idp/ldap/policy-entities',
    action: 'admin:ListUserPolicies',
    handle: (call) => ofDirectory(call, async () => policyEntitiesReply(call, 'directory')),
  },
];

async function list(call: AdminCall, type: ProviderDescription['type']): Promise<AdminReply> {
  const found = call.service.identityProviders.filter((provider) => provider.type === type);
  return call.sealedReply(
    found.map(({ name, roleArn }) => ({
      type,
      name,
      enabled: true,
      ...(roleArn === undefined ? {} : { roleARN: roleArn }),
    })),
  );
}

async function show(call: AdminCall, type: ProviderDescription['type']): Promise<AdminReply> {
  const name = call.request.path.split('/').at(-1) ?? '';
  const found = call.service.identityProviders.find((each) => each.type === type && each.name === name);
  if (found === undefined) throw new AdminRefusal('ConfigNotFound', `No such ${type} provider is configured.`);
  const info = found.settings.filter(([, value]) => value !== '');
  return call.sealedReply({
    type,
    ...(name === '_' ? {} : { name }),
    info: info.map(([key, value]) => ({ key, value, isCfg: true, isEnv: true })),
  });
}

async function refuse(): Promise<AdminReply> {
  throw new AdminRefusal(
    'NotImplemented',
    'Identity providers are configured by the MINIO_IDENTITY_* variables of the service.',
  );
}

function ofDirectory(call: AdminCall, work: () => Promise<AdminReply>): Promise<AdminReply> {
  if (!call.service.rules.hasDirectory) throw new AdminRefusal('NotAllowed', 'No directory (LDAP) is configured.');
  return work();
}
