// TLS between a caller and its sidecar.
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';

/** TLS to a sidecar over TCP. PEM texts. */
export interface ClientTls {
  /** Authorities that may have signed the sidecar's certificate; the system's without it. */
  readonly ca?: string | Buffer;
  /** The caller's own certificate and key, for a sidecar that asks for one. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

/** Of a channel: TLS, or in the clear without. */
export function channelCredentials(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const bytes = (text: string | Buffer | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  return credentials.createSsl(bytes(tls.ca), bytes(tls.key), bytes(tls.cert));
}
