// Listen addresses as the command line takes them, and the sockets that they mean.
import { isIP } from 'node:net';
import { UsageError } from './root-credentials.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `HOST:PORT`, `:PORT` (every address) or `[IPV6]:PORT`. Throws UsageError.
 * @param what names the argument in the message
 */
export function parseHostPort(text: string, what: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535 || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    throw new UsageError(`${what} must be HOST:PORT, e.g. localhost:9000 or 0.0.0.0:9000, not ${JSON.stringify(text)}`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

/** The addresses to bind for a host: `localhost` is both loopbacks, an empty host every address. */
export function bindAddresses(host: string): readonly string[] {
  if (host === 'localhost') return ['127.0.0.1', '::1'];
  return [host === '' ? '::' : host];
}

/** An endpoint as a client would write it. */
export function endpointUrl({ host, port }: HostPort, secure: boolean): string {
  const name = host === '' || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `${secure ? 'https' : 'http'}://${isIP(name) === 6 ? `[${name}]` : name}:${port}`;
}
