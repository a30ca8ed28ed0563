// Text of policies as the reference evaluators read it, shared by them and by nothing else: patterns letter by letter, numbers, instants.

/** One letter of a pattern; a plain one stands for itself even if it is a star. */
export interface Letter {
  readonly text: string;
  readonly plain: boolean;
}

export function letters(text: string, plain = false): Letter[] {
  return [...text].map((letter) => ({ text: letter, plain }));
}

/** `*` is any run of units, `?` one of them. */
export function matchesLetters(pattern: readonly Letter[], units: readonly string[]): boolean {
  // reachable[i]: the pattern so far can match the first i units.
  let reachable = [true, ...units.map(() => false)];
  for (const { text: letter, plain } of pattern) {
    if (!plain && letter === '*') {
      const first = reachable.indexOf(true);
      reachable = reachable.map((_, i) => first >= 0 && i >= first);
    } else {
      reachable = [
        false,
        ...units.map((unit, i) => reachable[i] === true && ((!plain && letter === '?') || unit === letter)),
      ];
    }
  }
  return reachable[units.length] === true;
}

/** A number with or without a fraction. */
export function decimal(text: string): number | undefined {
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** RFC 3339, in milliseconds. */
export function instant(text: string): number | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  if (month < 1 || month > 12 || day < 1 || day > (days[month - 1] ?? 0)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = (parts[8] === '-' ? -1 : 1) * (Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0));
  const utc = Date.UTC(year, month - 1, day, hour, minute, second);
  return utc + Number(`0${parts[7] ?? ''}`) * 1000 - offset * 60_000;
}

/** How two numbers or instants stand to each other, by the name of the relation. */
export function related(relation: string, value: number, limit: number): boolean {
  switch (relation) {
    case 'Equals':
      return value === limit;
    case 'NotEquals':
      return value !== limit;
    case 'LessThan':
      return value < limit;
    case 'LessThanEquals':
      return value <= limit;
    case 'GreaterThan':
      return value > limit;
    case 'GreaterThanEquals':
      return value >= limit;
    default:
      throw new Error(`the reference does not know ${relation}`);
  }
}

/** An address of four parts as a number. */
export function ipv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** One value or a list of them. */
export function list<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
