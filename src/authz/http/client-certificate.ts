// The certificate that a client showed when the connection was made, as far as it is an identity.
import { TLSSocket } from 'node:tls';

export interface ClientCertificate {
  /** Why it is not to be believed; undefined when it is. */
  readonly problem: string | undefined;
  /** CN of its subject. */
  readonly commonName: string;
  /** Unix milliseconds. */
  readonly validUntilMs: number;
}

/** RFC 5280, 4.2.1.12: id-kp-clientAuth. */
const CLIENT_AUTHENTICATION = '1.3.6.1.5.5.7.3.2';
const MAX_COMMON_NAME_CHARACTERS = 256;

/**
 * Undefined when the client showed none.
 * @param skipVerify the authority that signed it does not matter (MINIO_IDENTITY_TLS_SKIP_VERIFY)
 */
export function clientCertificateOf(socket: unknown, skipVerify: boolean): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerCertificate();
  // without one it is an empty object
  if (certificate.subject === undefined) return undefined;
  const { CN } = certificate.subject;
  const commonName = typeof CN === 'string' ? CN : '';
  return {
    problem: problemOf(commonName, certificate.ext_key_usage, skipVerify || socket.authorized),
    commonName,
    validUntilMs: Date.parse(certificate.valid_to),
  };
}

function problemOf(commonName: string, usages: readonly string[] | undefined, isTrusted: boolean): string | undefined {
  if (!isTrusted) return 'no authority that is trusted here signed it, or it is not valid now';
  if (usages?.includes(CLIENT_AUTHENTICATION) !== true) return 'it is not one for client authentication';
  if (commonName === '') return 'its subject has no common name';
  if (commonName.length > MAX_COMMON_NAME_CHARACTERS) return 'its common name is too long';
  return undefined;
}
