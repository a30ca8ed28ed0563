// The durable queue of one target: a directory of files of lines (queue-segment.ts), written in batches. An event counts as taken
// once its batch is written and synced to the disk (fdatasync), so that it outlives the process and the machine's power. How far the
// target has got is noted without syncing: after a crash a few events are delivered again, never too few.
import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventQueue, Queued, QueuedEvent } from './event-queue.ts';
import { makeDirectory } from './make-directory.ts';
import { readSegment, type SegmentContent, segmentLine } from './queue-segment.ts';

/** MinIO: events of a queue unless queue_limit says otherwise. */
export const DEFAULT_QUEUE_LIMIT = 100_000;
/** The room of a file; one that is full is followed by another. */
export const SEGMENT_BYTES = 1024 * 1024;
/** Most bytes of one write. */
const BATCH_BYTES = 1024 * 1024;

const SEGMENT_NAME = /^(\d{16})\.events$/;
const CURSOR_FILE = 'delivered';
const LOCK_FILE = 'owner';

/** What the queue tells its operator. */
export interface QueueLog {
  /** A file held lines that are no events; the file was copied to `keptAs`, and its other events go on. */
  damaged(file: string, keptAs: string, lines: number): void;
  failed(error: unknown): void;
}

export interface QueueDirectoryOptions {
  readonly path: string;
  /** Most events; 0 = DEFAULT_QUEUE_LIMIT. */
  readonly limit: number;
  readonly log: QueueLog;
}

/** The directory belongs to another living process. */
export class QueueInUse extends Error {
  constructor(path: string, pid: number) {
    super(`the queue ${path} is in use by process ${pid}`);
    this.name = 'QueueInUse';
  }
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
  readonly #limit: number;
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
  #closed = false;

  private constructor(options: QueueDirectoryOptions) {
    this.#options = options;
    this.#limit = options.limit === 0 ? DEFAULT_QUEUE_LIMIT : options.limit;
  }

  /** Opens or makes the directory and finds what waits in it. Throws QueueInUse, and what the file system throws. */
  static open(options: QueueDirectoryOptions): QueueDirectory {
    makeDirectory(options.path);
    takeLock(options.path);
    const queue = new QueueDirectory(options);
    queue.#recover();
    return queue;
  }

  get size(): number {
    return this.#size;
  }

  append(event: QueuedEvent): Queued | Promise<Queued> {
    if (this.#closed) return 'failed';
    if (this.#size + this.#waiting.length >= this.#limit) return 'full';
    return new Promise((done) => {
      this.#waiting.push({ event, done });
      this.#flushing ??= this.#flush();
    });
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
    if (this.#tail?.segment !== first && this.#delivered >= first.count) this.#dropFirst(first);
    else this.#noteDelivered(first);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    await this.#tail?.file.close();
    this.#tail = undefined;
    rmSync(join(this.#options.path, LOCK_FILE), { force: true });
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
    try {
      writeFileSync(join(this.#options.path, CURSOR_FILE), `${first.number} ${this.#delivered}\n`);
    } catch (error) {
      // the cost of not knowing is delivering again
      this.#options.log.failed(error);
    }
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
      } catch (error) {
        queued = 'failed';
        this.#options.log.failed(error);
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
    for (let written = 0; written < bytes.length; ) {
      written += (await tail.file.write(bytes, written, bytes.length - written, tail.bytes + written)).bytesWritten;
    }
    await tail.file.datasync();
    tail.bytes += bytes.length;
    tail.events.push(...events);
    tail.segment.count += events.length;
    this.#size += events.length;
  }

  async #newTail(): Promise<Tail> {
    const segment: Segment = { number: this.#nextNumber++, count: 0 };
    const file = await open(this.#file(segment), 'wx', 0o600);
    // With the room there already, syncing what is written into it is that alone: neither the file's size changes nor the journal of
    // the file system, in which the writes of everybody else would have to be waited for.
    await file.write(Buffer.alloc(SEGMENT_BYTES));
    await file.sync();
    await syncDirectory(this.#options.path);
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

  /** After a failed write nobody knows how the file ends: a new one is begun. What was written of the batch was not taken. */
  async #abandonTail(): Promise<void> {
    try {
      await this.#endTail();
    } catch (error) {
      this.#options.log.failed(error);
    }
  }

  /** Finds the events that wait. Files with damaged lines are copied aside and their good lines written anew. */
  #recover(): void {
    const { path } = this.#options;
    const numbers = readdirSync(path)
      .flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    const [cursorSegment, cursorCount] = readCursor(path);
    for (const number of numbers) {
      const segment: Segment = { number, count: 0 };
      const { events, damaged } = this.#load(segment);
      const isFirst = this.#segments.length === 0;
      const delivered = isFirst && number === cursorSegment ? Math.min(cursorCount, events.length) : 0;
      segment.count = events.length;
      if (delivered === events.length) {
        rmSync(this.#file(segment), { force: true });
        continue;
      }
      if (damaged > 0) rewrite(this.#file(segment), events);
      if (isFirst) this.#delivered = delivered;
      this.#segments.push(segment);
      this.#size += events.length - delivered;
    }
    this.#nextNumber = (numbers.at(-1) ?? 0) + 1;
  }

  /** The last event that waits, for who goes on numbering after it. */
  last(): QueuedEvent | undefined {
    const segment = this.#segments.at(-1);
    return segment === undefined ? undefined : readSegment(this.#file(segment)).events.at(-1);
  }

  #file({ number }: Segment): string {
    return join(this.#options.path, `${String(number).padStart(16, '0')}.events`);
  }
}

function rewrite(file: string, events: readonly QueuedEvent[]): void {
  const fd = openSync(file, 'w', 0o600);
  try {
    writeSync(fd, events.map(segmentLine).join(''));
  } finally {
    closeSync(fd);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function readCursor(path: string): [segment: number, count: number] {
  let text: string;
  try {
    text = readFileSync(join(path, CURSOR_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [0, 0];
    throw error;
  }
  const [, segment, count] = /^(\d+) (\d+)\n$/.exec(text) ?? [];
  return [Number(segment ?? 0), Number(count ?? 0)];
}

/** One process a queue: the file names it. A process that is gone has no claim, even if its number was given to another. */
function takeLock(path: string): void {
  const file = join(path, LOCK_FILE);
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  let held = '';
  try {
    held = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const [pid, start] = held.trim().split(' ');
  const owner = Number(pid ?? 0);
  if (held !== mine && owner > 0 && start !== undefined && start === startOf(owner)) throw new QueueInUse(path, owner);
  writeFileSync(file, mine, { mode: 0o600 });
}

/** When a process started, in the kernel's ticks; '' for one that is not there. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
