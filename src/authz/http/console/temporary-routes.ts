// The console's calls on temporary credentials of everyone: which there are, and ending them before their time.
import { z } from 'zod';
import { endSession } from '../../administration/sessions.ts';
import { isUnreadable } from '../../store/iam-store.ts';
import { type AdminReply, NO_CONTENT } from '../admin-call.ts';
import { type ConsoleCall, type ConsoleRoute, json } from './console-call.ts';

/** Most that one answer tells of; those that end last come first. */
const MAX_LISTED = 5_000;

const End = z.strictObject({ accessKey: z.string().min(1).max(256) });

export const TEMPORARY_ROUTES: readonly ConsoleRoute[] = [
  { method: 'GET', path: 'temporary-credentials', action: 'admin:ListTemporaryAccounts', handle: list },
  { method: 'DELETE', path: 'temporary-credentials', action: 'admin:RemoveServiceAccount', handle: end },
];

function list({ service: { admin, credentials } }: ConsoleCall): AdminReply {
  const nowMs = admin.nowMs();
  const known = credentials();
  // Whom another system vouched for is nobody's child here: the token says whose session it is.
  const bearerOf = (accessKey: string): string => {
    const credential = known.find(accessKey);
    return credential?.type === 'Session' ? (credential.external?.accessKey ?? '') : '';
  };
  const all = [...admin.records.sessions].flatMap(([accessKey, record]) => {
    if (isUnreadable(record)) return [];
    const { parent, expiresAtMs } = record;
    return expiresAtMs !== undefined && expiresAtMs <= nowMs
      ? []
      : [{ accessKey, parent: parent || bearerOf(accessKey), expiresAtMs }];
  });
  all.sort((a, b) => (b.expiresAtMs ?? 0) - (a.expiresAtMs ?? 0));
  return json({ total: all.length, credentials: all.slice(0, MAX_LISTED) });
}

async function end(call: ConsoleCall): Promise<AdminReply> {
  await call.service.admin.run(endSession(call.body(End).accessKey));
  return NO_CONTENT;
}
