// Which events a rule wants: by name, and by how the key begins and ends. MinIO: a star in a prefix or suffix stands for anything.
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
  return filter.events.includes(name) && beginsWith(key, filter.prefix) && endsWith(key, filter.suffix);
}

/** True when some key and event would match both; with stars within, when that cannot be excluded. */
export function filtersOverlap(a: EventFilter, b: EventFilter): boolean {
  const [aHead = '', bHead = ''] = [a.prefix.split('*', 1)[0], b.prefix.split('*', 1)[0]];
  const [aTail, bTail] = [tailOf(a.suffix), tailOf(b.suffix)];
  return (
    a.events.some((name) => b.events.includes(name)) &&
    (aHead.startsWith(bHead) || bHead.startsWith(aHead)) &&
    (aTail.endsWith(bTail) || bTail.endsWith(aTail))
  );
}

function tailOf(suffix: string): string {
  return suffix.slice(suffix.lastIndexOf('*') + 1);
}

function beginsWith(key: string, prefix: string): boolean {
  return prefix.includes('*') ? piecesFollow(key, prefix.split('*')) : key.startsWith(prefix);
}

function endsWith(key: string, suffix: string): boolean {
  if (!suffix.includes('*')) return key.endsWith(suffix);
  const tail = tailOf(suffix);
  return (
    key.endsWith(tail) && piecesFollow(key.slice(0, key.length - tail.length), ['', ...suffix.split('*').slice(0, -1)])
  );
}

/** True when the text begins with the first piece and has the others behind it, in order. */
function piecesFollow(text: string, [first = '', ...others]: readonly string[]): boolean {
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of others) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}
