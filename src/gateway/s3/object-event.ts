// What operations tell of what they did: events, for whoever is to be notified. Who that is, and how, is not decided here.
import type { EventName } from './event-name.ts';

/** What happened to an object or (key '') to a bucket, as the operation knows it. */
export interface ObjectEvent {
  readonly name: EventName;
  readonly bucket: string;
  readonly key: string;
  /** Of what was written or read; a removal has none. */
  readonly size?: number | undefined;
  readonly etag?: string | undefined;
  /** Of what was read. */
  readonly contentType?: string | undefined;
  /** Of what was written: lower-case header names. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Who caused it, and how they were answered. */
export interface EventCause {
  readonly requestId: string;
  /** Access key; '' for the anonymous. */
  readonly accessKey: string;
  readonly sourceAddress: string;
  readonly userAgent: string;
  /** Bytes of the answer's body. */
  readonly contentLength: number | undefined;
}

/** Where events go. */
export interface EventSink {
  /** Undefined when nobody wants any of them. The request is answered once it resolves. Never rejects. */
  publish(events: readonly ObjectEvent[], cause: EventCause): Promise<void> | undefined;
}
