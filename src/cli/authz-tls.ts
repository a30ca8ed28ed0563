// The files with which a gateway talks to a sidecar over TLS.
import type { ClientTls } from '../client/index.ts';
import type { AuthzTlsFiles } from './gateway-settings.ts';
import { readPem } from './http-doors.ts';

/** Throws UsageError. */
export function readAuthzTls(files: AuthzTlsFiles | undefined): ClientTls | undefined {
  if (files === undefined) return undefined;
  const { ca, cert, key } = files;
  return {
    ca: readPem('--authz-tls-ca', ca),
    ...(cert === undefined ? {} : { cert: readPem('--authz-tls-cert', cert) }),
    ...(key === undefined ? {} : { key: readPem('--authz-tls-key', key) }),
  };
}
