// The decisions of the last while, as the service keeps them in memory.
import { sendJson } from './request.ts';

export interface AuditLine {
  readonly sequence: number;
  readonly time: string; // RFC 3339
  readonly requestId: string;
  readonly sourceAddress: string;
  readonly accessKey: string;
  readonly action: string;
  readonly resource: string;
  readonly outcome: string;
  readonly policy?: string;
  readonly sid?: string;
  readonly statement?: number;
}

/** Lines after a sequence number, and the number to go on with. */
export function recentDecisions(after: number): Promise<{ lines: AuditLine[]; next: number }> {
  return sendJson(`/minio/console/api/audit?after=${after}`, 'GET');
}

/** The lines of one request; throws ApiError NoSuchRequest. */
export async function decisionsOf(requestId: string): Promise<AuditLine[]> {
  const { lines } = await sendJson<{ lines: AuditLine[] }>(
    `/minio/console/api/audit?request=${encodeURIComponent(requestId)}`,
    'GET',
  );
  return lines;
}
