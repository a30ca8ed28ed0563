// Durations as Go writes them (time.ParseDuration): "300ms", "-1.5h", "2h45m", "1m".

/** Nanoseconds of each unit; both micro signs count. */
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const MAX_NANOSECONDS = 2n ** 63n - 1n;

export type ParsedDuration =
  | { readonly ok: true; readonly nanoseconds: bigint; readonly milliseconds: number }
  | { readonly ok: false; readonly message: string };

/** Reads a Go duration: a sign, then decimal numbers with a unit each, or a bare 0. 64-bit nanoseconds, as Go has them. */
export function parseGoDuration(text: string): ParsedDuration {
  const wrong = (why: string): ParsedDuration => ({
    ok: false,
    message: `${JSON.stringify(text)} is not a duration: ${why}; write e.g. "300ms", "1.5h" or "2h45m"`,
  });
  const negative = text.startsWith('-');
  let rest = negative || text.startsWith('+') ? text.slice(1) : text;
  if (rest === '0') return { ok: true, nanoseconds: 0n, milliseconds: 0 };
  if (rest === '') return wrong('it is empty');
  let total = 0n;
  while (rest !== '') {
    const match = /^(\d*)(?:\.(\d*))?([^\d.]*)/.exec(rest);
    const [whole = '', fraction = '', unit = ''] = match?.slice(1) ?? [];
    if (match === null || whole + fraction === '') return wrong('a number is missing');
    if (unit === '') return wrong('a unit is missing');
    const scale = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (scale === undefined) return wrong(`unknown unit ${JSON.stringify(unit)}`);
    const digits = fraction.slice(0, 18);
    total += BigInt(whole === '' ? 0 : whole) * scale;
    if (digits !== '') total += (BigInt(digits) * scale) / 10n ** BigInt(digits.length);
    if (total > MAX_NANOSECONDS) return wrong('it is too long');
    rest = rest.slice(match[0].length);
  }
  const nanoseconds = negative ? -total : total;
  return { ok: true, nanoseconds, milliseconds: Number(nanoseconds) / 1e6 };
}
