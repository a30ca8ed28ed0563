// Waiting for something to become true: polled, and with a deadline that names what was waited for.
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 25;
/** Everything at once on a small machine takes its time. */
const WITHIN_MS = process.env.PORTCULLIS_CI === '1' ? 90_000 : 30_000;

/** Polls until `probe` answers something else than undefined or false. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = WITHIN_MS,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(POLL_MS);
  }
}
