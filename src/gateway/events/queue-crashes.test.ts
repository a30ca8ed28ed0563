// A process that ends at any one of the steps that a durable queue takes on the disk, also in the middle of a write: what was
// acknowledged is delivered by the next process, in order. The steps are counted and each is tried; none is sampled.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { QueuedEvent } from './event-queue.ts';
import { takeOverMinioQueue } from './minio-queue.ts';
import { QueueDirectory, SEGMENT_BYTES } from './queue-directory.ts';

/** The process of now: how many steps it has left, and whether it has ended. */
const life = vi.hoisted(() => ({
  stepsLeft: Number.POSITIVE_INFINITY,
  ended: false,
  /** The last write is done by half. */
  torn: false,
  taken: [] as string[],
  /** What the system closes at its end. */
  openFiles: [] as { close(): Promise<void> }[],
  begin(steps: number, torn: boolean): void {
    this.stepsLeft = steps;
    this.torn = torn;
    this.ended = false;
    this.taken = [];
  },
  step<T>(name: string, work: () => T, half?: () => unknown): T {
    if (this.ended) throw new Error('the process has ended');
    if (this.stepsLeft-- <= 0) {
      this.ended = true;
      if (this.torn) half?.();
      throw new Error(`the process ends at ${name}`);
    }
    this.taken.push(name);
    return work();
  },
}));

vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs')>();
  return {
    ...fs,
    mkdirSync: (...args: Parameters<typeof fs.mkdirSync>) => life.step('mkdir', () => fs.mkdirSync(...args)),
    openSync: (...args: Parameters<typeof fs.openSync>) => life.step('open', () => fs.openSync(...args)),
    fsyncSync: (fd: number) => life.step('fsync', () => fs.fsyncSync(fd)),
    renameSync: (from: string, to: string) => life.step('rename', () => fs.renameSync(from, to)),
    copyFileSync: (from: string, to: string) => life.step('copy', () => fs.copyFileSync(from, to)),
    rmSync: (path: string, options: object) => life.step('rm', () => fs.rmSync(path, options)),
    writeFileSync: (file: string | number, data: string, options?: object) =>
      life.step(
        `write ${typeof file === 'string' ? file.split('/').at(-1) : 'a file'}`,
        () => fs.writeFileSync(file, data, options),
        () => fs.writeFileSync(file, data.slice(0, data.length / 2), options),
      ),
  };
});

vi.mock('node:fs/promises', async (importOriginal) => {
  const fs = await importOriginal<typeof import('node:fs/promises')>();
  return {
    ...fs,
    open: async (...args: Parameters<typeof fs.open>) => {
      const file = await life.step('open', () => fs.open(...args));
      life.openFiles.push(file);
      return {
        write: (bytes: Buffer, from: number, length: number, at: number) =>
          life.step(
            'write',
            () => file.write(bytes, from, length, at),
            () => file.write(bytes, from, Math.floor(length / 2), at),
          ),
        sync: () => life.step('sync', () => file.sync()),
        datasync: () => life.step('datasync', () => file.datasync()),
        truncate: (length: number) => life.step('truncate', () => file.truncate(length)),
        close: () => (life.ended ? Promise.reject(new Error('the process has ended')) : file.close()),
      };
    },
  };
});

const folder = mkdtempSync(join(tmpdir(), 'queue-'));
afterAll(() => {
  life.begin(Number.POSITIVE_INFINITY, false);
  rmSync(folder, { recursive: true, force: true });
});

const event = (i: number, padding = 0): QueuedEvent => {
  const sequencer = (0x1000 + i).toString(16).toUpperCase();
  const record = {
    eventTime: '2026-01-02T03:04:05.678Z',
    eventName: 's3:ObjectCreated:Put',
    i,
    padding: 'x'.repeat(padding),
    s3: { bucket: { name: 'b' }, object: { key: 'k', sequencer } },
  };
  return { json: JSON.stringify(record), timeMs: 0 };
};
const numberOf = ({ json }: QueuedEvent): number => (JSON.parse(json) as { i: number }).i;

function open(path: string): QueueDirectory {
  const quiet = { damaged: () => undefined, failed: () => undefined, recovered: () => undefined };
  const queue = QueueDirectory.open({ path, limit: 0, log: quiet });
  takeOverMinioQueue(queue, path, { takenOver: () => undefined, setAside: () => undefined, failed: () => undefined });
  return queue;
}

/** What a test knows of its processes. */
class Story {
  readonly acknowledged = new Set<number>();
  readonly delivered: number[] = [];
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async put(queue: QueueDirectory, i: number, padding = 0): Promise<void> {
    if ((await queue.append(event(i, padding))) === 'queued') this.acknowledged.add(i);
  }

  async deliver(queue: QueueDirectory, most: number): Promise<number> {
    const events = life.ended ? [] : await queue.peek(most);
    this.delivered.push(...events.map(numberOf));
    await queue.remove(events.length);
    return events.length;
  }

  /** A later process, which lives. */
  async goOn(): Promise<void> {
    life.begin(Number.POSITIVE_INFINITY, false);
    // the lock names this very process, which goes on living
    rmSync(join(this.path, 'owner'), { force: true });
    const queue = open(this.path);
    while ((await this.deliver(queue, 3)) > 0);
    await queue.close();
  }

  check(what: string): void {
    const seen = [...new Set(this.delivered)];
    expect(seen, `${what}: in order`).toEqual(seen.toSorted((a, b) => a - b));
    expect(
      [...this.acknowledged].filter((i) => !seen.includes(i)),
      `${what}: acknowledged and lost`,
    ).toEqual([]);
  }
}

/** Tells the story with an end at each step, until it comes to its own. */
async function tryEveryStep(
  name: string,
  prepare: (path: string, story: Story) => void,
  tell: (story: Story) => Promise<void>,
): Promise<string[]> {
  for (const torn of [false, true]) {
    for (let steps = 0; ; steps++) {
      const path = join(folder, `${name}-${torn}-${steps}`, 'portcullis-redis-1');
      const story = new Story(path);
      life.begin(Number.POSITIVE_INFINITY, false);
      prepare(path, story);
      life.begin(steps, torn);
      await tell(story).catch((error: Error) => {
        if (!/process (has ended|ends at)/.test(error.message)) throw error;
      });
      const { ended, taken } = life;
      // does nothing for one that is closed
      await Promise.all(life.openFiles.splice(0).map((file) => file.close()));
      await story.goOn();
      story.check(`${name}, ended ${torn ? 'within' : 'before'} step ${steps} (after ${taken.at(-1)})`);
      if (!ended) {
        if (torn) return taken;
        break;
      }
    }
  }
  return [];
}

describe('a process that ends at any step', () => {
  it('of taking and delivering events, over several files', async () => {
    const steps = await tryEveryStep(
      'run',
      () => undefined,
      async (story) => {
        const queue = open(story.path);
        await story.put(queue, 0, SEGMENT_BYTES / 2);
        await story.put(queue, 1, SEGMENT_BYTES / 2);
        await story.deliver(queue, 1);
        // a third file while the first is being delivered
        await Promise.all([2, 3, 4].map((i) => story.put(queue, i, SEGMENT_BYTES / 2)));
        await story.deliver(queue, 2);
        await story.put(queue, 5);
        while ((await story.deliver(queue, 2)) > 0);
        await story.put(queue, 6);
        await queue.close();
      },
    );
    expect(steps.filter((step) => step === 'datasync').length).toBeGreaterThan(4);
    expect(steps).toContain('rm');
    expect(steps).toContain('write delivered');
  });

  it('of a second run, whose first one ended with events that wait', async () => {
    await tryEveryStep(
      'second',
      () => undefined,
      async (story) => {
        const first = open(story.path);
        for (let i = 0; i < 3; i++) await story.put(first, i);
        await story.deliver(first, 1);
        await first.close();
        const second = open(story.path);
        await story.put(second, 3);
        await story.deliver(second, 2);
        await second.close();
        const third = open(story.path);
        while ((await story.deliver(third, 2)) > 0);
        await third.close();
        // a start with nothing to do, and one after it
        await open(story.path).close();
        const last = open(story.path);
        await story.put(last, 4);
        await last.close();
      },
    );
  });

  it('of mending a damaged file', async () => {
    const steps = await tryEveryStep(
      'damaged',
      (path, story) => {
        mkdirSync(path, { recursive: true });
        const lines = [0, 1, 2, 3].map((i) => event(i));
        writeFileSync(join(path, '0000000000000001.events'), `${goodLines(lines)}no event\n`);
        writeFileSync(join(path, 'delivered'), '1 1 \n');
        for (const i of [1, 2, 3]) story.acknowledged.add(i);
      },
      async (story) => {
        const queue = open(story.path);
        await story.put(queue, 4);
        while ((await story.deliver(queue, 2)) > 0);
        await queue.close();
      },
    );
    expect(steps).toContain('copy');
    expect(steps).toContain('rename');
  });

  it('of taking over what juicefs gateway left', async () => {
    const steps = await tryEveryStep(
      'leftover',
      (path, story) => {
        const theirs = join(path, '..', 'minio-redis-1');
        mkdirSync(theirs, { recursive: true });
        for (const i of [0, 1, 2]) {
          writeFileSync(join(theirs, `${i}.event`), event(i).json);
          story.acknowledged.add(i);
        }
        writeFileSync(join(theirs, 'bad.event'), '{');
      },
      async (story) => {
        const queue = open(story.path);
        await story.put(queue, 3);
        while ((await story.deliver(queue, 2)) > 0);
        await queue.close();
        expect(readdirSync(join(story.path, '..', 'minio-redis-1'))).toEqual([]);
      },
    );
    expect(steps.filter((step) => step === 'rm').length).toBeGreaterThanOrEqual(3);
  });
});

/** Lines as the queue writes them. */
function goodLines(events: readonly QueuedEvent[]): string {
  const path = join(folder, 'lines');
  const queue = open(path);
  queue.adopt(events);
  const text = readFileSync(join(path, '0000000000000001.events'), 'utf8');
  rmSync(path, { recursive: true });
  return text;
}
