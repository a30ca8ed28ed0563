// The console's calls about policies: checking a document while it is written, and the playground.
import { z } from 'zod';
import { AskFault } from '../../identity/ask-fault.ts';
import { vocabularyOf } from '../../policy/index.ts';
import type { AdminReply } from '../admin-call.ts';
import { queryValue } from '../http-request.ts';
import { type ConsoleCall, type ConsoleRoute, json } from './console-call.ts';
import { ConsoleRefusal } from './console-refusal.ts';

/** Beyond what is stored, so that a document which is too large is told so. */
const MAX_TEXT = 64 * 1024;

const Validate = z.strictObject({
  document: z.string().max(MAX_TEXT),
  kind: z.enum(['identity', 'session', 'bucket']).default('identity'),
  bucket: z.string().max(255).default(''),
});

const Change = z.strictObject({
  before: z.string().max(MAX_TEXT),
  after: z.string().max(MAX_TEXT),
  kind: z.enum(['identity', 'session', 'bucket']).default('identity'),
  bucket: z.string().max(255).default(''),
});

const Replay = z.union([
  z.strictObject({ name: z.string().min(1).max(256), document: z.string().max(MAX_TEXT) }),
  z.strictObject({ bucket: z.string().min(1).max(255), document: z.string().max(MAX_TEXT) }),
]);

const Imagined = z.strictObject({
  accessKey: z.string().max(256).default(''),
  action: z.string().min(1).max(128),
  bucket: z.string().max(255).default(''),
  key: z.string().max(1_024).default(''),
  context: z.record(z.string().max(128), z.array(z.string().max(2_048)).max(64)).default({}),
});

export const POLICY_DESK_ROUTES: readonly ConsoleRoute[] = [
  { method: 'POST', path: 'policy/validate', action: '', handle: validate },
  { method: 'POST', path: 'policy/diff', action: '', handle: diff },
  { method: 'GET', path: 'policy/vocabulary', action: '', handle: vocabulary },
  // It shows the policies of everyone, and what they did.
  { method: 'POST', path: 'policy/replay', action: 'admin:*', handle: replay },
  { method: 'POST', path: 'policy/explain', action: 'admin:*', handle: explain },
];

function validate(call: ConsoleCall): AdminReply {
  const { document, kind, bucket } = call.body(Validate);
  const { policies } = call.service;
  return json({ dialect: policies.settings.dialect, issues: policies.issues(document, kind, bucket) });
}

function diff(call: ConsoleCall): AdminReply {
  const { before, after, kind, bucket } = call.body(Change);
  return json(call.service.policies.compare(before, after, kind, bucket));
}

function vocabulary({ service, request }: ConsoleCall): AdminReply {
  const kind = queryValue(request, 'kind') === 'bucket' ? 'bucket' : 'identity';
  return json(vocabularyOf(service.policies.settings.dialect, kind));
}

function replay(call: ConsoleCall): AdminReply {
  const { document, ...of } = call.body(Replay);
  return json({ requests: call.service.policies.replay(of, document, call.service.decisions) });
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
