// The durable queue of one target: a directory of files of lines (queue-segment.ts), written in batches. An event counts as taken
// once its batch is written and synced to the disk (fdatasync), so that it outlives the process and the machine's power. How far the
// target has got is noted without syncing (queue-cursor.ts): after a crash a few events are delivered again, never too few.
import { closeSync, copyFileSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type EventQueue, type Queued, type QueuedEvent, sequencerOf } from './event-queue.ts';
import { makeDirectory } from './make-directory.ts';
import { readCursor, writeCursor } from './queue-cursor.ts';
import { releaseLock, takeLock } from './queue-lock.ts';
import { readSegment, type SegmentContent, segmentLine } from './queue-segment.ts';

/** MinIO: events of a queue unless queue_limit says otherwise. */
export const DEFAULT_QUEUE_LIMIT = 100_000;
/** The room of a file; one that is full is followed by another. */
export const SEGMENT_BYTES = 1024 * 1024;
/** Most bytes of one write. */
const BATCH_BYTES = 1024 * 1024;

const SEGMENT_NAME = /^(\d{16})\.events$/;

/** What the queue tells its operator. */
export interface QueueLog {
  /** A file held lines that are no events; the file was copied to `keptAs`, and its other events go on. */
  damaged(file: string, keptAs: string, lines: number): void;
  /** Writing began to fail: said once, until it goes well again. */
  failed(error: unknown): void;
  recovered(): void;
}

export interface QueueDirectoryOptions {
  readonly path: string;
  /** Most events; 0 = DEFAULT_QUEUE_LIMIT. */
  readonly limit: number;
  readonly log: QueueLog;
}

interface Segment {
  readonly number: number;
  count: number;
}

interface Tail {
  readonly file: FileHandle;
  readonly segment: Segment;
  bytes: number;
  readonly events: QueuedEvent[];
}

interface Waiting {
  readonly event: QueuedEvent;
  readonly done: (queued: Queued) => void;
}

export class QueueDirectory implements EventQueue {
  readonly #options: QueueDirectoryOptions;
  #limit: number;
  /** Files with events that are not delivered, oldest first; the last one is written to while `#tail` is open. */
  #segments: Segment[] = [];
  /** The events of the first file, those delivered included. */
  #head: readonly QueuedEvent[] | undefined;
  /** How many of them are delivered. */
  #delivered = 0;
  /** The last file, while it is being written: its events are kept until it is read as the first. */
  #tail: Tail | undefined;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #size = 0;
  #nextNumber = 1;
  #lastSequencer = '';
  #failing = false;
  #closed = false;

  private constructor(options: QueueDirectoryOptions) {
    this.#options = options;
    this.#limit = limitOf(options.limit);
  }

  /** Opens or makes the directory and finds what waits in it. Throws QueueInUse, and what the file system throws. */
  static open(options: QueueDirectoryOptions): QueueDirectory {
    makeDirectory(options.path);
    takeLock(options.path);
    const queue = new QueueDirectory(options);
    queue.#recover();
    return queue;
  }

  get path(): string {
    return this.#options.path;
  }

  get size(): number {
    return this.#size;
  }

  /** Sequencer of the last event that was taken, delivered or not; '' = not known. */
  get lastSequencer(): string {
    return this.#lastSequencer;
  }

  useLimit(limit: number): void {
    this.#limit = limitOf(limit);
  }

  /** Takes events behind those that wait, before any is appended, whatever the limit. They are on the disk when this returns. */
  adopt(events: readonly QueuedEvent[]): void {
    if (this.#tail !== undefined || this.#flushing !== undefined) throw new Error('a queue adopts before it is used');
    const segment: Segment = { number: this.#nextNumber++, count: events.length };
    writeSynced(this.#file(segment), events);
    syncDirectoryNow(this.#options.path);
    this.#segments.push(segment);
    this.#size += events.length;
    this.#noteLast(events);
  }

  append(event: QueuedEvent): Queued | Promise<Queued> {
    if (this.#closed) return 'failed';
    if (this.#size + this.#waiting.length >= this.#limit) return 'full';
    return new Promise((done) => {
      this.#waiting.push({ event, done });
      this.#flushing ??= this.#flush();
    });
  }

  /** Gives all that waits to another queue, before either is used; answers how many events. */
  moveTo(other: QueueDirectory): number {
    let moved = 0;
    for (let [first] = this.#segments; first !== undefined; [first] = this.#segments) {
      const events = this.#headEvents(first).slice(this.#delivered);
      if (events.length > 0) other.adopt(events);
      moved += events.length;
      this.#dropFirst(first);
    }
    return moved;
  }

  async peek(most: number): Promise<readonly QueuedEvent[]> {
    for (;;) {
      const [first] = this.#segments;
      if (first === undefined) return [];
      // while it is written to, the first file is read from memory
      const events = this.#tail?.segment === first ? this.#tail.events : this.#headEvents(first);
      const end = Math.min(first.count, this.#delivered + most);
      if (this.#delivered < Math.min(end, events.length)) return events.slice(this.#delivered, end);
      if (this.#tail?.segment === first) return [];
      this.#dropFirst(first);
    }
  }

  async remove(count: number): Promise<void> {
    const [first] = this.#segments;
    if (first === undefined || count === 0) return;
    this.#delivered += count;
    this.#size -= count;
    this.#noteDelivered(first);
    if (this.#tail?.segment !== first && this.#delivered >= first.count) this.#dropFirst(first);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    await this.#tail?.file.close();
    this.#tail = undefined;
    releaseLock(this.#options.path);
  }

  #headEvents(first: Segment): readonly QueuedEvent[] {
    this.#head ??= this.#load(first).events;
    return this.#head;
  }

  /** Reads a file; one with damaged lines is copied aside. */
  #load(segment: Segment): SegmentContent {
    const file = this.#file(segment);
    const content = readSegment(file);
    if (content.damaged > 0) {
      const keptAs = `${file}.damaged-${Date.now()}`;
      copyFileSync(file, keptAs);
      this.#options.log.damaged(file, keptAs, content.damaged);
    }
    return content;
  }

  #dropFirst(first: Segment): void {
    this.#size -= first.count - this.#delivered;
    this.#segments.shift();
    this.#head = undefined;
    this.#delivered = 0;
    rmSync(this.#file(first), { force: true });
  }

  #noteDelivered(first: Segment): void {
    const events = this.#tail?.segment === first ? this.#tail.events : this.#head;
    const sequencer = sequencerOf(events?.[this.#delivered - 1]);
    try {
      writeCursor(this.#options.path, { segment: first.number, count: this.#delivered, sequencer });
    } catch (error) {
      // the cost of not knowing is delivering again
      this.#failed(error);
    }
  }

  #noteLast(events: readonly QueuedEvent[]): void {
    this.#lastSequencer = sequencerOf(events.at(-1)) || this.#lastSequencer;
  }

  #failed(error: unknown): void {
    if (!this.#failing) this.#options.log.failed(error);
    this.#failing = true;
  }

  /** Writes what waits, batch by batch, until nothing waits. */
  async #flush(): Promise<void> {
    // what arrives in the same turn of the event loop shares a batch
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch();
      let queued: Queued = 'queued';
      try {
        await this.#write(batch.map(({ event }) => event));
        if (this.#failing) this.#options.log.recovered();
        this.#failing = false;
      } catch (error) {
        queued = 'failed';
        this.#failed(error);
        await this.#abandonTail();
      }
      for (const { done } of batch) done(queued);
    }
    this.#flushing = undefined;
  }

  #nextBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { event } of this.#waiting) {
      if (count > 0 && bytes + event.json.length > BATCH_BYTES) break;
      bytes += event.json.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #write(events: readonly QueuedEvent[]): Promise<void> {
    if (this.#tail !== undefined && this.#tail.bytes >= SEGMENT_BYTES) await this.#endTail();
    this.#tail ??= await this.#newTail();
    const tail = this.#tail;
    const bytes = Buffer.from(events.map(segmentLine).join(''));
    await writeAll(tail.file, bytes, tail.bytes);
    await tail.file.datasync();
    tail.bytes += bytes.length;
    tail.events.push(...events);
    tail.segment.count += events.length;
    this.#size += events.length;
    this.#noteLast(events);
  }

  async #newTail(): Promise<Tail> {
    const segment: Segment = { number: this.#nextNumber, count: 0 };
    const file = await open(this.#file(segment), 'wx', 0o600);
    try {
      // With the room there already, syncing what is written into it is that alone: neither the file's size changes nor the journal of
      // the file system, in which the writes of everybody else would have to be waited for.
      await writeAll(file, Buffer.alloc(SEGMENT_BYTES), 0);
      await file.sync();
      await syncDirectory(this.#options.path);
    } catch (error) {
      // a disk that is full must not be filled with beginnings
      await file.close();
      rmSync(this.#file(segment), { force: true });
      throw error;
    }
    this.#nextNumber++;
    this.#segments.push(segment);
    return { file, segment, bytes: 0, events: [] };
  }

  async #endTail(): Promise<void> {
    const tail = this.#tail;
    if (tail === undefined) return;
    this.#tail = undefined;
    if (this.#segments[0] === tail.segment) this.#head = tail.events;
    await tail.file.close();
  }

  /** After a failed write nobody knows how the file ends: it is cut where it was good, and a new one is begun. */
  async #abandonTail(): Promise<void> {
    const tail = this.#tail;
    try {
      // one that never held anything goes as soon as it is looked at
      if (tail !== undefined && tail.bytes > 0) await tail.file.truncate(tail.bytes);
      await this.#endTail();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Finds the events that wait. Files with damaged lines are copied aside and their good lines written anew. */
  #recover(): void {
    const { path } = this.#options;
    const numbers = readdirSync(path)
      .flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    const cursor = readCursor(path);
    this.#lastSequencer = cursor.sequencer;
    for (const number of numbers) {
      const segment: Segment = { number, count: 0 };
      const { events, damaged } = this.#load(segment);
      this.#noteLast(events);
      const isFirst = this.#segments.length === 0;
      // lines that were damaged may have been counted
      const counted = isFirst && number === cursor.segment ? Math.max(0, cursor.count - damaged) : 0;
      const delivered = Math.min(counted, events.length);
      segment.count = events.length;
      if (delivered === events.length) {
        rmSync(this.#file(segment), { force: true });
        continue;
      }
      if (damaged > 0) {
        if (counted > 0) writeCursor(path, { ...cursor, count: delivered });
        writeSynced(this.#file(segment), events);
        syncDirectoryNow(path);
      }
      if (isFirst) this.#delivered = delivered;
      this.#segments.push(segment);
      this.#size += events.length - delivered;
    }
    // a number that the cursor knows must not come again: what is written under it would seem delivered
    this.#nextNumber = Math.max(numbers.at(-1) ?? 0, cursor.segment) + 1;
  }

  #file({ number }: Segment): string {
    return join(this.#options.path, `${String(number).padStart(16, '0')}.events`);
  }
}

function limitOf(limit: number): number {
  return limit === 0 ? DEFAULT_QUEUE_LIMIT : limit;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await file.write(bytes, written, bytes.length - written, at + written)).bytesWritten;
  }
}

/** Writes a file of events in place of whatever it was; it is what it was or what it is to be, whenever the process ends. */
function writeSynced(file: string, events: readonly QueuedEvent[]): void {
  const fresh = `${file}.new`;
  const fd = openSync(fresh, 'w', 0o600);
  try {
    writeFileSync(fd, events.map(segmentLine).join(''));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, file);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function syncDirectoryNow(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
