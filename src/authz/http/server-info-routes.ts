// What `mc admin info` shows: this service, and the volume behind its store if there is one.
import { type IamRecords, isUnreadable } from '../store/iam-store.ts';
import { jsonReply } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';

export const SERVER_INFO_ROUTES: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: 'info',
    action: 'admin:ServerInfo',
    async handle(call) {
      const { service, request } = call;
      const endpoint = request.headers.get('host') ?? '';
      const usage = await service.usage();
      return jsonReply({
        mode: 'online',
        region: regionOf(service.records),
        deploymentID: usage?.id ?? '',
        buckets: { count: [...service.records.buckets.keys()].filter((name) => !name.startsWith('.')).length },
        objects: { count: usage?.files ?? 0 },
        usage: { size: usage?.bytes ?? 0 },
        services: { vault: {}, kms: {}, ldap: {}, notifications: service.eventTargets.summary() },
        backend: { backendType: 'FS' },
        servers: [
          {
            state: 'online',
            endpoint,
            uptime: Math.floor((service.nowMs() - service.startedMs) / 1000),
            version: service.version,
            commitID: '',
            network: { [endpoint]: 'online' },
            drives: [],
          },
        ],
      });
    },
  },
];

/** The region that the service's configuration names; '' when it names none. */
function regionOf({ server }: IamRecords): string {
  const config = server.get('config');
  if (config === undefined || isUnreadable(config)) return '';
  let json: unknown;
  try {
    json = JSON.parse(config.text);
  } catch (error) {
    if (error instanceof SyntaxError) return '';
    throw error;
  }
  const settings = member(member(json, 'region'), '_');
  if (!Array.isArray(settings)) return '';
  const name = settings.find((setting) => member(setting, 'key') === 'name');
  const value = member(name, 'value');
  return typeof value === 'string' ? value : '';
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}
