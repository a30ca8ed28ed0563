// IpAddress and NotIpAddress on aws:SourceIp. IPv4 and v4-mapped IPv6 are one address on both sides.
import ipaddr from 'ipaddr.js';
import { type ConditionOperator, compiled, refused, type Verdict } from './operator.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Block = readonly [Address, number];

/** Reads an address strictly: four decimal parts without leading zeros, or IPv6 without a zone. */
function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return /(^|\.)0\d/.test(text) ? undefined : ipaddr.IPv4.parse(text);
  }
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text);
}

/** Everything is compared as IPv6, IPv4 in its mapped form. */
function asIPv6(address: Address): ipaddr.IPv6 {
  return address instanceof ipaddr.IPv4 ? address.toIPv4MappedAddress() : address;
}

function parseBlock(text: string, maskRequired: boolean): Block | undefined {
  const slash = text.indexOf('/');
  if (slash === -1 && maskRequired) return undefined;
  const address = parseAddress(slash === -1 ? text : text.slice(0, slash));
  const mask = slash === -1 ? '32' : text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(mask)) return undefined;
  const bits = Number(mask);
  const isV4 = address instanceof ipaddr.IPv4;
  if (bits > (isV4 ? 32 : 128)) return undefined;
  return [asIPv6(address), isV4 ? bits + 96 : bits];
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
        const inside = addresses.some((address) =>
          blocks.some((block) => address !== undefined && asIPv6(address).match(block[0] as ipaddr.IPv6, block[1])),
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
