// What of the service's own documents gateways are told: the least that they need to work.
import { type IamRecords, isUnreadable } from '../store/iam-store.ts';
import { AdminRefusal } from './admin-refusal.ts';
import { SUBSYSTEMS } from './config-subsystems.ts';
import { ServerConfig } from './server-config.ts';
import { CONFIG_DOCUMENT } from './server-documents.ts';

const NOTIFY_PREFIX = 'notify_';

/**
 * The documents of the service that gateways get over WatchConfiguration, by name. The service's configuration holds secrets of many
 * kinds; of those, a gateway gets none but what it needs to reach the targets of bucket notifications.
 *
 * `region`: the region's name. `notify`: JSON, sub-system → target → key → value. Nothing of a configuration that cannot be read.
 */
export function gatewayDocuments(server: IamRecords['server']): Readonly<Record<string, string>> {
  const document = server.get(CONFIG_DOCUMENT);
  if (document === undefined || isUnreadable(document)) return {};
  let config: ServerConfig;
  try {
    config = ServerConfig.parse(document.text);
  } catch (error) {
    if (error instanceof AdminRefusal) return {};
    throw error;
  }
  const notify = SUBSYSTEMS.filter(({ name }) => name.startsWith(NOTIFY_PREFIX)).map(
    ({ name }) =>
      [
        name,
        Object.fromEntries(config.targets(name).map(({ target, values }) => [target, Object.fromEntries(values)])),
      ] as const,
  );
  return {
    region: config.targets('region')[0]?.values.get('name') ?? '',
    notify: JSON.stringify(Object.fromEntries(notify)),
  };
}
