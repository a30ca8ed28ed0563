// Whose request it is on the network: the peer's address, or what the peer forwards if it is a configured trusted proxy.
import { BlockList, isIP } from 'node:net';

/** What the connection says, and what a trusted proxy says about the connection before it. */
export interface RequestOrigin {
  /** An IP address without port or zone; '' when there is none (a unix socket). */
  readonly address: string;
  readonly secure: boolean;
}

export interface Peer {
  readonly address: string | undefined;
  readonly encrypted: boolean;
}

/** Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #any: boolean;

  /** @param entries addresses or CIDR blocks; throws RangeError for anything else */
  constructor(entries: readonly string[]) {
    this.#any = entries.length > 0;
    for (const entry of entries) {
      const [address = '', prefix] = entry.split('/');
      const family = isIP(address);
      const bits = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
      if (family === 0 || (bits !== undefined && !(bits <= (family === 4 ? 32 : 128)))) {
        throw new RangeError(`a trusted proxy must be an address or a CIDR block, not ${JSON.stringify(entry)}`);
      }
      const type = family === 4 ? 'ipv4' : 'ipv6';
      if (bits === undefined) this.#list.addAddress(address, type);
      else this.#list.addSubnet(address, bits, type);
    }
  }

  /** The origin of a request: the forwarded addresses are walked from the nearest, as far as trusted proxies vouch for them. */
  originOf(peer: Peer, headers: ReadonlyMap<string, string>): RequestOrigin {
    let address = plainAddress(peer.address ?? '') ?? '';
    if (!this.#any || !this.#trusts(address)) return { address, secure: peer.encrypted };
    const forwarded = (headers.get('x-forwarded-for') ?? '').split(',').reverse();
    for (const hop of forwarded) {
      const next = plainAddress(hop.trim());
      if (next === undefined) break;
      address = next;
      if (!this.#trusts(address)) break;
    }
    const protocol = headers.get('x-forwarded-proto');
    return { address, secure: protocol === undefined ? peer.encrypted : protocol.trim().toLowerCase() === 'https' };
  }

  #trusts(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }
}

/** An address without brackets, port and zone; an IPv4-mapped one as IPv4. Undefined for anything else. */
function plainAddress(text: string): string | undefined {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  return isIP(address) === 0 ? undefined : address;
}
