// What an issuer tells of somebody beyond the token, at its UserInfo endpoint. OpenID Connect Core 1.0, 5.3.
import type { JWTPayload } from 'jose';
import { boundedText } from './bounded-text.ts';
import { ProviderRefusal } from './provider-refusal.ts';

const TIMEOUT_MS = 5_000;

/** The claims of a token that stands, and those that the issuer adds; the token's stand before them. Throws ProviderRefusal. */
export async function withUserInfo(
  payload: JWTPayload,
  endpoint: string | undefined,
  accessToken: string,
): Promise<JWTPayload> {
  if (endpoint === undefined) {
    throw new ProviderRefusal('not-configured', 'The identity provider has no UserInfo endpoint to ask for claims.');
  }
  const told = await ask(endpoint, accessToken);
  // 5.3.2: without this, an access token of somebody else would lend their claims
  if (told.sub !== payload.sub) throw new ProviderRefusal('rejected', 'The access token is of another subject.');
  return { ...told, ...payload };
}

async function ask(endpoint: string, accessToken: string): Promise<Record<string, unknown>> {
  let status: number;
  let text: string;
  try {
    const response = await fetch(endpoint, {
      headers: { authorization: `Bearer ${accessToken}`, accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    status = response.status;
    text = await boundedText(response);
  } catch (cause) {
    throw new ProviderRefusal('unavailable', 'The identity provider cannot be asked at the moment.', { cause });
  }
  if (status === 400 || status === 401 || status === 403) {
    throw new ProviderRefusal('rejected', 'The identity provider does not accept the access token.');
  }
  const told = status === 200 ? readObject(text) : undefined;
  if (told !== undefined) return told;
  const cause = new Error(`it answered ${status}`);
  throw new ProviderRefusal('unavailable', 'The identity provider cannot be asked at the moment.', { cause });
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
