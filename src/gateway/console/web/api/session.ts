// Who is signed in, and what they may do.
import { send, sendJson } from './request.ts';

const API = '/minio/console/api';

export interface Identity {
  readonly type: 'Root' | 'User' | 'ServiceAccount' | 'Session';
  readonly accessKey: string;
  readonly user: string;
  /** What people call the user. */
  readonly name: string;
  readonly arn: string;
  readonly expiresAtMs?: number;
}

export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

/** Throws ApiError. The keys are sent once and kept nowhere. */
export function signIn(keys: Keys): Promise<Identity> {
  return sendJson<Identity>(`${API}/session`, 'POST', keys);
}

/** Somebody who lets people sign in here: an OpenID issuer. */
export interface IdentityProvider {
  readonly name: string;
  /** As the button calls it. */
  readonly label: string;
}

/** Those that are configured. */
export async function identityProviders(): Promise<IdentityProvider[]> {
  const { openId } = await sendJson<{ openId: IdentityProvider[] }>(`${API}/sign-in`, 'GET');
  return openId;
}

/** Where the browser has to go to sign in at an issuer. */
export async function signInAddress(provider: string): Promise<string> {
  return (await sendJson<{ url: string }>(`${API}/sign-in/openid`, 'POST', { provider })).url;
}

/** What the browser came back with from an issuer. */
export interface ProviderAnswer {
  readonly state: string;
  readonly code?: string;
  readonly iss?: string;
  readonly error?: string;
  readonly description?: string;
}

/** The issuer's answer in this address, which is taken out of it; undefined when it holds none. */
export function takeProviderAnswer(): ProviderAnswer | undefined {
  const query = new URLSearchParams(location.search);
  const state = query.get('state');
  if (state === null) return undefined;
  const field = (name: string, from: string): Record<string, string> => {
    const value = query.get(from);
    return value === null ? {} : { [name]: value };
  };
  history.replaceState(undefined, '', `/minio/${sessionStorage.getItem(RETURN) ?? ''}`);
  sessionStorage.removeItem(RETURN);
  return {
    state,
    ...field('code', 'code'),
    ...field('iss', 'iss'),
    ...field('error', 'error'),
    ...field('description', 'error_description'),
  };
}

const RETURN = 'portcullis-return';

/** Leaves for an issuer; the page that is open now is open again afterwards. */
export function leaveFor(address: string): void {
  sessionStorage.setItem(RETURN, location.hash);
  location.assign(address);
}

/** Signs in with an issuer's answer. Throws ApiError. */
export function signInWith(answer: ProviderAnswer): Promise<Identity> {
  return sendJson<Identity>(`${API}/session/openid`, 'POST', answer);
}

export function whoAmI(): Promise<Identity> {
  return sendJson<Identity>(`${API}/session`, 'GET');
}

export async function signOut(): Promise<void> {
  await send(`${API}/session`, { method: 'DELETE' });
}

export interface Question {
  readonly action: string;
  readonly bucket?: string;
  readonly key?: string;
}

const MOST_AT_ONCE = 500;

/** Whether each may be done, in order. */
export async function mayI(questions: readonly Question[]): Promise<boolean[]> {
  const allowed: boolean[] = [];
  for (let start = 0; start < questions.length; start += MOST_AT_ONCE) {
    const accesses = questions.slice(start, start + MOST_AT_ONCE);
    const answer = await sendJson<{ decisions: { outcome: string }[] }>(`${API}/authorize`, 'POST', { accesses });
    allowed.push(...answer.decisions.map(({ outcome }) => outcome === 'Allow'));
  }
  return allowed;
}

/** A link that works without signing in, until it expires. */
export function shareLink(link: {
  method: 'GET' | 'PUT';
  bucket: string;
  key: string;
  expiresSeconds: number;
}): Promise<{ url: string; expiresAtMs: number }> {
  return sendJson(`${API}/share`, 'POST', link);
}

/** Temporary credentials of somebody. */
export interface TemporaryCredential {
  readonly accessKey: string;
  readonly parent: string;
  readonly expiresAtMs?: number;
}

/** All that are not over; `total` is more than there are here when there are very many. */
export function listTemporary(): Promise<{ total: number; credentials: TemporaryCredential[] }> {
  return sendJson(`${API}/temporary-credentials`, 'GET');
}

export async function endTemporary(accessKey: string): Promise<void> {
  await sendJson(`${API}/temporary-credentials`, 'DELETE', { accessKey });
}
