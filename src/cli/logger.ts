// The processes' log: JSON lines on standard error.
import { type Logger, pino } from 'pino';

export type { Logger };

/** Field names whose values never reach the log. */
const SECRET_FIELDS = ['secretKey', 'password', 'authorization', 'sessionToken', '*.secretKey', '*.authorization'];

/** A logger on stderr. */
export function createLogger(level: 'trace' | 'debug' | 'info' | 'warn'): Logger {
  return pino(
    { level, base: { pid: process.pid }, redact: { paths: SECRET_FIELDS, censor: '[secret]' } },
    pino.destination({ dest: 2, sync: true }),
  );
}
