// Numeric and Date operators: the first value of the request against the one value of the policy.
import { type ConditionOperator, type ConditionValue, compiled, refused } from './operator.ts';

const COMPARISONS: Readonly<Record<string, (request: bigint, policy: bigint) => boolean>> = {
  Equals: (a, b) => a === b,
  NotEquals: (a, b) => a !== b,
  LessThan: (a, b) => a < b,
  LessThanEquals: (a, b) => a <= b,
  GreaterThan: (a, b) => a > b,
  GreaterThanEquals: (a, b) => a >= b,
};

const INT64_MAX = 2n ** 63n - 1n;

/** A whole 64-bit number in decimal; undefined for anything else. */
export function parseInteger(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value > INT64_MAX || value < -INT64_MAX - 1n ? undefined : value;
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** An RFC 3339 instant as nanoseconds since the epoch; undefined for anything else. */
export function parseInstant(text: string): bigint | undefined {
  const m = RFC3339.exec(text);
  if (m === null) return undefined;
  const [year, month, day, hour, minute, second] = m.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const fraction = BigInt((m[7] ?? '').slice(0, 9).padEnd(9, '0'));
  const [offsetHours, offsetMinutes] = [Number(m[9] ?? 0), Number(m[10] ?? 0)];
  if (offsetHours > 24 || offsetMinutes > 59) return undefined;
  const offset = BigInt((offsetHours * 60 + offsetMinutes) * 60) * (m[8] === '-' ? -1n : 1n);
  return (BigInt(date.getTime()) / 1000n - offset) * 1_000_000_000n + fraction;
}

function ordered(
  kind: string,
  comparison: string,
  readPolicy: (value: ConditionValue) => bigint | undefined,
  readRequest: (text: string) => bigint | undefined,
  takes: string,
): ConditionOperator {
  const compare = COMPARISONS[comparison] as (a: bigint, b: bigint) => boolean;
  const negated = comparison === 'NotEquals';
  return {
    name: kind + comparison,
    compile(values, { dialect, ifExists }) {
      const [first] = values;
      const policy = values.length === 1 && first !== undefined ? readPolicy(first) : undefined;
      if (policy === undefined) return refused(`takes exactly one ${takes}`);
      return compiled((present) => {
        if (present === undefined) return ifExists || (negated && dialect.notEqualsWithoutValue);
        const request = readRequest(present[0] ?? '');
        return request === undefined ? negated && dialect.notEqualsWithoutValue : compare(request, policy);
      });
    },
  };
}

const policyInteger = (value: ConditionValue): bigint | undefined =>
  typeof value === 'boolean' ? undefined : parseInteger(String(value));
const policyInstant = (value: ConditionValue): bigint | undefined =>
  typeof value === 'string' ? parseInstant(value) : undefined;

export const ORDERED_OPERATORS: readonly ConditionOperator[] = Object.keys(COMPARISONS).flatMap((comparison) => [
  ordered('Numeric', comparison, policyInteger, parseInteger, 'whole number'),
  ordered('Date', comparison, policyInstant, parseInstant, 'RFC 3339 time, e.g. "2026-01-31T00:00:00Z"'),
]);
