// Sessions of people who signed in at the console: a random token stands for a credential that was shown once. Kept in memory
// alone; what the credential may do, and whether it may still be used, is looked up with every request.
import { createHash, randomBytes } from 'node:crypto';

/** How long a session lasts, and how long it may stay unused, milliseconds. */
export const CONSOLE_SESSION_MS = 12 * 60 * 60 * 1000;
export const CONSOLE_IDLE_MS = 2 * 60 * 60 * 1000;
/** Sessions at once; when there are more, those that were not used for longest end. */
export const MAX_CONSOLE_SESSIONS = 10_000;

const TOKEN_BYTES = 32;

/** What a token stands for. */
export interface ConsoleSession {
  readonly accessKey: string;
  /** Of temporary credentials; undefined for others. */
  readonly sessionToken: string | undefined;
  /** Ends when the secret is another one: whoever changes it ends all sessions that were opened with the old. */
  readonly secretDigest: string;
  readonly expiresAtMs: number;
  /** The credentials were made for this session, and end with it. */
  readonly isOwner: boolean;
}

/** Finds what a bearer token stands for. */
export interface BearerSource {
  /** Undefined for tokens that are unknown or over. */
  find(token: string, nowMs: number): ConsoleSession | undefined;
}

interface Kept extends ConsoleSession {
  usedAtMs: number;
}

export class ConsoleSessions implements BearerSource {
  /** By the digest of their tokens: no token is kept, and looking one up tells nothing about others. */
  readonly #byDigest = new Map<string, Kept>();

  /** Opens a session; its token. */
  open(
    session: { accessKey: string; secretKey: string; sessionToken: string | undefined; isOwner?: boolean },
    nowMs: number,
  ): string {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const { accessKey, secretKey, sessionToken, isOwner = false } = session;
    this.#byDigest.set(digestOf(token), {
      accessKey,
      sessionToken,
      secretDigest: secretDigest(secretKey),
      expiresAtMs: nowMs + CONSOLE_SESSION_MS,
      usedAtMs: nowMs,
      isOwner,
    });
    for (const oldest of this.#byDigest.keys()) {
      if (this.#byDigest.size <= MAX_CONSOLE_SESSIONS) break;
      this.#byDigest.delete(oldest);
    }
    return token;
  }

  find(token: string, nowMs: number): ConsoleSession | undefined {
    const digest = digestOf(token);
    const session = this.#byDigest.get(digest);
    if (session === undefined) return undefined;
    this.#byDigest.delete(digest);
    if (nowMs >= session.expiresAtMs || nowMs - session.usedAtMs > CONSOLE_IDLE_MS) return undefined;
    session.usedAtMs = nowMs;
    // Moved to the end: the first is the one that was not used for longest.
    this.#byDigest.set(digest, session);
    return session;
  }

  /** Ends a session at once; what it was, undefined if there was none. */
  close(token: string): ConsoleSession | undefined {
    const digest = digestOf(token);
    const session = this.#byDigest.get(digest);
    this.#byDigest.delete(digest);
    return session;
  }
}

/** A digest of a secret, to notice that it changed. */
export function secretDigest(secretKey: string): string {
  return createHash('sha256').update('console-session\0').update(secretKey).digest('hex');
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
