// Sign-ins at an issuer that are under way. Nothing of them is kept here: each is sealed with a key of this process and goes with the
// browser that began it, in a cookie, so that whoever comes back is known to be the one who left, and nobody can fill anything up.
import { randomBytes } from 'node:crypto';
import { EncryptJWT, errors, jwtDecrypt } from 'jose';
import { z } from 'zod';
import type { PendingSignIn } from '../../identity/provider/openid-sign-in.ts';

/** How long somebody may take at the issuer, milliseconds. */
export const PENDING_SIGN_IN_MS = 15 * 60 * 1000;
const KEY_BYTES = 32;
const SEALING = { alg: 'dir', enc: 'A256GCM' } as const;

const Pending = z.object({
  provider: z.string(),
  state: z.string().min(1),
  nonce: z.string().min(1),
  verifier: z.string().min(1),
  redirectUri: z.string().min(1),
});

export class PendingSignIns {
  readonly #key = randomBytes(KEY_BYTES);
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The value of a cookie. */
  seal(pending: PendingSignIn): Promise<string> {
    return new EncryptJWT({ ...pending })
      .setProtectedHeader(SEALING)
      .setExpirationTime(Math.floor((this.#nowMs() + PENDING_SIGN_IN_MS) / 1000))
      .encrypt(this.#key);
  }

  /** Undefined for what was not sealed here, or is over. */
  async open(sealed: string): Promise<PendingSignIn | undefined> {
    try {
      const { payload } = await jwtDecrypt(sealed, this.#key, {
        keyManagementAlgorithms: [SEALING.alg],
        contentEncryptionAlgorithms: [SEALING.enc],
        currentDate: new Date(this.#nowMs()),
      });
      return Pending.parse(payload);
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof z.ZodError) return undefined;
      throw error;
    }
  }
}
