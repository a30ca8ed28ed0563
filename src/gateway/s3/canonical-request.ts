// The canonical request of Signature Version 4, rebuilt from what arrived, as the client must have signed it.
// AWS: "Create a signed AWS API request", with S3's rule for paths (encoded once, '/' kept).
import { createHash } from 'node:crypto';
import type { RequestHeaders } from './request-headers.ts';
import { encodeComponent, type QueryParameter, type RequestTarget } from './request-target.ts';

/** SHA-256 of nothing, hex. */
export const EMPTY_SHA256 = createHash('sha256').digest('hex');

export interface CanonicalParts {
  readonly method: string;
  readonly target: Pick<RequestTarget, 'canonicalPath' | 'query'>;
  readonly headers: RequestHeaders;
  /** The list of signed headers as the client sent it: 'host;x-amz-date'. */
  readonly signedHeaders: string;
  /** The last line: a hash, or one of S3's words. */
  readonly payloadHash: string;
  /** A parameter that is left out: X-Amz-Signature of a presigned URL. */
  readonly withoutParameter?: string;
  readonly repeated?: RepeatedParameters;
}

/**
 * The order of the values of a parameter that is there several times: sorted, as AWS says, or as they were sent, which is how
 * MinIO's Go clients sign them (ListenNotification has several `events`).
 */
export type RepeatedParameters = 'sorted' | 'as-sent';

/** Whether the two orders differ for a request. */
export function hasUnsortedRepeats(query: readonly QueryParameter[]): boolean {
  return canonicalQuery(query) !== canonicalQuery(query, undefined, 'as-sent');
}

/** The text's bytes. A header that is listed and did not arrive has an empty value. */
export function canonicalRequest(parts: CanonicalParts): Buffer {
  const names = parts.signedHeaders.split(';');
  const headerLines = names.map((name) => `${name}:${parts.headers.signed(name) ?? ''}\n`);
  const text = [
    parts.method,
    parts.target.canonicalPath,
    canonicalQuery(parts.target.query, parts.withoutParameter, parts.repeated),
    headerLines.join(''),
    parts.signedHeaders,
    parts.payloadHash,
  ].join('\n');
  return Buffer.from(text, 'latin1');
}

/** Names and values encoded, then sorted by name and (unless they stay as they were sent) by value. */
export function canonicalQuery(
  query: readonly QueryParameter[],
  without?: string,
  repeated: RepeatedParameters = 'sorted',
): string {
  if (query.length === 0) return '';
  return query
    .filter(({ name }) => name !== without)
    .map(({ name, value }) => [encodeComponent(name), encodeComponent(value)] as const)
    .sort(
      ([nameA, valueA], [nameB, valueB]) =>
        compare(nameA, nameB) || (repeated === 'sorted' ? compare(valueA, valueB) : 0),
    )
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Encoded text is ASCII, so code units are bytes. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The names of host and of x-amz-* headers that arrived and are not in the list of signed ones. */
export function unsignedHeaders(headers: RequestHeaders, signedHeaders: string): string[] {
  const signed = new Set(signedHeaders.split(';'));
  return [...headers.values.keys()].filter(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !signed.has(name),
  );
}
