// Signing in and out at the console, and what whoever is signed in may do.
import { z } from 'zod';
import { endSession } from '../../administration/sessions.ts';
import { AuthRefusal } from '../../identity/auth-refusal.ts';
import { CONSOLE_SESSION_MS } from '../../identity/console-session.ts';
import { type Identified, identify, principalArn } from '../../identity/principal.ts';
import { constantTimeEqual, sha256Hex } from '../../identity/signing-key.ts';
import type { AdminReply } from '../admin-call.ts';
import { bearerToken } from '../http-request.ts';
import { access, type ConsoleCall, type ConsoleRoute, json, type KnownIdentity } from './console-call.ts';
import { SESSION_COOKIE, setCookie } from './console-cookies.ts';
import { ConsoleRefusal } from './console-refusal.ts';

/** Questions of one call of `authorize`. */
const MAX_QUESTIONS = 500;

const SignIn = z.strictObject({
  accessKey: z.string().min(1).max(256),
  secretKey: z.string().min(1).max(256),
  sessionToken: z.string().min(1).max(16_384).optional(),
});

const Questions = z.strictObject({
  accesses: z
    .array(
      z.strictObject({
        action: z.string().max(128),
        bucket: z.string().max(255).default(''),
        key: z.string().max(1_024).default(''),
        context: z.record(z.string().max(128), z.array(z.string().max(2_048)).max(64)).default({}),
      }),
    )
    .min(1)
    .max(MAX_QUESTIONS),
});

export const SESSION_ROUTES: readonly ConsoleRoute[] = [
  { method: 'POST', path: 'session', action: undefined, handle: signIn },
  { method: 'GET', path: 'session', action: '', handle: (call) => json(whoIs(call.identity, call.service.account)) },
  { method: 'DELETE', path: 'session', action: undefined, handle: signOut },
  { method: 'POST', path: 'authorize', action: '', handle: authorize },
];

async function signIn(call: ConsoleCall): Promise<AdminReply> {
  const { service, request } = call;
  const nowMs = service.admin.nowMs();
  const address = request.context.sourceAddress;
  if (!service.throttle.mayTry(address, nowMs)) throw new ConsoleRefusal('TooManyAttempts');
  const keys = call.body(SignIn);
  let identified: Identified;
  try {
    identified = verifyKeys(call, keys, nowMs);
  } catch (error) {
    // Whether the key is unknown, disabled or its secret wrong is nothing that a guesser learns.
    if (!(error instanceof AuthRefusal)) throw error;
    service.throttle.failed(address, nowMs);
    throw error.code === 'ExpiredToken' ? error : new ConsoleRefusal('SignInRefused', undefined, { cause: error });
  }
  if (identified.type !== 'Known') throw new ConsoleRefusal('SignInRefused');
  await endPresentSession(call);
  const token = await service.sessions.open(identified.credential, false, nowMs);
  return json(whoIs(identified, call.service.account), {
    'set-cookie': setCookie(SESSION_COOKIE, token, CONSOLE_SESSION_MS, request.context.secureTransport),
  });
}

function verifyKeys(call: ConsoleCall, keys: z.infer<typeof SignIn>, nowMs: number): Identified {
  const source = call.service.credentials();
  const credential = source.find(keys.accessKey);
  const isRight = constantTimeEqual(sha256Hex(keys.secretKey), sha256Hex(credential?.secretKey ?? ''));
  if (credential === undefined || !isRight) throw new AuthRefusal('InvalidAccessKeyId');
  return identify(credential, { presented: keys.sessionToken }, source, nowMs);
}

async function signOut(call: ConsoleCall): Promise<AdminReply> {
  await endPresentSession(call);
  const { secureTransport } = call.request.context;
  return { status: 204, headers: { 'set-cookie': setCookie(SESSION_COOKIE, '', 0, secureTransport) } };
}

/** Ends the session that this browser has, and the temporary credentials that were made for it alone. */
export async function endPresentSession({ service, request, logger }: ConsoleCall): Promise<void> {
  const token = bearerToken(request);
  if (token === undefined) return;
  const ended = await service.sessions.close(token);
  if (ended?.isOwner !== true) return;
  // Nobody else ever had them: when they cannot be removed now, they are removed when their time is over.
  await service.admin
    .run(endSession(ended.accessKey))
    .catch((error: unknown) => logger.warn({ err: error }, 'the credentials of a session that ended are left behind'));
}

/** Whose session it is, as the page shows it. */
export function whoIs(identity: Identified | KnownIdentity, account: string): object {
  if (identity.type !== 'Known') return { type: 'Anonymous' };
  const { credential, owner } = identity;
  return {
    type: credential.type,
    accessKey: credential.accessKey,
    user: owner.accessKey,
    name: nameOf(owner),
    arn: principalArn(identity, account),
    account,
    ...('expiresAtMs' in credential ? { expiresAtMs: credential.expiresAtMs } : {}),
  };
}

/** What people call somebody: an identity provider knows a name, everybody else goes by the access key. */
function nameOf(owner: KnownIdentity['owner']): string {
  const told = owner.type === 'External' ? owner.keys : new Map<string, readonly string[]>();
  return told.get('jwt:preferred_username')?.[0] ?? told.get('jwt:email')?.[0] ?? owner.accessKey;
}

async function authorize(call: ConsoleCall): Promise<AdminReply> {
  const { accesses } = call.body(Questions);
  const decisions = await call.decide(
    accesses.map(({ action, bucket, key, context }) =>
      access(action, key === '' ? bucket : `${bucket}/${key}`, context),
    ),
  );
  return json({ decisions: decisions.map(({ outcome, reason }) => ({ outcome, reason })) });
}
