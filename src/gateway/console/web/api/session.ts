// Who is signed in, and what they may do.
import { send, sendJson } from './request.ts';

const API = '/minio/console/api';

export interface Identity {
  readonly type: 'Root' | 'User' | 'ServiceAccount' | 'Session';
  readonly accessKey: string;
  readonly user: string;
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
