// Which events a rule wants: by name, and by how the key begins and ends.
import type { EventName } from '../s3/event-name.ts';
import type { TargetId } from './target-name.ts';

/** What of the events of a bucket is wanted. Plain data: it travels between processes. */
export interface EventFilter {
  readonly events: readonly EventName[];
  readonly prefix: string;
  readonly suffix: string;
}

/** A filter, and where its events go. */
export interface EventRule extends EventFilter {
  readonly target: TargetId;
}

export function filterMatches(filter: EventFilter, name: EventName, key: string): boolean {
  return filter.events.includes(name) && key.startsWith(filter.prefix) && key.endsWith(filter.suffix);
}

/** True when some key and event would match both. */
export function filtersOverlap(a: EventFilter, b: EventFilter): boolean {
  return (
    a.events.some((name) => b.events.includes(name)) &&
    (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix)) &&
    (a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix))
  );
}
