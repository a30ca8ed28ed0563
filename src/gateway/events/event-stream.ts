// What a listener reads: a line of JSON an event, and a space now and then so that both ends notice when the other is gone.
import type { ListenFilter } from './event-messages.ts';
import type { NotificationHub } from './event-publisher.ts';

/** MinIO: how often a space is sent. */
const KEEP_ALIVE_MS = 500;
/** Lines that wait for a slow listener; it misses those beyond. */
export const MAX_WAITING_LINES = 4_000;

/**
 * The bytes for a listener, from the moment on that its wish is known everywhere, until the signal aborts. Throws S3Error when it
 * cannot be listened.
 */
export async function eventStream(
  hub: NotificationHub,
  filter: ListenFilter,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  let lines: string[] = [];
  let wake: () => void = () => undefined;
  const stop = await hub.listen(filter, (records) => {
    for (const record of records) if (lines.length < MAX_WAITING_LINES) lines.push(`{"Records":[${record}]}\n`);
    wake();
  });
  let over = signal.aborted;
  const end = (): void => {
    over = true;
    stop();
    wake();
  };
  signal.addEventListener('abort', end, { once: true });
  hub.closing.addEventListener('abort', end, { once: true });
  if (over || hub.closing.aborted) end();
  return (async function* () {
    try {
      // the listener is told at once that it is heard
      yield Buffer.from(' ');
      while (!over) {
        if (lines.length === 0) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, KEEP_ALIVE_MS);
            wake = () => {
              clearTimeout(timer);
              resolve();
            };
          });
        }
        const text = lines.length === 0 ? ' ' : lines.join('');
        lines = [];
        if (!over) yield Buffer.from(text);
      }
    } finally {
      signal.removeEventListener('abort', end);
      hub.closing.removeEventListener('abort', end);
      stop();
    }
  })();
}
