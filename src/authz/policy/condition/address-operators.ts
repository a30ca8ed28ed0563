// IpAddress and NotIpAddress on aws:SourceIp. IPv4 and v4-mapped IPv6 are one address on both sides.
import ipaddr from 'ipaddr.js';
import { type ConditionOperator, compiled, refused, type Verdict } from './operator.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

interface Block {
  readonly address: Address;
  readonly bits: number;
}

/** Bits of ::ffff:0:0/96, below which an IPv6 block is a block of IPv4. */
const MAPPED_BITS = 96;

/** Reads an address strictly: four decimal parts without leading zeros, or IPv6 without a zone. A v4-mapped one is IPv4. */
function parseAddress(text: string): Address | undefined {
  const literal = parseLiteral(text);
  return literal instanceof ipaddr.IPv6 && literal.isIPv4MappedAddress() ? literal.toIPv4Address() : literal;
}

/** An address as it is written; a v4-mapped one stays IPv6. */
export function parseLiteral(text: string): Address | undefined {
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

function parseBlock(text: string, maskRequired: boolean): Block | undefined {
  const slash = text.indexOf('/');
  if (slash === -1 && maskRequired) return undefined;
  const address = parseLiteral(slash === -1 ? text : text.slice(0, slash));
  const mask = slash === -1 ? '32' : text.slice(slash + 1);
  if (address === undefined || !/^\d{1,3}$/.test(mask)) return undefined;
  const bits = Number(mask);
  if (bits > (address instanceof ipaddr.IPv4 ? 32 : 128)) return undefined;
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= MAPPED_BITS) {
    return { address: address.toIPv4Address(), bits: bits - MAPPED_BITS };
  }
  return { address, bits };
}

function contains({ address: base, bits }: Block, address: Address): boolean {
  if (base instanceof ipaddr.IPv4) return address instanceof ipaddr.IPv4 && address.match(base, bits);
  return address instanceof ipaddr.IPv6 && address.match(base, bits);
}

function addressOperator(name: string, negated: boolean): ConditionOperator {
  return {
    name,
    compile(values, { dialect, key, ifExists }) {
      if (key !== 'aws:SourceIp') return refused('goes with aws:SourceIp only');
      const blocks: Block[] = [];
      for (const value of values) {
        const block = typeof value === 'string' ? parseBlock(value, dialect.maskRequired) : undefined;
        if (block === undefined) return refused(`takes CIDR blocks, e.g. "192.0.2.0/24", not ${JSON.stringify(value)}`);
        blocks.push(block);
      }
      return compiled((present): Verdict => {
        if (present === undefined) return ifExists || negated;
        const addresses = present.map(parseAddress);
        if (addresses.includes(undefined)) return dialect.malformedAddress === 'fault' ? 'fault' : negated;
        const inside = addresses.some(
          (address) => address !== undefined && blocks.some((block) => contains(block, address)),
        );
        return inside !== negated;
      });
    },
  };
}

export const ADDRESS_OPERATORS: readonly ConditionOperator[] = [
  addressOperator('IpAddress', false),
  addressOperator('NotIpAddress', true),
];
