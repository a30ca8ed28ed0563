import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueuedEvent } from './event-queue.ts';
import { makeDirectory } from './make-directory.ts';
import { QueueDirectory, SEGMENT_BYTES } from './queue-directory.ts';
import { QueueInUse } from './queue-lock.ts';

let folder = '';
let damaged: [file: string, keptAs: string, lines: number][] = [];
let failures: unknown[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'queue-'));
  damaged = [];
  failures = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(limit = 0): QueueDirectory {
  return QueueDirectory.open({
    path: join(folder, 'a', 'b'),
    limit,
    log: {
      damaged: (...what) => damaged.push(what),
      failed: (error) => failures.push(error),
      recovered: () => failures.push('recovered'),
    },
  });
}

const T0 = Date.parse('2026-01-02T03:04:05.678Z');
const sequencer = (i: number): string => (0x1000 + i).toString(16).toUpperCase();
function event(i: number, padding = 0): QueuedEvent {
  const time = new Date(T0 + i);
  const record = { eventTime: time.toISOString(), i, padding: 'x'.repeat(padding), sequencer: sequencer(i) };
  return { json: JSON.stringify(record), timeMs: T0 + i };
}
const numbers = (events: readonly QueuedEvent[]): number[] =>
  events.map(({ json }) => (JSON.parse(json) as { i: number }).i);
const files = (): string[] =>
  readdirSync(join(folder, 'a', 'b'))
    .filter((name) => name.endsWith('.events'))
    .sort();

async function fill(queue: QueueDirectory, from: number, to: number, padding = 0): Promise<void> {
  const all = Array.from({ length: to - from }, (_, i) => queue.append(event(from + i, padding)));
  expect(new Set(await Promise.all(all))).toEqual(new Set(['queued']));
}

async function drain(queue: QueueDirectory): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const events = await queue.peek(7);
    if (events.length === 0) return found;
    found.push(...numbers(events));
    await queue.remove(events.length);
  }
}

describe('a queue on disk', () => {
  it('gives what it was given, in order, over many files', async () => {
    const queue = open();
    await fill(queue, 0, 40, SEGMENT_BYTES / 10);
    expect(files().length).toBeGreaterThan(2);
    expect(queue.size).toBe(40);
    expect(await drain(queue)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(queue.size).toBe(0);
    await fill(queue, 40, 42);
    expect(await drain(queue)).toEqual([40, 41]);
    await queue.close();
  });

  it('goes on where it was when its process ended without a word', async () => {
    const first = open();
    await fill(first, 0, 10);
    expect(numbers(await first.peek(4))).toEqual([0, 1, 2, 3]);
    await first.remove(4);
    // a process that was killed leaves its claim; another has a higher start time
    writeFileSync(join(folder, 'a', 'b', 'owner'), '1 0\n');
    const second = open();
    expect(second.size).toBe(6);
    expect(second.lastSequencer).toBe(sequencer(9));
    await fill(second, 10, 12);
    expect(await drain(second)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
    await second.close();
    expect(await drain(open())).toEqual([]);
    expect(damaged).toEqual([]);
  });

  it('never gives a number again: what is written later is not taken for what was delivered', async () => {
    const first = open();
    await fill(first, 0, 5);
    await first.remove((await first.peek(5)).length);
    await first.close();
    // two starts with nothing to do, and one that ends without a word
    await open().close();
    await open().close();
    const last = open();
    expect(last.lastSequencer).toBe(sequencer(4));
    await fill(last, 5, 12);
    writeFileSync(join(folder, 'a', 'b', 'owner'), '1 0\n');
    expect(await drain(open())).toEqual([5, 6, 7, 8, 9, 10, 11]);
  });

  it('adopts events behind those that wait', async () => {
    const first = open(4);
    await fill(first, 0, 2);
    await first.close();
    const second = open(4);
    second.adopt([event(2), event(3), event(4)]);
    expect(second.size).toBe(5);
    expect(second.append(event(5))).toBe('full');
    expect(second.lastSequencer).toBe(sequencer(4));
    writeFileSync(join(folder, 'a', 'b', 'owner'), '1 0\n');
    expect(await drain(open(4))).toEqual([0, 1, 2, 3, 4]);
  });

  it('loses no event that waits when lines that were delivered are damaged', async () => {
    const first = open();
    await fill(first, 0, 5);
    await first.remove((await first.peek(3)).length);
    await first.close();
    const file = join(folder, 'a', 'b', files()[0] ?? '');
    const bytes = readFileSync(file);
    bytes[bytes.indexOf('"i":1') + 4] = 0x39;
    writeFileSync(file, bytes);
    // the second one finds what the first mended
    await open().close();
    expect(await drain(open())).toEqual([3, 4]);
    expect(damaged).toHaveLength(1);
  });

  it('says once that it cannot write, leaves nothing half-made, and goes on when it can', async () => {
    const queue = open();
    await fill(queue, 0, 2);
    await queue.remove((await queue.peek(2)).length);
    await queue.close();
    const again = open();
    // the number of the next file is taken by something that is none
    const next = join(folder, 'a', 'b', '0000000000000002.events');
    mkdirSync(next);
    for (let i = 0; i < 5; i++) expect(await again.append(event(i))).toBe('failed');
    expect(failures).toHaveLength(1);
    rmSync(next, { recursive: true });
    await fill(again, 2, 4);
    expect(failures.slice(1)).toEqual(['recovered']);
    expect(await drain(again)).toEqual([2, 3]);
  });

  it('takes no more than its limit', async () => {
    const queue = open(3);
    await fill(queue, 0, 3);
    expect(queue.append(event(3))).toBe('full');
    await queue.remove((await queue.peek(1)).length);
    expect(await queue.append(event(4))).toBe('queued');
    expect(await drain(queue)).toEqual([1, 2, 4]);
  });

  it.each([
    ['cut short within an event', (file: string) => truncateSync(file, 100), [0]],
    ['emptied', (file: string) => truncateSync(file, 0), []],
    [
      'with a byte changed',
      (file: string) => {
        const bytes = readFileSync(file);
        bytes[bytes.indexOf('"i":1') + 4] = 0x39;
        writeFileSync(file, bytes);
      },
      [0, 2],
    ],
  ])('sets a file aside that was %s, and gives what is good of it and of the others', async (_, damage, good) => {
    const first = open();
    await fill(first, 0, 3);
    await first.close();
    const second = open();
    await fill(second, 3, 5);
    await second.close();
    const [file = ''] = files();
    damage(join(folder, 'a', 'b', file));
    const third = open();
    expect(damaged).toHaveLength(1);
    expect(damaged[0]?.[0]).toContain(file);
    expect(statSync(damaged[0]?.[1] ?? '').isFile()).toBe(true);
    expect(await drain(third)).toEqual([...good, 3, 4]);
  });

  it('belongs to one process', async () => {
    const queue = open();
    const mine = readFileSync(join(folder, 'a', 'b', 'owner'), 'utf8');
    const parent = process.ppid;
    const start = readFileSync(`/proc/${parent}/stat`, 'utf8').split(') ')[1]?.split(' ')[19];
    writeFileSync(join(folder, 'a', 'b', 'owner'), `${parent} ${start}\n`);
    expect(() => open()).toThrow(QueueInUse);
    writeFileSync(join(folder, 'a', 'b', 'owner'), mine);
    await queue.close();
  });
});

describe('makeDirectory', () => {
  it('makes what is missing, and ends where nothing can be made', () => {
    makeDirectory(join(folder, 'x', 'y', 'z'));
    makeDirectory(join(folder, 'x', 'y', 'z'));
    expect(statSync(join(folder, 'x', 'y', 'z')).mode & 0o777).toBe(0o700);
    expect(() => makeDirectory('/proc/none/such')).toThrow();
    writeFileSync(join(folder, 'file'), '');
    expect(() => makeDirectory(join(folder, 'file', 'below'))).toThrow();
  });
});
