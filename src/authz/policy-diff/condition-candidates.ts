// Values that a condition may tell apart: those that it names, those beside them, and something else altogether.
import ipaddr from 'ipaddr.js';
import { FRESH, matchingTexts } from './pattern-texts.ts';
import type { WrittenCondition } from './written-policy.ts';

/** The values of one key in a request; undefined = the key is not there. */
export type Candidate = readonly string[] | undefined;

/** Most candidates of one key. */
const MAX_CANDIDATES = 60;

/** Candidates by key, out of all the conditions on it. */
export function conditionCandidates(conditions: readonly WrittenCondition[]): Map<string, Candidate[]> {
  const byKey = new Map<string, Candidate[]>();
  const known = new Set<string>();
  for (const condition of conditions) {
    const list = byKey.get(condition.key) ?? [undefined];
    byKey.set(condition.key, list);
    for (const candidate of candidatesOf(condition)) {
      const id = `${condition.key}\0${JSON.stringify(candidate)}`;
      if (known.has(id) || list.length >= MAX_CANDIDATES) continue;
      known.add(id);
      list.push(candidate);
    }
  }
  return byKey;
}

function candidatesOf({ operator, key, values }: WrittenCondition): Candidate[] {
  const set = /^(ForAllValues|ForAnyValue):/.test(operator);
  const name = operator.replace(/^[A-Za-z]+:/, '').replace(/IfExists$/, '');
  const singles = [...new Set(values.flatMap((value) => valuesAround(name, value)))];
  const other = otherValue(name, key);
  const lists: Candidate[] = [...singles, other].map((value) => [value]);
  if (!set) return lists;
  return [...lists, values, [...values.slice(0, 1), other], []];
}

function valuesAround(operator: string, value: string): string[] {
  if (operator.startsWith('Numeric')) return numbersAround(value);
  if (operator.startsWith('Date')) return datesAround(value);
  if (operator.endsWith('IpAddress')) return addressesAround(value);
  if (operator === 'Bool') return ['true', 'false'];
  if (operator === 'Null') return [];
  if (operator === 'BinaryEquals') return [Buffer.from(value, 'base64').toString(), value];
  const texts = /Like$|^Arn/.test(operator) ? matchingTexts(value) : [value];
  return [...texts, `${texts[0]}${FRESH}`, ...(/IgnoreCase/.test(operator) ? [value.toUpperCase()] : [])];
}

function numbersAround(value: string): string[] {
  const number = Number(value);
  return Number.isFinite(number) ? [value, String(number - 1), String(number + 1)] : [value];
}

function datesAround(value: string): string[] {
  const time = Date.parse(value);
  if (Number.isNaN(time)) return [value];
  return [value, ...[-1_000, 1_000].map((shift) => new Date(time + shift).toISOString())];
}

/** The first and the last address of a block, and the ones outside of both ends. */
function addressesAround(block: string): string[] {
  const [host = '', mask] = block.split('/');
  if (!ipaddr.isValid(host)) return [];
  const bytes = ipaddr.parse(host).toByteArray();
  const bits = mask === undefined ? bytes.length * 8 : Number(mask);
  if (!(bits >= 0 && bits <= bytes.length * 8)) return [];
  const width = BigInt(bytes.length * 8);
  const size = 1n << (width - BigInt(bits));
  const number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const first = number - (number % size);
  return [first, first + size - 1n, first + size / 2n, first - 1n, first + size]
    .filter((address) => address >= 0n && address < 1n << width)
    .map((address) => addressText(address, bytes.length));
}

function addressText(address: bigint, length: number): string {
  const bytes: number[] = [];
  for (let rest = address, i = 0; i < length; i++, rest /= 256n) bytes.unshift(Number(rest % 256n));
  return ipaddr.fromByteArray(bytes).toString();
}

/** Something of the right form that no document is likely to name. */
function otherValue(operator: string, key: string): string {
  const name = key.toLowerCase();
  if (operator.startsWith('Numeric') || name === 's3:max-keys' || name === 'aws:epochtime') return '987654321';
  if (operator.startsWith('Date') || name === 'aws:currenttime') return '2001-02-03T04:05:06Z';
  if (operator.endsWith('IpAddress') || name === 'aws:sourceip') return '203.0.113.77';
  if (operator === 'Bool' || name === 'aws:securetransport') return 'true';
  return FRESH;
}
