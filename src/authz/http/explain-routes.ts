// The admin call that tells why a request was decided as it was: `portcullis explain REQUEST-ID`. For administrators: it shows policies.
import { AdminRefusal } from '../administration/admin-refusal.ts';
import { jsonReply } from './admin-call.ts';
import type { AdminRoute } from './admin-route.ts';

export const EXPLAIN_ROUTES: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: 'explain-request',
    action: 'admin:*',
    async handle(call) {
      const decisions = call.service.explainRequest(call.query('request'));
      if (decisions.length === 0) throw new AdminRefusal('NoSuchRequest');
      return jsonReply({ decisions });
    },
  },
];
