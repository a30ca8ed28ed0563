// The decisions of the last while, as the service keeps them in memory.
import type { StatementTrace } from './policy-desk.ts';
import { sendJson } from './request.ts';

export interface AuditLine {
  readonly sequence: number;
  readonly time: string; // RFC 3339
  readonly requestId: string;
  readonly sourceAddress: string;
  readonly accessKey: string;
  /** Its ARN; '' for the anonymous, and for credentials that did not stand. */
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly outcome: string;
  readonly policy?: string;
  readonly sid?: string;
  readonly statement?: number;
  readonly reason: string;
  /** The condition keys that it was decided by. */
  readonly context: Readonly<Record<string, readonly string[]>>;
  /** Nobody acted on it: a page of the console asked, to know what to show. */
  readonly asksOnly?: boolean;
}

/** Lines after a sequence number, and the number to go on with. `questions`: also what pages like this one asked of themselves. */
export function recentDecisions(after: number, questions: boolean): Promise<{ lines: AuditLine[]; next: number }> {
  return sendJson(`/minio/console/api/audit?after=${after}&questions=${questions}`, 'GET');
}

/** A decision, and each access with every statement that was looked at, by the policies as they were then. */
export interface ExplainedLine extends AuditLine {
  readonly explanation: readonly {
    readonly action: string;
    readonly resource: string;
    readonly outcome: string;
    readonly statements: readonly StatementTrace[];
  }[];
}

/** The decisions of one request; throws ApiError NoSuchRequest. */
export async function decisionsOf(requestId: string): Promise<ExplainedLine[]> {
  const { lines } = await sendJson<{ lines: ExplainedLine[] }>(
    `/minio/console/api/audit?request=${encodeURIComponent(requestId)}`,
    'GET',
  );
  return lines;
}
