// What `juicefs gateway` left undelivered in the same queue_dir: QUEUE_DIR/minio-TYPE-NAME, a file an event (UUID.event, the record's
// JSON). Its events are taken over, in the order of their sequencers, and its files removed once they are safe. Files that are no
// events are moved into our own directory and named.
import { readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { type QueuedEvent, sequencerOf } from './event-queue.ts';
import type { QueueDirectory } from './queue-directory.ts';

const EVENT_FILE = /\.event$/;
/** Events that are written, and then removed where they were, at once. */
const BATCH = 1_000;

/** What deliveries read of a record. The rest stays as it was written. */
const Record = z.looseObject({
  eventName: z.string().min(1),
  eventTime: z.iso.datetime(),
  s3: z.looseObject({
    bucket: z.looseObject({ name: z.string().min(1) }),
    object: z.looseObject({ key: z.string(), sequencer: z.string().regex(/^[0-9A-F]{1,16}$/) }),
  }),
});

export interface LeftoverLog {
  takenOver(directory: string, events: number): void;
  setAside(file: string, keptAs: string): void;
  failed(directory: string, error: unknown): void;
}

/** Where `juicefs gateway` keeps the queue of the target whose own directory is given: beside it. */
export function minioQueuePath(path: string): string {
  return join(dirname(path), basename(path).replace(/^portcullis-/, 'minio-'));
}

/** When that fails, what was not taken over is still where it was, for the next start. */
export function takeOverMinioQueue(queue: QueueDirectory, path: string, log: LeftoverLog): void {
  const directory = minioQueuePath(path);
  try {
    takeOver(queue, path, directory, log);
  } catch (error) {
    log.failed(directory, error);
  }
}

function takeOver(queue: QueueDirectory, path: string, directory: string, log: LeftoverLog): void {
  const found = eventFiles(directory).flatMap((name) => {
    const event = readEvent(join(directory, name));
    if (event !== undefined) return [{ name, event, sequencer: BigInt(`0x${sequencerOf(event)}`) }];
    const keptAs = join(path, `${name}.damaged-${Date.now()}`);
    renameSync(join(directory, name), keptAs);
    log.setAside(join(directory, name), keptAs);
    return [];
  });
  found.sort((a, b) => (a.sequencer < b.sequencer ? -1 : a.sequencer > b.sequencer ? 1 : 0));
  for (let i = 0; i < found.length; i += BATCH) {
    const batch = found.slice(i, i + BATCH);
    queue.adopt(batch.map(({ event }) => event));
    for (const { name } of batch) rmSync(join(directory, name), { force: true });
  }
  if (found.length > 0) log.takenOver(directory, found.length);
}

function eventFiles(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => EVENT_FILE.test(name));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

function readEvent(file: string): QueuedEvent | undefined {
  let document: unknown;
  try {
    document = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { data: record } = Record.safeParse(document);
  if (record === undefined || !isDecodable(record.s3.object.key)) return undefined;
  // on one line, whatever it was written on
  return { json: JSON.stringify(document), timeMs: Date.parse(record.eventTime) };
}

/** Deliveries decode the key. */
function isDecodable(key: string): boolean {
  try {
    decodeURIComponent(key.replaceAll('+', ' '));
    return true;
  } catch {
    return false;
  }
}
