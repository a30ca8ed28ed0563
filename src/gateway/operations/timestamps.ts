// Times as S3 writes them: HTTP dates in headers (whole seconds), ISO 8601 with milliseconds in XML.

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** 'Tue, 01 Dec 2026 10:00:00 GMT' */
export function httpDate(ns: bigint): string {
  return new Date(Number(ns / NANOSECONDS_PER_SECOND) * 1000).toUTCString();
}

/** '2026-12-01T10:00:00.123Z' */
export function isoDate(ns: bigint): string {
  return new Date(Number(ns / NANOSECONDS_PER_MILLISECOND)).toISOString();
}

/** Whole seconds since the epoch. */
export function wholeSeconds(ns: bigint): number {
  return Number(ns / NANOSECONDS_PER_SECOND);
}

/** Whole seconds of an HTTP date; undefined when it cannot be read. */
export function parseHttpDate(text: string): number | undefined {
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1000);
}
