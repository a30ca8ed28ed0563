// Whether the service is well: the gateway's own probes, and what the admin API tells of the service.
import { ApiError, send, sendJson } from './request.ts';

export interface Health {
  /** The gateway answers. */
  readonly gateway: boolean;
  /** The gateway reaches the sidecar. */
  readonly sidecar: boolean;
}

/** Never throws: no answer is an answer. */
export async function health(): Promise<Health> {
  const [gateway = false, sidecar = false] = await Promise.all(
    ['/minio/health/live', '/minio/health/ready'].map(async (path) => {
      try {
        await send(path);
        return true;
      } catch (error) {
        if (error instanceof ApiError) return false;
        throw error;
      }
    }),
  );
  return { gateway, sidecar };
}

export interface EventTarget {
  readonly type: string;
  readonly name: string;
  readonly isOnline: boolean;
}

export interface ServerInfo {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly region: string;
  readonly deploymentId: string;
  readonly buckets: number;
  readonly objects: number;
  readonly bytes: number;
  readonly eventTargets: readonly EventTarget[];
}

interface InfoAnswer {
  readonly region: string;
  readonly deploymentID: string;
  readonly buckets: { readonly count: number };
  readonly objects: { readonly count: number };
  readonly usage: { readonly size: number };
  readonly services: {
    readonly notifications?: readonly Record<string, readonly Record<string, { status: string }>[]>[];
  };
  readonly servers: readonly { readonly version: string; readonly uptime: number }[];
}

/** What `mc admin info` shows. */
export async function serverInfo(): Promise<ServerInfo> {
  const answer = await sendJson<InfoAnswer>('/minio/console/admin/info', 'GET');
  const eventTargets = (answer.services.notifications ?? []).flatMap((byType) =>
    Object.entries(byType).flatMap(([type, targets]) =>
      targets.flatMap((byName) =>
        Object.entries(byName).map(([name, { status }]) => ({ type, name, isOnline: status === 'online' })),
      ),
    ),
  );
  const [server] = answer.servers;
  return {
    version: server?.version ?? '',
    uptimeSeconds: server?.uptime ?? 0,
    region: answer.region,
    deploymentId: answer.deploymentID,
    buckets: answer.buckets.count,
    objects: answer.objects.count,
    bytes: answer.usage.size,
    eventTargets,
  };
}
