// What a worker and the primary process tell each other about events. Plain data: it travels as JSON.
import type { EventFilter, EventRule } from './event-filter.ts';
import type { EventDraft } from './event-record.ts';

/** A listener's wish: events of one bucket, or ('') of all. */
export interface ListenFilter extends EventFilter {
  readonly bucket: string;
}

/** What is worth telling the primary of, and what a configuration may name. */
export interface EventInterest {
  /** False while the configuration was not read yet: everything is worth telling. */
  readonly known: boolean;
  readonly region: string;
  /** The targets that there are: NAME:TYPE. */
  readonly targets: readonly string[];
  readonly buckets: readonly (readonly [bucket: string, rules: readonly EventRule[]])[];
  readonly listeners: readonly ListenFilter[];
}

export type EventsToWorker =
  | { readonly type: 'events-interest'; readonly interest: EventInterest }
  /** The rules of one bucket changed. */
  | {
      readonly type: 'events-bucket';
      readonly round: number;
      readonly bucket: string;
      readonly rules: readonly EventRule[];
    }
  | { readonly type: 'events-listeners'; readonly round: number; readonly listeners: readonly ListenFilter[] }
  /** These were taken: they are as safe as their queues make them. */
  | { readonly type: 'events-taken'; readonly ids: readonly number[] }
  /** A call was carried out. */
  | { readonly type: 'events-done'; readonly id: number }
  /** JSON of records for a listener of this worker. */
  | { readonly type: 'events-heard'; readonly listener: number; readonly records: readonly string[] };

export type EventsFromWorker =
  | { readonly type: 'events-happened'; readonly events: readonly (readonly [id: number, draft: EventDraft])[] }
  /** So many events were lost before they got here. */
  | { readonly type: 'events-lost'; readonly count: number }
  /** The configuration of a bucket was changed: all workers are to know before the call is done. */
  | { readonly type: 'events-changed'; readonly id: number; readonly bucket: string }
  | { readonly type: 'events-listen'; readonly id: number; readonly listener: number; readonly filter: ListenFilter }
  | { readonly type: 'events-unlisten'; readonly listener: number }
  /** What `events-bucket` or `events-listeners` said is followed from now on. */
  | { readonly type: 'events-following'; readonly round: number };

/** The channels carry other messages as well. */
export function isEventMessage(message: unknown): message is EventsToWorker | EventsFromWorker {
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    typeof message.type === 'string' &&
    message.type.startsWith('events-')
  );
}
