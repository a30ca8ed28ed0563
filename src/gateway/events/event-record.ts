// The record that tells of one event: S3's event message structure with MinIO's additions, field by field and in its order.
import type { EventName } from '../s3/event-name.ts';
import type { EventCause, ObjectEvent } from '../s3/object-event.ts';

/** An event on its way from where it happened to where it gets its place in the order of events. */
export interface EventDraft {
  readonly event: ObjectEvent;
  readonly cause: EventCause;
}

/** The place of an event in the order of all, and what the gateway says of itself. */
export interface EventStamp {
  readonly time: Date;
  /** Upper-case hexadecimal; of two events of one key the later has the greater number. */
  readonly sequencer: string;
  readonly region: string;
  /** URL of the gateway. */
  readonly endpoint: string;
}

export interface EventRecord {
  readonly eventVersion: '2.0';
  readonly eventSource: 'minio:s3';
  readonly awsRegion: string;
  readonly eventTime: string; // ISO 8601 with milliseconds
  readonly eventName: EventName;
  readonly userIdentity: { readonly principalId: string };
  readonly requestParameters: {
    readonly principalId: string;
    readonly region: string;
    readonly sourceIPAddress: string;
  };
  readonly responseElements: Readonly<Record<string, string>>;
  readonly s3: {
    readonly s3SchemaVersion: '1.0';
    readonly configurationId: 'Config';
    readonly bucket: {
      readonly name: string;
      readonly ownerIdentity: { readonly principalId: string };
      readonly arn: string;
    };
    readonly object: {
      /** As in a query string: '+' for a space. */
      readonly key: string;
      readonly size?: number;
      readonly eTag?: string;
      readonly contentType?: string;
      readonly userMetadata?: Readonly<Record<string, string>>;
      readonly sequencer: string;
    };
  };
  readonly source: { readonly host: string; readonly port: ''; readonly userAgent: string };
}

/** The record of an event. MinIO leaves out what is zero or empty of size, eTag, contentType and userMetadata. */
export function eventRecord({ event, cause }: EventDraft, stamp: EventStamp): EventRecord {
  const principalId = cause.accessKey;
  const { size = 0, etag = '', contentType = '', metadata = {} } = event;
  return {
    eventVersion: '2.0',
    eventSource: 'minio:s3',
    awsRegion: stamp.region,
    eventTime: stamp.time.toISOString(),
    eventName: event.name,
    userIdentity: { principalId },
    requestParameters: { principalId, region: stamp.region, sourceIPAddress: cause.sourceAddress },
    responseElements: {
      ...(cause.contentLength === undefined ? {} : { 'content-length': String(cause.contentLength) }),
      'x-amz-request-id': cause.requestId,
      'x-minio-origin-endpoint': stamp.endpoint,
    },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'Config',
      bucket: { name: event.bucket, ownerIdentity: { principalId }, arn: `arn:aws:s3:::${event.bucket}` },
      object: {
        key: queryEscape(event.key),
        ...(size === 0 ? {} : { size }),
        ...(etag === '' ? {} : { eTag: etag }),
        ...(contentType === '' ? {} : { contentType }),
        ...(Object.keys(metadata).length === 0 ? {} : { userMetadata: userMetadata(metadata) }),
        sequencer: stamp.sequencer,
      },
    },
    source: { host: cause.sourceAddress, port: '', userAgent: cause.userAgent },
  };
}

/** The object that a record tells of, as `bucket/key`. */
export function objectPathOf(record: EventRecord): string {
  return `${record.s3.bucket.name}/${objectKeyOf(record)}`;
}

/** The key of a record, decoded. */
export function objectKeyOf(record: EventRecord): string {
  return decodeURIComponent(record.s3.object.key.replaceAll('+', ' '));
}

/** True for the events after which the object is gone. */
export function isRemoval(record: EventRecord): boolean {
  return record.eventName.startsWith('s3:ObjectRemoved:');
}

/** MinIO: what listeners get has the key as it is. */
export function withPlainKey(record: EventRecord): EventRecord {
  const { s3 } = record;
  return { ...record, s3: { ...s3, object: { ...s3.object, key: objectKeyOf(record) } } };
}

/** Escapes as Go's url.QueryEscape does. */
function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

const USER_PREFIX = 'x-amz-meta-';

/** People's own headers in the spelling of HTTP headers (X-Amz-Meta-Foo), which is how MinIO names them; names sorted. */
function userMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata)
      .map(([name, value]) => [name.startsWith(USER_PREFIX) ? canonicalHeader(name) : name, value] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function canonicalHeader(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_, before: string, letter: string) => `${before}${letter.toUpperCase()}`);
}
