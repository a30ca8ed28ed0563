// IpAddress and NotIpAddress. Addresses are compared as numbers: 32 bits, or 128 as four words.
import ipaddr from 'ipaddr.js';
import type { ConditionRules } from './condition-rules.ts';
import { type ConditionOperator, compiled, type OperatorOptions, refused, type Verdict } from './operator.ts';

/** One word (IPv4) or four (IPv6), unsigned, and how many of its bits count. */
interface Network {
  readonly words: readonly number[];
  readonly bits: number;
  /** Written without a mask, where that is the one host: nothing is said of the other family. */
  readonly host: boolean;
}

/** An address as it is written; a v4-mapped one stays IPv6. Four decimal parts without leading zeros, or IPv6 without a zone. */
export function parseLiteral(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return /(^|\.)0\d/.test(text) ? undefined : ipaddr.IPv4.parse(text);
  }
  const groups = withoutDottedTail(text);
  if (groups === undefined || groups.includes('%') || !ipaddr.IPv6.isValid(groups)) return undefined;
  return ipaddr.IPv6.parse(groups);
}

/** Writes the dotted end of an IPv6 text as two groups, so that `::10.0.0.5` is not taken for the mapped `::ffff:10.0.0.5`. */
function withoutDottedTail(text: string): string | undefined {
  const colon = text.lastIndexOf(':');
  const tail = text.slice(colon + 1);
  if (colon === -1 || !tail.includes('.')) return text;
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail) || /(^|\.)0\d/.test(tail)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets;
  return `${text.slice(0, colon + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** Reads four decimal parts fast; undefined for anything else. */
function parseDotted(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  let value = 0;
  let part = -1;
  let parts = 0;
  let digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 46;
    if (code === 46) {
      if (digits === 0 || part > 255) return undefined;
      value = value * 256 + part;
      parts++;
      part = -1;
      digits = 0;
    } else if (code >= 48 && code <= 57) {
      if (part === 0) return undefined;
      part = digits === 0 ? code - 48 : part * 10 + code - 48;
      if (++digits > 3) return undefined;
    } else return undefined;
  }
  return parts === 4 ? value : undefined;
}

/** The words of an address; v4-mapped ones as IPv4 where the dialect has it so. */
function parseWords(text: string, rules: ConditionRules): readonly number[] | undefined {
  const dotted = parseDotted(text);
  if (dotted !== undefined) return [dotted];
  const literal = parseLiteral(text);
  if (literal === undefined) return undefined;
  return rules.mappedAddresses && literal instanceof ipaddr.IPv6 && literal.isIPv4MappedAddress()
    ? wordsOf(literal.toIPv4Address())
    : wordsOf(literal);
}

function wordsOf(address: ipaddr.IPv4 | ipaddr.IPv6): readonly number[] {
  const bytes = address.toByteArray();
  const words: number[] = [];
  for (let i = 0; i < bytes.length; i += 4) {
    words.push(
      (((bytes[i] ?? 0) << 24) | ((bytes[i + 1] ?? 0) << 16) | ((bytes[i + 2] ?? 0) << 8) | (bytes[i + 3] ?? 0)) >>> 0,
    );
  }
  return words;
}

/** Bits of ::ffff:0:0/96, below which an IPv6 block is a block of IPv4. */
const MAPPED_BITS = 96;

function parseNetwork(text: string, rules: ConditionRules): Network | undefined {
  const slash = text.indexOf('/');
  if (slash === -1 && rules.blockWithoutMask === 'refused') return undefined;
  const address = parseLiteral(slash === -1 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const most = address instanceof ipaddr.IPv4 ? 32 : 128;
  const mask = slash !== -1 ? text.slice(slash + 1) : rules.blockWithoutMask === 'slash32' ? '32' : String(most);
  if (!/^\d{1,3}$/.test(mask) || Number(mask) > most) return undefined;
  const bits = Number(mask);
  if (rules.mappedAddresses && address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= MAPPED_BITS) {
    return { words: wordsOf(address.toIPv4Address()), bits: bits - MAPPED_BITS, host: false };
  }
  const whole = bits === 0 && most === 32 && rules.blockOfAllIpv4 === 'itsAddress';
  return {
    words: wordsOf(address),
    bits: whole ? most : bits,
    host: slash === -1 && rules.blockWithoutMask === 'host',
  };
}

function sameBits(a: readonly number[], b: readonly number[], bits: number): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0, left = bits; left > 0; i++, left -= 32) {
    const differing = ((a[i] ?? 0) ^ (b[i] ?? 0)) >>> 0;
    if ((left >= 32 ? differing : differing >>> (32 - left)) !== 0) return false;
  }
  return true;
}

function addressOperator(name: string, negated: boolean): ConditionOperator {
  return {
    name,
    compile(values, options) {
      const { rules, key } = options;
      if (rules.boundToKeys && key !== 'aws:SourceIp') return refused('goes with aws:SourceIp only');
      const blocks: Network[] = [];
      for (const value of values) {
        const block = typeof value === 'string' ? parseNetwork(value, rules) : undefined;
        if (block !== undefined) blocks.push(block);
        else if (rules.malformedPolicyValue === 'refused') {
          return refused(`takes CIDR blocks, e.g. "192.0.2.0/24", not ${JSON.stringify(String(value))}`);
        }
      }
      return rules.networks
        ? compiled(networkTest(blocks, negated, options))
        : compiled(addressTest(blocks, negated, options), rules.malformedAddress === 'fault');
    },
  };
}

function addressTest(blocks: readonly Network[], negated: boolean, { rules, ifExists, set }: OperatorOptions) {
  const each = rules.negatedQualifier === 'each';
  const withoutKey =
    set === 'all' && each
      ? true
      : set === 'any' && each
        ? false
        : ifExists || (negated && rules.negatedWithoutKey.address);
  const dotted = dottedBlocks(blocks);
  const hasIpv6Hosts = blocks.some((block) => block.host && block.words.length !== 1);
  /** Undefined: a host of the other family is among the blocks, and none holds the address. */
  const inDotted = (address: number): boolean | undefined => {
    for (let i = 0; i < dotted.length; i += 2) {
      if (((address ^ (dotted[i] ?? 0)) & (dotted[i + 1] ?? 0)) === 0) return true;
    }
    return hasIpv6Hosts ? undefined : false;
  };
  const inBlocks = (words: readonly number[]): boolean | undefined => {
    let unclear = false;
    for (const block of blocks) {
      if (sameBits(block.words, words, block.bits)) return true;
      if (block.host && block.words.length !== words.length) unclear = true;
    }
    return unclear ? undefined : false;
  };
  return (present: readonly string[] | undefined): Verdict => {
    if (present === undefined) return withoutKey;
    let inside = 0;
    let outside = 0;
    for (const text of present) {
      const address = parseDotted(text);
      const words = address === undefined ? parseWords(text, rules) : undefined;
      if (address === undefined && words === undefined) {
        if (rules.malformedAddress === 'fault') return 'fault';
        return rules.malformedAddress === 'noMatch' && negated;
      }
      const held = address !== undefined ? inDotted(address) : words !== undefined && inBlocks(words);
      if (held === true) inside++;
      else if (held === false) outside++;
      else if (negated) return false;
    }
    if (each && set === 'all') return negated ? outside === present.length : inside === present.length;
    if (each && set === 'any') return negated ? outside > 0 : inside > 0;
    return inside > 0 !== negated;
  };
}

/** The IPv4 blocks one after the other, each its address and its mask: most requests come from such an address. */
function dottedBlocks(blocks: readonly Network[]): Int32Array {
  const dotted: number[] = [];
  for (const { words, bits } of blocks) {
    if (words.length === 1) dotted.push(words[0] ?? 0, bits === 0 ? 0 : -1 << (32 - bits));
  }
  return Int32Array.from(dotted);
}

/** The first value as a network; equal to a block on the shorter of the two masks. */
function networkTest(blocks: readonly Network[], negated: boolean, { rules, ifExists }: OperatorOptions) {
  return (present: readonly string[] | undefined): Verdict => {
    if (present === undefined) return ifExists || (negated && rules.negatedWithoutKey.address);
    const asked = parseNetwork(present[0] ?? '', rules);
    if (asked === undefined) return false;
    const equal = blocks.some((block) => sameBits(block.words, asked.words, Math.min(block.bits, asked.bits)));
    return equal !== negated;
  };
}

export const ADDRESS_OPERATORS: readonly ConditionOperator[] = [
  addressOperator('IpAddress', false),
  addressOperator('NotIpAddress', true),
];
