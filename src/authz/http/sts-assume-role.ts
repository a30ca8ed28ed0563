// AssumeRole: a user gets credentials for a while, with its own rights or fewer.
import { addSession } from '../administration/sessions.ts';
import type { Identified } from '../identity/principal.ts';
import { bodyHash, credentialsOf, type HttpRequest } from './http-request.ts';
import { allowedDuration } from './sts-duration.ts';
import {
  DEFAULT_DURATION_SECONDS,
  readDuration,
  readPolicy,
  readSessionName,
  type StsParameters,
} from './sts-parameters.ts';
import { type StsAnswer, StsRefusal } from './sts-reply.ts';
import type { StsService } from './sts-service.ts';

const ACTION = 'sts:AssumeRole';

/**
 * Who signed the call: a user, not root, and no service account or session. Throws StsRefusal, AuthRefusal.
 * @param parameters undefined when they cannot be read: who cannot be known is told that first
 */
export async function authenticateUser(
  service: StsService,
  request: HttpRequest,
  parameters: StsParameters | undefined,
): Promise<Identified> {
  const claimed = request.headers.get('x-amz-content-sha256');
  if (!request.headers.has('authorization') || (claimed !== undefined && claimed !== bodyHash(request))) {
    throw notEligible();
  }
  const answer = await service.admin.answer({
    credentials: credentialsOf(request),
    accesses: [{ action: ACTION, resource: '', context: {}, resourceAccount: '' }],
    context: request.context,
    service: 'sts',
    derived: new Map([
      ['sts:DurationSeconds', [parameters?.get('DurationSeconds') || String(DEFAULT_DURATION_SECONDS)]],
    ]),
  });
  if (answer.kind === 'refused') throw answer.refusal;
  const { identified, decisions } = answer;
  if (identified.type !== 'Known' || identified.credential.type !== 'User') throw notEligible();
  const outcome = decisions[0]?.outcome;
  if (outcome !== 'Allow' && outcome !== 'ImplicitDeny') throw notEligible();
  return identified;
}

export async function assumeRole(
  service: StsService,
  request: HttpRequest,
  parameters: StsParameters,
  user: Identified,
): Promise<StsAnswer> {
  if (user.type !== 'Known') throw notEligible();
  const { admin } = service;
  const policy = readPolicy(admin, parameters);
  const seconds = await allowedDuration(service, user, ACTION, readDuration(parameters), request);
  if (seconds === undefined) throw notEligible();
  const expiresAtMs = Math.floor(admin.nowMs() / 1000 + seconds) * 1000;
  const session = { parent: user.owner.accessKey, policy, expiresAtMs, name: readSessionName(parameters) };
  let answer: StsAnswer | undefined;
  await admin.run(
    addSession(admin.rules, session, (credentials) => {
      answer = { credentials };
    }),
  );
  if (answer === undefined) throw new Error('the session was stored without being made');
  return answer;
}

export function notEligible(): StsRefusal {
  return new StsRefusal('AccessDenied', 'Generating temporary credentials not allowed for this request.');
}
