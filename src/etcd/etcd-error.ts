// What goes wrong with etcd, in two kinds: the cluster cannot be reached, or it refuses what was asked.
import { type ServiceError, status } from '@grpc/grpc-js';

/** 'unavailable': no answer, or no leader; a change may have been made or not. 'refused': the request itself is at fault. */
export type EtcdErrorKind = 'unavailable' | 'refused';

export class EtcdError extends Error {
  readonly kind: EtcdErrorKind;
  constructor(kind: EtcdErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EtcdError';
    this.kind = kind;
  }
}

const UNAVAILABLE: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.UNKNOWN,
  status.ABORTED,
  status.RESOURCE_EXHAUSTED,
  status.INTERNAL,
]);

export function etcdErrorOf(error: ServiceError): EtcdError {
  const kind = UNAVAILABLE.has(error.code) ? 'unavailable' : 'refused';
  return new EtcdError(kind, `etcd: ${error.details || error.message}`, { cause: error });
}

/** The token ran out, or the server was started anew: signing in again helps. */
export function isExpiredToken(error: ServiceError): boolean {
  return error.code === status.UNAUTHENTICATED || /invalid auth token|auth revision/i.test(error.details ?? '');
}
