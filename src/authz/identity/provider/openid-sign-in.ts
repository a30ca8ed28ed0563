// Signing in at an OpenID issuer with a browser: the address that the browser is sent to, and the token for the code that it comes back
// with. OpenID Connect Core 1.0, 3.1 (authorization code flow), RFC 7636 (PKCE), RFC 9207 (which issuer answers).
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { boundedText } from './bounded-text.ts';
import { MAX_TOKEN_CHARACTERS, type OpenIdProvider, type VouchedToken } from './openid.ts';
import { ProviderRefusal } from './provider-refusal.ts';

/** What is kept, unseen by the browser and the issuer, until the browser comes back. */
export interface PendingSignIn {
  /** The issuer, by the name of its settings. */
  readonly provider: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

const DEFAULT_SCOPES = ['openid', 'profile', 'email'];
const EXCHANGE_TIMEOUT_MS = 10_000;
const RANDOM_BYTES = 32;

const Token = z.string().min(1).max(MAX_TOKEN_CHARACTERS);
const Tokens = z.object({ id_token: Token, access_token: Token.optional() });
const TokenError = z.object({ error: z.string().max(128), error_description: z.string().max(1_024).optional() });

/** Where to send the browser. Throws ProviderRefusal. */
export async function beginSignIn(
  provider: OpenIdProvider,
  redirectUri: string,
): Promise<{ readonly url: string; readonly pending: PendingSignIn }> {
  const { settings } = provider;
  const { authorization, scopes } = await provider.signInEndpoints();
  if (authorization === undefined) {
    throw new ProviderRefusal('not-configured', 'The identity provider offers no sign-in with a browser.');
  }
  const pending: PendingSignIn = {
    provider: settings.name,
    state: randomText(),
    nonce: randomText(),
    verifier: randomText(),
    redirectUri,
  };
  const url = new URL(authorization);
  const parameters = {
    response_type: 'code',
    client_id: settings.clientId,
    redirect_uri: redirectUri,
    scope: scopesFor(settings.signIn.scopes, scopes).join(' '),
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: createHash('sha256').update(pending.verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { url: url.href, pending };
}

/** Has the issuer vouch for who came back with a code. Throws ProviderRefusal. */
export async function finishSignIn(
  provider: OpenIdProvider,
  pending: PendingSignIn,
  answer: { readonly code: string; readonly issuer: string | undefined },
): Promise<VouchedToken> {
  const { issuer, token, tokenAuthMethods } = await provider.signInEndpoints();
  if (token === undefined) {
    throw new ProviderRefusal('not-configured', 'The identity provider offers no sign-in with a browser.');
  }
  if (answer.issuer !== undefined && answer.issuer !== issuer) {
    throw new ProviderRefusal('rejected', 'Another identity provider answered than was asked.');
  }
  const { clientId, signIn } = provider.settings;
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code: answer.code,
    redirect_uri: pending.redirectUri,
    code_verifier: pending.verifier,
  });
  const headers: Record<string, string> = { accept: 'application/json' };
  if (signIn.clientSecret === '') form.set('client_id', clientId);
  else if (tokenAuthMethods === undefined || tokenAuthMethods.includes('client_secret_basic')) {
    headers.authorization = `Basic ${Buffer.from(`${formText(clientId)}:${formText(signIn.clientSecret)}`).toString('base64')}`;
  } else {
    form.set('client_id', clientId);
    form.set('client_secret', signIn.clientSecret);
  }
  const { id_token, access_token } = await exchange(token, headers, form);
  return provider.verify(id_token, { nonce: pending.nonce, accessToken: access_token });
}

async function exchange(
  url: string,
  headers: Record<string, string>,
  form: URLSearchParams,
): Promise<z.infer<typeof Tokens>> {
  let isFine: boolean;
  let body: unknown;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: form,
      redirect: 'error',
      signal: AbortSignal.timeout(EXCHANGE_TIMEOUT_MS),
    });
    isFine = response.ok;
    body = JSON.parse(await boundedText(response));
  } catch (cause) {
    throw new ProviderRefusal('unavailable', 'The identity provider cannot be asked at the moment.', { cause });
  }
  const tokens = Tokens.safeParse(body);
  if (isFine && tokens.success) return tokens.data;
  const told = TokenError.safeParse(body);
  const { error = 'no token', error_description: description = '' } = told.success ? told.data : {};
  // What the issuer says of its client is for whoever runs the service.
  const cause = new Error(`the token endpoint answered: ${error} ${description}`);
  if (error === 'invalid_grant') throw new ProviderRefusal('expired', 'The sign-in took too long.', { cause });
  throw new ProviderRefusal('unavailable', 'The identity provider did not issue a token.', { cause });
}

/** The scopes that are wanted; of the usual ones those that the issuer knows. */
function scopesFor(wanted: readonly string[], known: readonly string[] | undefined): readonly string[] {
  if (wanted.length > 0) return wanted.includes('openid') ? wanted : ['openid', ...wanted];
  return DEFAULT_SCOPES.filter((scope) => scope === 'openid' || known === undefined || known.includes(scope));
}

function randomText(): string {
  return randomBytes(RANDOM_BYTES).toString('base64url');
}

/** RFC 6749, 2.3.1: both halves of Basic credentials are encoded as forms are. */
function formText(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
