// How far the target of a durable queue has got: a file of one line, SEGMENT COUNT SEQUENCER, written over without syncing. It outlives
// the segments: their numbers and the events' are never given twice.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CURSOR_FILE = 'delivered';

export interface QueueCursor {
  /** Number of the segment that is being delivered, or was last; 0 = none ever was. */
  readonly segment: number;
  /** So many of its events are delivered. */
  readonly count: number;
  /** Of the last one of them; '' = not known. */
  readonly sequencer: string;
}

/** A file that is not there, or was cut short, says that nothing is delivered. Throws what the file system throws. */
export function readCursor(path: string): QueueCursor {
  let text = '';
  try {
    text = readFileSync(join(path, CURSOR_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const [, segment = '0', count = '0', sequencer = ''] = /^(\d+) (\d+)(?: ([0-9A-F]*))?\n$/.exec(text) ?? [];
  return { segment: Number(segment), count: Number(count), sequencer };
}

export function writeCursor(path: string, { segment, count, sequencer }: QueueCursor): void {
  writeFileSync(join(path, CURSOR_FILE), `${segment} ${count} ${sequencer}\n`);
}
