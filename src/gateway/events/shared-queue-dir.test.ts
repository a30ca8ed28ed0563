import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueueDirectory, QueueDirectoryOptions } from './queue-directory.ts';
import { QueueInUse, takeLock } from './queue-lock.ts';
import { openSharedQueue, takeOverAbandoned } from './shared-queue-dir.ts';

let folder = '';
let other: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'queue-'));
  other = spawn('sleep', ['60']);
});
afterEach(() => {
  other.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const options = (name = 'portcullis-redis-1'): QueueDirectoryOptions => ({
  path: join(folder, name),
  limit: 0,
  log: { damaged: () => undefined, failed: () => undefined, recovered: () => undefined },
});

const event = (i: number) => {
  const record = { eventTime: '2026-01-02T03:04:05.678Z', i, sequencer: (0x1000 + i).toString(16).toUpperCase() };
  return { json: JSON.stringify(record), timeMs: 0 };
};
/** All that waits, which is delivered then. */
async function numbers(queue: QueueDirectory): Promise<number[]> {
  const found: number[] = [];
  for (let events = await queue.peek(100); events.length > 0; events = await queue.peek(100)) {
    found.push(...events.map(({ json }) => (JSON.parse(json) as { i: number }).i));
    await queue.remove(events.length);
  }
  return found;
}

/** The lock of a directory becomes that of another process, which lives. */
function giveAway(path: string): void {
  const stat = readFileSync(`/proc/${other.pid}/stat`, 'utf8');
  writeFileSync(join(path, 'owner'), `${other.pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}\n`);
}

describe('gateways that share a queue_dir', () => {
  it('have a directory each, and do not touch those of others that live', async () => {
    const first = openSharedQueue(options());
    await first.append(event(0));
    giveAway(first.path);
    const second = openSharedQueue(options());
    expect(second.path).toBe(`${first.path}~2`);
    const said: unknown[] = [];
    takeOverAbandoned(second, options(), {
      takenOver: (...what) => said.push(what),
      setAside: () => undefined,
      failed: () => undefined,
    });
    expect([said, second.size]).toEqual([[], 0]);
  });

  it('take over what those that are gone left, whichever directory it was, and of no other target', async () => {
    const first = openSharedQueue(options());
    await first.append(event(0));
    giveAway(first.path);
    const second = openSharedQueue(options());
    for (const i of [1, 2, 3]) await second.append(event(i));
    await second.remove((await second.peek(1)).length);
    await second.close();
    const neighbour = openSharedQueue(options('portcullis-redis-1.2'));
    await neighbour.append(event(9));
    await neighbour.close();
    // both are gone; the next one has the first's directory
    other.kill('SIGKILL');
    await new Promise((resolve) => other.once('exit', resolve));
    const next = openSharedQueue(options());
    expect(next.path).toBe(first.path);
    const said: unknown[] = [];
    takeOverAbandoned(next, options(), {
      takenOver: (...what) => said.push(what),
      setAside: () => undefined,
      failed: () => undefined,
    });
    expect(await numbers(next)).toEqual([0, 2, 3]);
    expect(said).toEqual([[second.path, 2]]);
    expect(readdirSync(second.path).filter((name) => name.endsWith('.events'))).toEqual([]);
    expect(await numbers(openSharedQueue(options('portcullis-redis-1.2')))).toEqual([9]);
  });
});

describe('the lock of a queue', () => {
  it.each([
    ['of a process that is gone', '1 0\n', true],
    ['that was cut short', '12', true],
    ['without content, of a process that is just writing it', '', false],
  ])('%s', (_, content, free) => {
    writeFileSync(join(folder, 'owner'), content);
    if (free) takeLock(folder);
    else expect(() => takeLock(folder)).toThrow(QueueInUse);
    if (free) expect(readFileSync(join(folder, 'owner'), 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+\n$`));
    expect(readdirSync(folder)).toEqual(['owner']);
  });
});
