// The console's calls about decisions that were made. For administrators: they tell who did what.
import type { AdminReply } from '../admin-call.ts';
import { queryValue } from '../http-request.ts';
import { type ConsoleCall, type ConsoleRoute, json } from './console-call.ts';
import { ConsoleRefusal } from './console-refusal.ts';

export const AUDIT_ROUTES: readonly ConsoleRoute[] = [
  { method: 'GET', path: 'audit', action: 'admin:*', asksOnly: true, handle: audit },
];

/** `?request=ID`: the decisions of one request, each with how it came about; `?after=N`: those after a sequence number, `&questions=true`: also those nobody acted on. */
function audit({ service, request }: ConsoleCall): AdminReply {
  const requestId = queryValue(request, 'request');
  if (requestId !== '') {
    const explained = service.decisions.explain(requestId);
    if (explained.length === 0) throw new ConsoleRefusal('NoSuchRequest');
    return json({ lines: explained.map(({ line, explanation }) => ({ ...line, explanation })) });
  }
  const after = Number(queryValue(request, 'after') || '0');
  if (!Number.isSafeInteger(after) || after < 0) {
    throw new ConsoleRefusal('InvalidRequest', 'after must be a sequence number.');
  }
  return json(service.decisions.after(after, { questions: queryValue(request, 'questions') === 'true' }));
}
