// Sign-ins at an issuer that are under way. Nothing of them is kept here: each is sealed with the secret of the store and goes with the
// browser that began it, in a cookie, so that whoever comes back, to whichever sidecar, is known to be the one who left, and nobody can
// fill anything up.
import { z } from 'zod';
import { CookieSeal } from '../../identity/cookie-seal.ts';
import type { PendingSignIn } from '../../identity/provider/openid-sign-in.ts';

/** How long somebody may take at the issuer, milliseconds. */
export const PENDING_SIGN_IN_MS = 15 * 60 * 1000;

const Pending = z.object({
  provider: z.string(),
  state: z.string().min(1),
  nonce: z.string().min(1),
  verifier: z.string().min(1),
  redirectUri: z.string().min(1),
  untilMs: z.number(),
});

export class PendingSignIns {
  readonly #secret: () => Promise<string>;
  readonly #nowMs: () => number;

  /** @param secret what all sidecars of the store share */
  constructor(secret: () => Promise<string>, nowMs: () => number) {
    this.#secret = secret;
    this.#nowMs = nowMs;
  }

  /** The value of a cookie. */
  async seal(pending: PendingSignIn): Promise<string> {
    const seal = await this.#seal();
    return seal.seal(JSON.stringify({ ...pending, untilMs: this.#nowMs() + PENDING_SIGN_IN_MS }));
  }

  /** Undefined for what was not sealed here, or is over. */
  async open(sealed: string): Promise<PendingSignIn | undefined> {
    const text = (await this.#seal()).open(sealed);
    if (text === undefined) return undefined;
    const { untilMs, ...pending } = Pending.parse(JSON.parse(text));
    return this.#nowMs() < untilMs ? pending : undefined;
  }

  async #seal(): Promise<CookieSeal> {
    return new CookieSeal(await this.#secret(), 'sign-in under way');
  }
}
