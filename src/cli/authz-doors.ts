// The doors of a sidecar that runs elsewhere, as a gateway's flags name them: the files for TLS, and the HTTP address that administration,
// STS and the console's calls go to.
import { isAbsolute } from 'node:path';
import type { ClientTls } from '../client/index.ts';
import type { SidecarDoor } from '../gateway/index.ts';
import type { AuthzTlsFiles } from './gateway-settings.ts';
import { readPem } from './http-doors.ts';
import { UsageError } from './root-credentials.ts';

/** Throws UsageError. */
export function readAuthzTls(files: AuthzTlsFiles | undefined): ClientTls | undefined {
  return files === undefined ? undefined : readPems(files);
}

function readPems({ ca, cert, key }: AuthzTlsFiles): { ca: string; cert?: string; key?: string } {
  return {
    ca: readPem('--authz-tls-ca', ca),
    ...(cert === undefined ? {} : { cert: readPem('--authz-tls-cert', cert) }),
    ...(key === undefined ? {} : { key: readPem('--authz-tls-key', key) }),
  };
}

/** What --authz-http says; holds no secret. */
export type AuthzHttpAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'http' | 'https'; readonly host: string; readonly port: number };

/** Reads `unix:PATH`, `http://HOST:PORT` or `https://HOST:PORT`. Throws UsageError. */
export function parseAuthzHttp(text: string): AuthzHttpAddress {
  const wrong = new UsageError(
    `--authz-http must be unix:PATH (absolute), http://HOST:PORT or https://HOST:PORT, not ${JSON.stringify(text)}`,
  );
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (!isAbsolute(path)) throw wrong;
    return { kind: 'unix', path };
  }
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw wrong;
  const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(text);
  if (hostname === '' || pathname !== '/' || search + hash + username + password !== '') throw wrong;
  const kind = protocol === 'https:' ? 'https' : 'http';
  return { kind, host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (kind === 'https' ? 443 : 80)) };
}

/**
 * The door that the gateway forwards to.
 * @param token what a door at an address wants to see
 * Throws UsageError.
 */
export function sidecarDoor(
  address: AuthzHttpAddress,
  token: string | undefined,
  tls: AuthzTlsFiles | undefined,
): SidecarDoor {
  if (address.kind === 'unix') return address;
  if (token === undefined) throw new UsageError(AUTHZ_HTTP_NEEDS_TOKEN);
  const { host, port } = address;
  if (address.kind === 'http') return { kind: 'http', host, port, token };
  return { kind: 'https', host, port, token, tls: tls === undefined ? {} : readPems(tls) };
}

/** Without it the sidecar would take the gateway for the client of every request. */
export const AUTHZ_HTTP_NEEDS_TOKEN =
  '--authz-http http://… and https://… need --authz-token-file: the sidecar believes a gateway that it knows, and nobody else, about whose request it is';
