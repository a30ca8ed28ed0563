// Sizes and counts on the command line, as the Go client takes them.
import { InvalidArgumentError } from 'commander';

const SHIFTS: Readonly<Record<string, number>> = { B: 0, K: 10, M: 20, G: 30, T: 40, P: 50, E: 60 };
/** Mbps of a unit after a bandwidth. */
const MBPS: Readonly<Record<string, number>> = { M: 1, G: 1e3, T: 1e6, P: 1e9 };

/** A number with one of B K M G T P E after it, or in the given unit without; bytes. */
export function bytesIn(unit: string): (value: string) => number {
  return (value) => {
    const match = /^(\d+(?:\.\d+)?)([a-z])?$/i.exec(value);
    const shift = SHIFTS[(match?.[2] ?? unit).toUpperCase()];
    if (match === null || shift === undefined) {
      throw new InvalidArgumentError('a size is a number with B, K, M, G, T, P or E after it.');
    }
    return Math.floor(Number(match[1]) * 2 ** shift);
  };
}

/** A bandwidth in Mbps, or with M, G, T or P after it. */
export function megabitsPerSecond(value: string): number {
  const match = /^(\d+(?:\.\d+)?)([a-z])?$/i.exec(value);
  const factor = MBPS[(match?.[2] ?? 'M').toUpperCase()];
  if (match === null || factor === undefined) {
    throw new InvalidArgumentError('a bandwidth is a number of Mbps, with M, G, T or P after it.');
  }
  return Math.floor(Number(match[1]) * factor);
}

export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('a whole number, not negative, is wanted.');
  return Number(value);
}

/** 1.50 KiB (1536 Bytes), as `juicefs info` shows sizes. */
export function showBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} Bytes`;
  const units = ['K', 'M', 'G', 'T', 'P', 'E'];
  let scaled = bytes;
  let unit = 0;
  for (; unit < units.length - 1 && scaled >= 1 << 20; unit++) scaled = Math.floor(scaled / 1024);
  return `${(scaled / 1024).toFixed(2)} ${units[unit]}iB (${bytes} Bytes)`;
}
