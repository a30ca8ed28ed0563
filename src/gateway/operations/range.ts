// The Range header of GetObject and HeadObject, and the copy-source range of UploadPartCopy.
import { S3Error } from '../s3/errors.ts';

/** Bytes [start, end). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const RANGE = /^bytes=(\d*)-(\d*)$/;
const COPY_SOURCE_RANGE = /^bytes=(\d+)-(\d+)$/;

/**
 * The bytes that a Range header asks for out of `size`; undefined when it is not one range of bytes (RFC 9110: then the
 * whole object is sent). Throws InvalidRange when there are no such bytes.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = header === undefined ? null : RANGE.exec(header.trim());
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    if (length === 0) throw unsatisfiable(header, size);
    return { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) throw unsatisfiable(header, size);
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

/** 'bytes 0-3/10' */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`;
}

/** The bytes of x-amz-copy-source-range; both ends must be there and in the source. Throws InvalidArgument, InvalidRange. */
export function parseCopySourceRange(header: string): { checkedAgainst(size: number): ByteRange } {
  const match = COPY_SOURCE_RANGE.exec(header.trim());
  const start = Number(match?.[1]);
  const end = Number(match?.[2]) + 1;
  if (match === null || start >= end) {
    throw new S3Error('InvalidArgument', 'x-amz-copy-source-range should be bytes=FIRST-LAST, with first <= last.', {
      fields: { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: header },
    });
  }
  return {
    checkedAgainst(size) {
      if (end > size) throw unsatisfiable(header, size);
      return { start, end };
    },
  };
}

function unsatisfiable(header: string | undefined, size: number): S3Error {
  return new S3Error('InvalidRange', undefined, {
    fields: { RangeRequested: header ?? '', ActualObjectSize: String(size) },
    headers: { 'content-range': `bytes */${size}` },
  });
}
