// The console's calls about policies: checking a document while it is written, and the playground.
import { z } from 'zod';
import { AskFault } from '../../identity/ask-fault.ts';
import type { AdminReply } from '../admin-call.ts';
import { type ConsoleCall, type ConsoleRoute, json } from './console-call.ts';
import { ConsoleRefusal } from './console-refusal.ts';

/** Beyond what is stored, so that a document which is too large is told so. */
const MAX_TEXT = 64 * 1024;

const Validate = z.strictObject({
  document: z.string().max(MAX_TEXT),
  kind: z.enum(['identity', 'session', 'bucket']).default('identity'),
  bucket: z.string().max(255).default(''),
});

const Imagined = z.strictObject({
  accessKey: z.string().max(256).default(''),
  action: z.string().min(1).max(128),
  bucket: z.string().max(255).default(''),
  key: z.string().max(1_024).default(''),
  context: z.record(z.string().max(128), z.array(z.string().max(2_048)).max(64)).default({}),
});

export const POLICY_DESK_ROUTES: readonly ConsoleRoute[] = [
  { method: 'POST', path: 'policy/validate', action: '', handle: validate },
  // It shows the policies of everyone.
  { method: 'POST', path: 'policy/explain', action: 'admin:*', handle: explain },
];

function validate(call: ConsoleCall): AdminReply {
  const { document, kind, bucket } = call.body(Validate);
  const { policies } = call.service;
  return json({ dialect: policies.settings.dialect, issues: policies.issues(document, kind, bucket) });
}

function explain(call: ConsoleCall): AdminReply {
  const imagined = call.body(Imagined);
  try {
    return json(call.service.policies.explain(imagined));
  } catch (error) {
    if (error instanceof AskFault) throw new ConsoleRefusal('InvalidRequest', error.message, { cause: error });
    throw error;
  }
}
