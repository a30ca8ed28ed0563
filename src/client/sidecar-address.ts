// Where the sidecar listens, as the command line says it, and what gRPC calls that place.
import { isAbsolute } from 'node:path';

/**
 * `unix:PATH` (absolute) or `HOST:PORT` to a gRPC target. Throws TypeError for anything else.
 */
export function sidecarTarget(address: string): string {
  if (address.startsWith('unix:')) {
    const path = address.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (!isAbsolute(path)) throw new TypeError(`a unix socket needs an absolute path: ${JSON.stringify(address)}`);
    return `unix:${path}`;
  }
  if (/^(?:\[[0-9a-fA-F:.]+\]|[^:/[\]\s]+):\d{1,5}$/.test(address)) return `dns:///${address}`;
  throw new TypeError(`the sidecar's address must be unix:PATH or HOST:PORT, not ${JSON.stringify(address)}`);
}
