// Puts an error on the wire: S3's XML, or an empty answer where HTTP allows no body.
import { randomFillSync } from 'node:crypto';
import { S3Error } from './errors.ts';
import type { S3Reply } from './operation.ts';
import { element, XML_PROLOG } from './xml.ts';

/** Where an error happened, as far as it is known. */
export interface ErrorPlace {
  readonly requestId: string;
  readonly rawPath: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

/** The S3Error as which any failure is shown: itself, or InternalError without a detail. */
export function shownError(error: unknown): S3Error {
  return error instanceof S3Error ? error : new S3Error('InternalError', undefined, { cause: error });
}

/** The answer to a failed request. Its body is left out by the writer for HEAD, and here for statuses that have none. */
export function errorReply(error: S3Error, place: ErrorPlace): S3Reply {
  if (error.status === 304) return { status: error.status, headers: error.headers };
  const root = element(
    'Error',
    element('Code', error.code),
    element('Message', error.message),
    place.bucket === undefined ? undefined : element('BucketName', place.bucket),
    place.key === undefined ? undefined : element('Key', place.key),
    Object.entries(error.fields).map(([name, value]) => element(name, value)),
    element('Resource', place.rawPath),
    element('RequestId', place.requestId),
    element('HostId', place.requestId),
  );
  return {
    status: error.status,
    headers: {
      ...(error.code === 'SlowDown' || error.code === 'ServiceUnavailable' ? { 'retry-after': '1' } : {}),
      ...error.headers,
      'content-type': 'application/xml',
    },
    body: XML_PROLOG + root.xml,
  };
}

const ID_BYTES = 8;
/** Random bytes for the next ids: asking for so few costs as much as asking for all of these. */
const random = Buffer.alloc(512 * ID_BYTES);
let used = random.length;

/** A new request id: 16 hex digits, as S3's are. */
export function newRequestId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += ID_BYTES;
  return random.toString('hex', used - ID_BYTES, used).toUpperCase();
}
