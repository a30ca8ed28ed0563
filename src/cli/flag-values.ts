// Values of the gateway's flags, each from its text or refused with the flag's name.
import { parseGoDuration } from './go-duration.ts';
import { UsageError } from './root-credentials.ts';

/** A Go duration in milliseconds. */
export function durationMs(text: string, flag: string, { positive = false } = {}): number {
  const parsed = parseGoDuration(text);
  if (!parsed.ok) throw new UsageError(`${flag}: ${parsed.message}`);
  if (parsed.milliseconds < 0 || (positive && parsed.milliseconds <= 0)) {
    throw new UsageError(
      `${flag} must be ${positive ? 'more than zero' : 'zero or more'}, not ${JSON.stringify(text)}`,
    );
  }
  return parsed.milliseconds;
}

/** A whole number within limits. */
export function count(text: string, flag: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new UsageError(`${flag} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`);
  }
  return value;
}

/** A size as the JuiceFS client takes it: a number of MiB, or a number with a unit (K, M, G, T, with or without "iB" or "B"). */
export function sizeInBytes(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT])?(?:i?B)?$/i.exec(text);
  if (match === null) throw new UsageError(`${flag} must be a size, e.g. 300M, not ${JSON.stringify(text)}`);
  const exponent = 'KMGT'.indexOf((match[2] ?? 'M').toUpperCase()) + 1;
  return Math.floor(Number(match[1]) * 1024 ** exponent);
}
