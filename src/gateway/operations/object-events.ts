// What the operations on objects tell of what they did. Who is to hear of it is not known here.
import type { EventName } from '../s3/event-name.ts';
import type { ObjectEvent } from '../s3/object-event.ts';
import type { BucketName, ObjectKey } from '../s3/object-name.ts';
import type { S3Reply } from '../s3/operation.ts';
import { DEFAULT_PUT_CONTENT_TYPE } from './content-type.ts';
import { USER_METADATA_PREFIX } from './object-attributes.ts';

/** Headers of an upload that MinIO's events show, beside people's own. */
const SHOWN_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
] as const;

interface Named {
  readonly bucket: BucketName;
  readonly key: ObjectKey;
}

/** An object came to be. `headers` are those of an upload, which say what it is. */
export function createdEvent(
  name: Extract<EventName, `s3:ObjectCreated:${string}`>,
  { bucket, key }: Named,
  written: { readonly size: number; readonly etag: string | undefined; readonly headers?: ReadonlyMap<string, string> },
): ObjectEvent {
  const { size, etag, headers } = written;
  return { name, bucket, key, size, etag, ...(headers === undefined ? {} : { metadata: uploadMetadata(headers) }) };
}

/** The answer to a read, with the event of it; one that says only that nothing changed is no read. */
export function withReadEvent(
  reply: S3Reply,
  name: Extract<EventName, `s3:ObjectAccessed:${string}`>,
  { bucket, key }: Named,
  size: number,
): S3Reply {
  if (reply.status >= 300) return reply;
  const { etag, 'content-type': contentType } = reply.headers ?? {};
  return { ...reply, events: [{ name, bucket, key, size, etag: etag?.replaceAll('"', ''), contentType }] };
}

/** S3: a removal is told of whether or not there was something to remove. */
export function removedEvent({ bucket, key }: Named): ObjectEvent {
  return { name: 's3:ObjectRemoved:Delete', bucket, key };
}

function uploadMetadata(headers: ReadonlyMap<string, string>): Record<string, string> {
  const metadata: Record<string, string> = { 'content-type': DEFAULT_PUT_CONTENT_TYPE };
  for (const [name, value] of headers) {
    if (name.startsWith(USER_METADATA_PREFIX) || (SHOWN_HEADERS as readonly string[]).includes(name)) {
      metadata[name] = value;
    }
  }
  return metadata;
}
