// Signing in and out at the console, and what whoever is signed in may do.
import { z } from 'zod';
import { AuthRefusal } from '../../identity/auth-refusal.ts';
import { CONSOLE_SESSION_MS } from '../../identity/console-sessions.ts';
import { type Identified, identify, principalArn } from '../../identity/principal.ts';
import { constantTimeEqual, sha256Hex } from '../../identity/signing-key.ts';
import type { AdminReply } from '../admin-call.ts';
import { bearerToken } from '../http-request.ts';
import { access, type ConsoleCall, type ConsoleRoute, json, type KnownIdentity } from './console-call.ts';
import { ConsoleRefusal } from './console-refusal.ts';

/** The cookie that carries a session; sent back to the console's own paths alone. */
export const CONSOLE_COOKIE = 'portcullis-console';
const COOKIE_PATH = '/minio/';
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
  // Whoever signs in anew is through with the session that this browser had.
  const previous = bearerToken(request);
  if (previous !== undefined) service.sessions.close(previous);
  const { accessKey, secretKey } = identified.credential;
  const token = service.sessions.open({ accessKey, secretKey, sessionToken: keys.sessionToken }, nowMs);
  return json(whoIs(identified, call.service.account), {
    'set-cookie': cookie(token, CONSOLE_SESSION_MS, request.context.secureTransport),
  });
}

function verifyKeys(call: ConsoleCall, keys: z.infer<typeof SignIn>, nowMs: number): Identified {
  const source = call.service.credentials();
  const credential = source.find(keys.accessKey);
  const isRight = constantTimeEqual(sha256Hex(keys.secretKey), sha256Hex(credential?.secretKey ?? ''));
  if (credential === undefined || !isRight) throw new AuthRefusal('InvalidAccessKeyId');
  return identify(credential, { presented: keys.sessionToken }, source, nowMs);
}

function signOut({ service, request }: ConsoleCall): AdminReply {
  const token = bearerToken(request);
  if (token !== undefined) service.sessions.close(token);
  return { status: 204, headers: { 'set-cookie': cookie('', 0, request.context.secureTransport) } };
}

function cookie(token: string, lifeMs: number, secure: boolean): string {
  const parts = [
    `${CONSOLE_COOKIE}=${token}`,
    `Path=${COOKIE_PATH}`,
    `Max-Age=${Math.floor(lifeMs / 1000)}`,
    'HttpOnly',
    'SameSite=Strict',
  ];
  return [...parts, ...(secure ? ['Secure'] : [])].join('; ');
}

function whoIs(identity: Identified | KnownIdentity, account: string): object {
  if (identity.type !== 'Known') return { type: 'Anonymous' };
  const { credential, owner } = identity;
  return {
    type: credential.type,
    accessKey: credential.accessKey,
    user: owner.accessKey,
    arn: principalArn(identity, account),
    account,
    ...('expiresAtMs' in credential ? { expiresAtMs: credential.expiresAtMs } : {}),
  };
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
