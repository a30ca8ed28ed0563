// A file of a durable queue: one line an event, CHECKSUM SPACE JSON. A line that was cut short or damaged is told from a good one by
// its checksum, and costs that one event alone.
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { QueuedEvent } from './event-queue.ts';

/** What a file holds. */
export interface SegmentContent {
  readonly events: readonly QueuedEvent[];
  /** Lines that are no events. */
  readonly damaged: number;
}

export function segmentLine({ json }: QueuedEvent): string {
  return `${checksum(json)} ${json}\n`;
}

/** Reads a file. Throws what the file system throws. */
export function readSegment(path: string): SegmentContent {
  const bytes = readFileSync(path);
  // behind the last line lies room for more
  const text = bytes.toString('utf8').replace(/\0+$/, '');
  const lines = text.split('\n');
  // what follows the last line's end: nothing, or a line that was cut short
  const rest = lines.pop() ?? '';
  const events: QueuedEvent[] = [];
  // a file is made with room for its lines
  let damaged = rest === '' && bytes.length > 0 ? 0 : 1;
  for (const line of lines) {
    const event = parseLine(line);
    if (event === undefined) damaged++;
    else events.push(event);
  }
  return { events, damaged };
}

function parseLine(line: string): QueuedEvent | undefined {
  const json = line.slice(9);
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return undefined;
  const time = /"eventTime":"([^"]+)"/.exec(json)?.[1];
  const timeMs = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(timeMs) ? undefined : { json, timeMs };
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
