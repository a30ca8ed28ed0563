// One structured line a decision: who asked for what, what was decided, by which statement. Never a secret: neither signatures nor
// tokens nor canonical requests reach an entry.

/** One use of a resource that a decision is about. */
export interface AuditedAccess {
  readonly action: string;
  readonly resource: string;
  readonly outcome: string;
}

export interface AuditEntry {
  readonly time: string; // RFC 3339
  readonly requestId: string;
  readonly sourceAddress: string;
  readonly principalType: string;
  readonly accessKey: string;
  readonly parent: string;
  /** Its ARN; '' for the anonymous, and for credentials that did not stand. */
  readonly principal: string;
  /** The access that decided. */
  readonly action: string;
  readonly resource: string;
  readonly outcome: string;
  readonly reason: string;
  /** The statement that decided. */
  readonly policy?: string;
  readonly sid?: string;
  readonly statement?: number;
  /** All that was asked for: every one must be allowed. */
  readonly accesses: readonly AuditedAccess[];
  /** The facts that the deciding access was decided by: condition keys, as policies write them. */
  readonly context: Readonly<Record<string, readonly string[]>>;
  readonly latencyMs: number;
  readonly revision: string;
  /** Nobody acted on it: the console's page asked, to know what to show. */
  readonly asksOnly?: boolean;
}

/** A decision as it was made. Its line is written only when somebody reads it. */
export interface AuditedDecision {
  /** Something of it was not allowed. */
  readonly isRefusal: boolean;
  /** As in the entry. */
  readonly asksOnly: boolean;
  entry(): AuditEntry;
  /** How it came about, for administrators: data that can be shown as JSON. */
  explain(): unknown;
}

export interface AuditSink {
  /** Takes a decision. Never throws, and never waits. */
  write(decision: AuditedDecision): void;
  /** Takes a decision and resolves when its line is kept; rejects when it is not. */
  keep(decision: AuditedDecision): Promise<void>;
  /** Writes out what waits. Idempotent. */
  close(): Promise<void>;
}

/** Condition keys whose values may hold what signs a request: shown up to the query. */
const URLS: ReadonlySet<string> = new Set(['aws:Referer']);

/** Facts as a line shows them. */
export function auditedContext(keys: ReadonlyMap<string, readonly string[]>): AuditEntry['context'] {
  const shown: Record<string, readonly string[]> = {};
  for (const [key, values] of keys) {
    shown[key] = URLS.has(key) ? values.map((value) => value.replace(/[?#].*$/s, '')) : values;
  }
  return shown;
}
