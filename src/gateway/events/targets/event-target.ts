// What a target of events owes to its queue.
import type { TargetId } from '../target-name.ts';

/** An event as it is handed to a target: its record, and that as JSON. */
export interface DeliverableEvent {
  readonly json: string;
}

export interface EventTarget {
  readonly id: TargetId;
  /**
   * Connects if that is not done, and looks whether events can be delivered: credentials, and the place where they go. Makes the
   * table of a database. Throws TargetError.
   */
  check(): Promise<void>;
  /**
   * Delivers events in order; all of them, or throws DeliveryError that says how many. Delivering one again does no harm but the
   * repetition.
   */
  deliver(events: readonly DeliverableEvent[]): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Why a target cannot be used, in words for its operator; no secret. */
export class TargetError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TargetError';
  }
}

/** Thrown when not all events were delivered. */
export class DeliveryError extends TargetError {
  /** So many of them were, the first ones. */
  readonly delivered: number;
  /** The next one was refused for what it holds, and would be again: it must not stop those behind it. */
  readonly unacceptable: boolean;

  constructor(message: string, detail: { delivered: number; unacceptable?: boolean; cause?: unknown }) {
    super(message, { cause: detail.cause });
    this.name = 'DeliveryError';
    this.delivered = detail.delivered;
    this.unacceptable = detail.unacceptable ?? false;
  }
}

/** How long a target may take to answer, milliseconds. */
export const TARGET_TIMEOUT_MS = 10_000;
/** How long it may take to let itself be connected to. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** The words of whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message !== '' ? error.message : 'code' in error ? String(error.code) : error.name;
}
