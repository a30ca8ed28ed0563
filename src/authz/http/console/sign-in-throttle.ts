// Slows down who guesses: after some failures an address has to wait before it may try again. An IPv6 address counts by its network,
// because one host has all of the addresses in it.
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Failures of one address within the window, before its attempts are refused. */
export const MAX_FAILURES = 10;
export const FAILURE_WINDOW_MS = 60_000;
/** Addresses that are remembered; the oldest are forgotten. */
export const MAX_ADDRESSES = 10_000;
/** Of an IPv6 address; the rest is the host's to choose. RFC 4291, 2.5.4. */
const NETWORK_BYTES = 8;

interface Failures {
  count: number;
  readonly sinceMs: number;
}

export class SignInThrottle {
  readonly #byAddress = new Map<string, Failures>();

  /** False when this address has to wait. */
  mayTry(address: string, nowMs: number): boolean {
    const host = hostOf(address);
    const failures = this.#byAddress.get(host);
    if (failures === undefined) return true;
    if (nowMs - failures.sinceMs >= FAILURE_WINDOW_MS) {
      this.#byAddress.delete(host);
      return true;
    }
    return failures.count < MAX_FAILURES;
  }

  failed(address: string, nowMs: number): void {
    const host = hostOf(address);
    const failures = this.#byAddress.get(host);
    if (failures !== undefined && nowMs - failures.sinceMs < FAILURE_WINDOW_MS) {
      failures.count += 1;
      return;
    }
    this.#byAddress.set(host, { count: 1, sinceMs: nowMs });
    for (const oldest of this.#byAddress.keys()) {
      if (this.#byAddress.size <= MAX_ADDRESSES) break;
      this.#byAddress.delete(oldest);
    }
  }
}

/** What all addresses of one host have in common. */
function hostOf(address: string): string {
  if (!isIPv6(address) || !ipaddr.IPv6.isValid(address)) return address;
  return Buffer.from(ipaddr.IPv6.parse(address).toByteArray().slice(0, NETWORK_BYTES)).toString('hex');
}
