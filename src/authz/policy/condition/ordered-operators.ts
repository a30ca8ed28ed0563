// Numeric and Date operators.
import type { ConditionRules } from './condition-rules.ts';
import { type ConditionOperator, type ConditionValue, compiled, refused } from './operator.ts';

/** Whether the order of the request's value and the policy's (negative: before, 0: equal, positive: after) satisfies. */
const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  Equals: (order) => order === 0,
  NotEquals: (order) => order !== 0,
  LessThan: (order) => order < 0,
  LessThanEquals: (order) => order <= 0,
  GreaterThan: (order) => order > 0,
  GreaterThanEquals: (order) => order >= 0,
};

type Numeric = number | bigint;

const INT64_MAX = 2n ** 63n - 1n;

/** A whole 64-bit number in decimal; undefined for anything else. Small ones are numbers, which are faster to compare. */
export function parseInteger(text: string): Numeric | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined;
  if (text.length <= 15) return Number(text) + 0;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (value > INT64_MAX || value < -INT64_MAX - 1n) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A decimal number with or without fraction and exponent. */
function parseDecimal(text: string): Numeric | undefined {
  if (!/^[+-]?(\d{1,300}(\.\d*)?|\.\d{1,300})([eE][+-]?\d{1,3})?$/.test(text)) return undefined;
  return Number(text) + 0;
}

/** A moment: whole seconds since the epoch, and nanoseconds. */
export interface Instant {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const ZERO = 48;

/** The number that `length` decimal digits from `at` make; -1 when they are not all digits. */
function digits(text: string, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    // NaN, past the end, is no digit either.
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysOfMonth(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && leap ? 29 : (DAYS_OF_MONTH[month - 1] ?? 0);
}

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}

/** An RFC 3339 instant; undefined for anything else. A fraction may follow a comma, too. */
export function parseInstant(text: string): Instant | undefined {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return undefined;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return undefined;
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':') return undefined;
  let at = 19;
  let nanoseconds = 0;
  if (text[at] === '.' || text[at] === ',') {
    const from = ++at;
    while (digits(text, at, 1) >= 0) at++;
    if (at === from) return undefined;
    nanoseconds = Number(text.slice(from, Math.min(at, from + 9)).padEnd(9, '0'));
  }
  const local = daysSinceEpoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
  if (text[at] === 'Z') return at + 1 === text.length ? { seconds: local, nanoseconds } : undefined;
  const sign = text[at] === '+' ? 1 : text[at] === '-' ? -1 : 0;
  const offsetHours = digits(text, at + 1, 2);
  const offsetMinutes = digits(text, at + 4, 2);
  if (sign === 0 || text[at + 3] !== ':' || at + 6 !== text.length) return undefined;
  if (offsetHours < 0 || offsetHours > 24 || offsetMinutes < 0 || offsetMinutes > 59) return undefined;
  return { seconds: local - sign * (offsetHours * 60 + offsetMinutes) * 60, nanoseconds };
}

/** ISO 8601 down to the month, the day or the minute. */
const SHORTENED = /^(\d{4}-\d\d)(-\d\d)?(?:(T\d\d:\d\d)(Z|[+-]\d\d:\d\d))?$/;

/** An instant, and also the first moment of a month, a day or a minute, or seconds since the epoch. */
function parseLenientInstant(text: string): Instant | undefined {
  const [, month, day = '-01', minute = 'T00:00', zone = 'Z'] = SHORTENED.exec(text) ?? [];
  const instant = parseInstant(month === undefined ? text : `${month}${day}${minute}:00${zone}`);
  if (instant !== undefined) return instant;
  if (/^-?\d{1,12}$/.test(text)) return { seconds: Number(text), nanoseconds: 0 };
  const [, seconds, fraction = ''] = /^(\d{1,12})\.(\d{1,9})$/.exec(text) ?? [];
  return seconds === undefined ? undefined : { seconds: Number(seconds), nanoseconds: Number(fraction.padEnd(9, '0')) };
}

/** How one kind of values is read and ordered. */
interface Kind<T> {
  readonly name: 'Numeric' | 'Date';
  readonly kind: 'number' | 'date';
  readonly takes: string;
  /** Only texts are values in a document. */
  readonly textOnly: boolean;
  reader(rules: ConditionRules): (text: string) => T | undefined;
  order(a: T, b: T): number;
}

const NUMERIC: Kind<Numeric> = {
  name: 'Numeric',
  kind: 'number',
  takes: 'whole number',
  textOnly: false,
  reader: ({ numbers }) => (numbers === 'int64' ? parseInteger : parseDecimal),
  order: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
};
const DATE: Kind<Instant> = {
  name: 'Date',
  kind: 'date',
  takes: 'RFC 3339 time, e.g. "2026-01-31T00:00:00Z"',
  textOnly: true,
  reader: ({ dates }) => (dates === 'rfc3339' ? parseInstant : parseLenientInstant),
  order: (a, b) => a.seconds - b.seconds || a.nanoseconds - b.nanoseconds,
};

function ordered<T>({ name, kind, takes, textOnly, reader, order }: Kind<T>, comparison: string): ConditionOperator {
  const satisfies = COMPARISONS[comparison] as (order: number) => boolean;
  const negated = comparison === 'NotEquals';
  return {
    name: name + comparison,
    compile(values, { rules, ifExists, set }) {
      const read = reader(rules);
      const refuses = rules.malformedPolicyValue === 'refused';
      const wanted: T[] = [];
      for (const value of values) {
        const one = readPolicyValue(value, read, textOnly && refuses);
        if (one !== undefined) wanted.push(one);
        else if (refuses) return refused(`takes exactly one ${takes}`);
      }
      if (rules.orderedPolicyValues === 'one' && wanted.length !== 1) return refused(`takes exactly one ${takes}`);
      const each = rules.negatedQualifier === 'each';
      const withoutKey =
        set === 'all' && each
          ? true
          : set === 'any' && each
            ? false
            : ifExists || (negated && rules.negatedWithoutKey[kind]);
      const exact = negated && rules.negatedPairs === 'none';
      const holds = (text: string): boolean => {
        const request = read(text);
        if (request === undefined) return negated && rules.notEqualsMalformed;
        for (const policy of wanted) if (satisfies(order(request, policy)) !== exact) return !exact;
        return exact;
      };
      const all = set === 'all' || (set === undefined && exact);
      return compiled((present) => {
        if (present === undefined) return withoutKey;
        if (rules.orderedValues === 'first') return holds(present[0] ?? '');
        return all ? present.every(holds) : present.some(holds);
      });
    },
  };
}

function readPolicyValue<T>(
  value: ConditionValue,
  read: (text: string) => T | undefined,
  textOnly: boolean,
): T | undefined {
  if (typeof value === 'boolean' || (textOnly && typeof value !== 'string')) return undefined;
  return read(String(value));
}

export const ORDERED_OPERATORS: readonly ConditionOperator[] = Object.keys(COMPARISONS).flatMap((comparison) => [
  ordered(NUMERIC, comparison),
  ordered(DATE, comparison),
]);
