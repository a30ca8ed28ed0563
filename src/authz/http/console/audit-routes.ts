// The console's calls about decisions that were made. For administrators: they tell who did what.
import type { AdminReply } from '../admin-call.ts';
import { queryValue } from '../http-request.ts';
import { type ConsoleCall, type ConsoleRoute, json } from './console-call.ts';
import { ConsoleRefusal } from './console-refusal.ts';

export const AUDIT_ROUTES: readonly ConsoleRoute[] = [
  { method: 'GET', path: 'audit', action: 'admin:*', handle: audit },
];

/** `?request=ID`: the decisions of one request; `?after=N`: those after a sequence number. */
function audit({ service, request }: ConsoleCall): AdminReply {
  const requestId = queryValue(request, 'request');
  if (requestId !== '') {
    const lines = service.decisions.ofRequest(requestId);
    if (lines.length === 0) throw new ConsoleRefusal('NoSuchRequest');
    return json({ lines });
  }
  const after = Number(queryValue(request, 'after') || '0');
  if (!Number.isSafeInteger(after) || after < 0) {
    throw new ConsoleRefusal('InvalidRequest', 'after must be a sequence number.');
  }
  return json(service.decisions.after(after));
}
