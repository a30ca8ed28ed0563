// What goes wrong, as gRPC statuses. Outages and bugs are logged by the caller and shown without detail.
import { status } from '@grpc/grpc-js';
import { AskFault, type AskFaultKind } from '../identity/ask-fault.ts';

const CODES: Readonly<Record<AskFaultKind, status>> = {
  malformed: status.INVALID_ARGUMENT,
  'not-permitted': status.PERMISSION_DENIED,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
};

export interface StatusOfError {
  readonly code: status;
  readonly details: string;
  /** True for an outage or a bug, which somebody should look at. */
  readonly unexpected: boolean;
}

export function statusOf(error: unknown): StatusOfError {
  if (error instanceof AskFault) return { code: CODES[error.kind], details: error.message, unexpected: false };
  return { code: status.INTERNAL, details: 'the question could not be answered', unexpected: true };
}
