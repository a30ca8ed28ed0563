// Opens, finds and ends sessions of the console. A session lies in the browser, sealed with a secret of the store, so that every sidecar
// of the store knows it; which were ended lies in the store. Where the store cannot be written to, sessions are this process's alone.
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { ConsoleEndings } from '../identity/console-endings.ts';
import {
  type BearerSource,
  CONSOLE_IDLE_MS,
  type ConsoleSession,
  credentialProof,
  formatSession,
  parseSession,
  sessionEndMs,
} from '../identity/console-session.ts';
import { CookieSeal } from '../identity/cookie-seal.ts';
import type { Credential } from '../identity/credential.ts';
import type { IamRecords } from '../store/iam-store.ts';
import {
  consoleSecret,
  endConsoleSession,
  hasEnded,
  makeConsoleSecret,
  newConsoleSecret,
} from './console-documents.ts';
import type { IdentityWriter } from './identity-writer.ts';

/** Age at which what a browser keeps is sealed anew when it is used, milliseconds. */
export const RENEWAL_MS = 5 * 60 * 1000;
/** Sessions whose last use is remembered beyond what their texts say. */
const MAX_REMEMBERED = 10_000;
/** Endings that the store has not taken, or cannot, that are remembered one by one. */
const MAX_OWN_ENDINGS = 1_000;
const ID_BYTES = 16;

export interface ConsoleSessionsOptions {
  readonly records: () => IamRecords;
  /** Undefined when the store cannot be written to. */
  readonly writer: IdentityWriter | undefined;
  /** Reads the store again. */
  readonly refresh: () => Promise<void>;
  readonly nowMs: () => number;
}

export class ConsoleSessions implements BearerSource {
  readonly #options: ConsoleSessionsOptions;
  readonly #ownSecret = newConsoleSecret();
  /** By id, when a session was last used here. */
  readonly #used = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  #endedHere = ConsoleEndings.NONE;
  #seal: { readonly secret: string; readonly seal: CookieSeal } | undefined;

  constructor(options: ConsoleSessionsOptions) {
    this.#options = options;
  }

  /** Opens a session of somebody who proved to hold this credential; its token. Rejects when the store fails. */
  async open(credential: Credential, isOwner: boolean, nowMs: number): Promise<string> {
    const seal = this.#sealOf(await this.secret());
    return seal.seal(
      formatSession({
        id: randomBytes(ID_BYTES).toString('base64url'),
        accessKey: credential.accessKey,
        proof: credentialProof(credential),
        openedAtMs: nowMs,
        usedAtMs: nowMs,
        isOwner,
      }),
    );
  }

  find(token: string, nowMs: number): ConsoleSession | undefined {
    const session = this.#read(token);
    if (session === undefined || nowMs >= sessionEndMs(session)) return undefined;
    const { id, usedAtMs } = session;
    if (nowMs - Math.max(usedAtMs, this.#used.get(id) ?? 0) > CONSOLE_IDLE_MS) return undefined;
    if (this.#endedHere.has(session) || hasEnded(this.#options.records(), session)) return undefined;
    this.#used.set(id, nowMs);
    return session;
  }

  /** What the browser should keep from now on, and for how long; undefined when what it has will do. */
  renewed(token: string, nowMs: number): { readonly token: string; readonly lifeMs: number } | undefined {
    const session = this.find(token, nowMs);
    const secret = this.#secretNow();
    if (session === undefined || secret === undefined || nowMs - session.usedAtMs < RENEWAL_MS) return undefined;
    const sealed = this.#sealOf(secret).seal(formatSession({ ...session, usedAtMs: nowMs }));
    return { token: sealed, lifeMs: sessionEndMs(session) - nowMs };
  }

  /**
   * Ends a session at once; what it was, undefined if there was none. Rejects when the store does not take it: then it is over for this
   * process alone.
   */
  async close(token: string): Promise<ConsoleSession | undefined> {
    const { records, writer, nowMs } = this.#options;
    const session = this.#read(token);
    if (session === undefined || nowMs() >= sessionEndMs(session)) return undefined;
    if (hasEnded(records(), session)) return session;
    this.#endedHere = this.#endedHere.with(session, MAX_OWN_ENDINGS, nowMs());
    if (writer !== undefined) {
      const command = endConsoleSession(records(), session, nowMs());
      await writer.change(command.touched, (current) => command.decide(current));
      this.#endedHere = this.#endedHere.without(session);
    }
    return session;
  }

  /** What is sealed with it is known to all sidecars of the store. Made when it is first asked for. Rejects when the store fails. */
  async secret(): Promise<string> {
    const { writer, nowMs, refresh } = this.#options;
    const known = this.#secretNow();
    if (known !== undefined || writer === undefined) return known ?? this.#ownSecret;
    const command = makeConsoleSecret(nowMs());
    await writer.change(command.touched, (current) => command.decide(current));
    // Somebody else may have made it meanwhile.
    if (this.#secretNow() === undefined) await refresh();
    const made = this.#secretNow();
    if (made === undefined) throw new Error("the secret of the console's sessions cannot be read");
    return made;
  }

  #secretNow(): string | undefined {
    return this.#options.writer === undefined ? this.#ownSecret : consoleSecret(this.#options.records());
  }

  #read(token: string): ConsoleSession | undefined {
    const secret = this.#secretNow();
    const text = secret === undefined ? undefined : this.#sealOf(secret).open(token);
    return text === undefined ? undefined : parseSession(text);
  }

  #sealOf(secret: string): CookieSeal {
    if (this.#seal?.secret !== secret) this.#seal = { secret, seal: new CookieSeal(secret, 'console session') };
    return this.#seal.seal;
  }
}
