// Signing in at the console by way of an OpenID issuer: the page asks where to go, the browser goes there and comes back to the page, and
// the page hands over what it came back with. Codes, tokens and the client's secret stay in the sidecar.
import { z } from 'zod';
import { CONSOLE_SESSION_MS } from '../../identity/console-session.ts';
import { openIdIdentity } from '../../identity/external-identity.ts';
import { identify } from '../../identity/principal.ts';
import type { OpenIdProvider } from '../../identity/provider/openid.ts';
import { beginSignIn, finishSignIn, type PendingSignIn } from '../../identity/provider/openid-sign-in.ts';
import { ProviderRefusal } from '../../identity/provider/provider-refusal.ts';
import { constantTimeEqual } from '../../identity/signing-key.ts';
import type { AdminReply } from '../admin-call.ts';
import { openExternalSession } from '../sts-federation.ts';
import { StsRefusal } from '../sts-reply.ts';
import { type ConsoleCall, type ConsoleRoute, json } from './console-call.ts';
import { readCookie, SESSION_COOKIE, SIGN_IN_COOKIE, setCookie } from './console-cookies.ts';
import { ConsoleRefusal } from './console-refusal.ts';
import { PENDING_SIGN_IN_MS } from './pending-sign-ins.ts';
import { endPresentSession, whoIs } from './session-routes.ts';

/** Where issuers send browsers back to; the page is there. */
export const CALLBACK_PATH = '/minio/oauth_callback';
/** Policies may limit how long such sessions last, as those of the same call of STS. */
const ACTION = 'AssumeRoleWithWebIdentity';
/** Characters of what an issuer gives as its reason that are shown. */
const MAX_REASON = 300;

const Begin = z.strictObject({ provider: z.string().max(256) });
const Answer = z.strictObject({
  state: z.string().min(1).max(1_024),
  code: z.string().max(8_192).optional(),
  iss: z.string().max(2_048).optional(),
  error: z.string().max(256).optional(),
  description: z.string().max(4_096).optional(),
});

export const OPENID_ROUTES: readonly ConsoleRoute[] = [
  { method: 'GET', path: 'sign-in', action: undefined, handle: ways },
  { method: 'POST', path: 'sign-in/openid', action: undefined, handle: begin },
  { method: 'POST', path: 'session/openid', action: undefined, handle: finish },
];

/** The ways to sign in, beside keys. */
function ways({ service }: ConsoleCall): AdminReply {
  return json({
    openId: service.sts.openId.all.map(({ settings: { name, signIn } }) => ({
      name,
      label: signIn.displayName || name || 'OpenID',
    })),
  });
}

async function begin(call: ConsoleCall): Promise<AdminReply> {
  const { service, request } = call;
  const provider = providerOf(call, call.body(Begin).provider);
  const { url, pending } = await beginSignIn(provider, redirectUriOf(call, provider)).catch(refusing(call));
  const sealed = await service.pending.seal(pending);
  const { secureTransport } = request.context;
  return json({ url }, { 'set-cookie': setCookie(SIGN_IN_COOKIE, sealed, PENDING_SIGN_IN_MS, secureTransport) });
}

async function finish(call: ConsoleCall): Promise<AdminReply> {
  const { service, request } = call;
  const { secureTransport, sourceAddress } = request.context;
  const nowMs = service.admin.nowMs();
  if (!service.throttle.mayTry(sourceAddress, nowMs)) throw new ConsoleRefusal('TooManyAttempts');
  const { state, code, iss, error, description = '' } = call.body(Answer);
  try {
    const pending = await pendingOf(call, state);
    // Told in the issuer's words: that it is the issuer's answer is known by its state.
    if (error !== undefined || code === undefined) {
      const reason = (description || (error ?? 'no code')).slice(0, MAX_REASON);
      throw new ConsoleRefusal('ProviderRefused', `The identity provider refused the sign-in: ${reason}`);
    }
    const credentials = await sessionFor(call, pending, { code, issuer: iss }).catch(refusing(call));
    const source = service.credentials();
    const credential = source.find(credentials.accessKey);
    if (credential === undefined) throw new ConsoleRefusal('TokenRefused');
    const identified = identify(credential, { presented: credentials.sessionToken }, source, nowMs);
    if (identified.type !== 'Known') throw new ConsoleRefusal('TokenRefused');
    await endPresentSession(call);
    const token = await service.sessions.open(credential, true, nowMs);
    return json(whoIs(identified, service.account), {
      'set-cookie': [
        setCookie(SESSION_COOKIE, token, CONSOLE_SESSION_MS, secureTransport),
        setCookie(SIGN_IN_COOKIE, '', 0, secureTransport),
      ],
    });
  } catch (thrown) {
    if (thrown instanceof ConsoleRefusal) service.throttle.failed(sourceAddress, nowMs);
    throw thrown;
  }
}

async function sessionFor(
  { service, request }: ConsoleCall,
  pending: PendingSignIn,
  answer: { readonly code: string; readonly issuer: string | undefined },
) {
  const provider = service.sts.openId.all.find(({ settings }) => settings.name === pending.provider);
  if (provider === undefined) throw new ConsoleRefusal('SignInNotStarted');
  const { provider: name, claims, policies } = await finishSignIn(provider, pending, answer);
  return openExternalSession(service.sts, request, {
    action: ACTION,
    identity: openIdIdentity(claims, policies, name),
    seconds: CONSOLE_SESSION_MS / 1000,
  });
}

/** The sign-in that this browser began. Throws ConsoleRefusal when it began none, or another one. */
async function pendingOf({ service, request }: ConsoleCall, state: string): Promise<PendingSignIn> {
  const sealed = readCookie(request.headers.get('cookie'), SIGN_IN_COOKIE, request.context.secureTransport);
  const pending = sealed === undefined ? undefined : await service.pending.open(sealed);
  if (pending === undefined || !constantTimeEqual(pending.state, state)) throw new ConsoleRefusal('SignInNotStarted');
  return pending;
}

function providerOf({ service }: ConsoleCall, name: string): OpenIdProvider {
  const provider = service.sts.openId.all.find(({ settings }) => settings.name === name);
  if (provider === undefined) throw new ConsoleRefusal('NotFound', 'No such identity provider is configured.');
  return provider;
}

/**
 * Where the issuer sends the browser back to: as configured, or to the page, at the origin that the browser has it from. The gateway has
 * made sure that the origin is that of its own page.
 */
function redirectUriOf({ request }: ConsoleCall, { settings }: OpenIdProvider): string {
  const origin = request.headers.get('origin') ?? '';
  const { redirectUri } = settings.signIn;
  if (redirectUri === '') {
    if (!/^https?:\/\/[^/\s]{1,255}$/.test(origin)) throw new ConsoleRefusal('InvalidRequest', 'Origin is missing.');
    return `${origin}${CALLBACK_PATH}`;
  }
  // The browser would come back to a page that knows nothing of this sign-in.
  const wanted = new URL(redirectUri).origin;
  if (wanted !== origin) throw new ConsoleRefusal('SignInElsewhere', `Open the console at ${wanted} to sign in there.`);
  return redirectUri;
}

/** Turns what the issuer or STS refuses into what the page shows, and leaves the cause in the log. */
function refusing({ logger, request }: ConsoleCall): (error: unknown) => never {
  return (error) => {
    if (error instanceof StsRefusal) {
      throw error.code === 'AccessDenied'
        ? new ConsoleRefusal('NoPolicies', undefined, { cause: error })
        : new ConsoleRefusal('TokenRefused', error.message, { cause: error });
    }
    if (!(error instanceof ProviderRefusal)) throw error;
    const { requestId } = request.context;
    logger.warn({ err: error, requestId }, 'a sign-in at an identity provider failed');
    switch (error.kind) {
      case 'rejected':
        throw new ConsoleRefusal('TokenRefused', undefined, { cause: error });
      case 'expired':
        throw new ConsoleRefusal('SignInNotStarted', undefined, { cause: error });
      case 'not-configured':
        throw new ConsoleRefusal('NotFound', error.message, { cause: error });
      case 'unavailable':
        throw new ConsoleRefusal('ProviderUnavailable', error.message, { cause: error });
    }
  };
}
