// The small matchers that the ceph dialect is made of, each by itself, for those who check them one by one.
import ipaddr from 'ipaddr.js';
import { parseLiteral } from './condition/address-operators.ts';
import { matchesSegments } from './match/segments.ts';
import { matchesWildcard } from './match/wildcard.ts';

export interface Primitives {
  wildcard(pattern: string, text: string, ignoreCase: boolean): boolean;
  segments(pattern: string, text: string, mode: 'action' | 'arn'): boolean;
  /** A block as `address/mask`; null for a text that is none. */
  cidr(text: string): string | null;
  /** The client's address out of CGI variables; null when the variable is not set. */
  sourceIp(remoteAddrParam: string, env: Readonly<Record<string, string>>): string | null;
}

export const PRIMITIVES: Primitives = {
  wildcard: (pattern, text, ignoreCase) =>
    ignoreCase
      ? matchesWildcard(pattern.toLowerCase(), text.toLowerCase(), 'codePoint')
      : matchesWildcard(pattern, text, 'codePoint'),
  segments: matchesSegments,
  cidr(text) {
    const [host = '', mask, ...rest] = text.split('/');
    const address = parseLiteral(host);
    if (address === undefined || rest.length > 0) return null;
    const most = address instanceof ipaddr.IPv4 ? 32 : 128;
    if (mask !== undefined && !/^\d{1,3}$/.test(mask)) return null;
    const bits = mask === undefined ? most : Number(mask);
    return bits > most ? null : `${address.toNormalizedString()}/${bits}`;
  },
  sourceIp(remoteAddrParam, env) {
    const value = Object.hasOwn(env, remoteAddrParam) ? env[remoteAddrParam] : undefined;
    if (value === undefined) return null;
    return remoteAddrParam === 'HTTP_X_FORWARDED_FOR' ? (value.split(',', 1)[0] as string).trim() : value;
  },
};
