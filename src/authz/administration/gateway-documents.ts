// What of the service's own documents gateways are told: the least that they need to work.
import type { IamRecords } from '../store/iam-store.ts';

/**
 * The documents of the service that gateways get over WatchConfiguration, by name. The service's configuration holds secrets of many
 * kinds; of those, a gateway gets none but what it needs to reach the targets of bucket notifications.
 */
export function gatewayDocuments(_server: IamRecords['server']): Readonly<Record<string, string>> {
  return {};
}
