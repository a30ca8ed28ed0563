// Slows down who guesses: after some failures an address has to wait before it may try again.

/** Failures of one address within the window, before its attempts are refused. */
export const MAX_FAILURES = 10;
export const FAILURE_WINDOW_MS = 60_000;
/** Addresses that are remembered; the oldest are forgotten. */
export const MAX_ADDRESSES = 10_000;

interface Failures {
  count: number;
  readonly sinceMs: number;
}

export class SignInThrottle {
  readonly #byAddress = new Map<string, Failures>();

  /** False when this address has to wait. */
  mayTry(address: string, nowMs: number): boolean {
    const failures = this.#byAddress.get(address);
    if (failures === undefined) return true;
    if (nowMs - failures.sinceMs >= FAILURE_WINDOW_MS) {
      this.#byAddress.delete(address);
      return true;
    }
    return failures.count < MAX_FAILURES;
  }

  failed(address: string, nowMs: number): void {
    const failures = this.#byAddress.get(address);
    if (failures !== undefined && nowMs - failures.sinceMs < FAILURE_WINDOW_MS) {
      failures.count += 1;
      return;
    }
    this.#byAddress.set(address, { count: 1, sinceMs: nowMs });
    for (const oldest of this.#byAddress.keys()) {
      if (this.#byAddress.size <= MAX_ADDRESSES) break;
      this.#byAddress.delete(oldest);
    }
  }
}
