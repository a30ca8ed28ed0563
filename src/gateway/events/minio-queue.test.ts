import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeOverMinioQueue } from './minio-queue.ts';
import { QueueDirectory } from './queue-directory.ts';

let folder = '';
let own = '';
let theirs = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'queue-'));
  own = join(folder, 'portcullis-postgresql-a');
  theirs = join(folder, 'minio-postgresql-a');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A file as `juicefs gateway` leaves it. */
function leave(name: string, key: string, sequencer: string): void {
  mkdirSync(theirs, { recursive: true });
  const record = {
    eventVersion: '2.0',
    eventTime: '2026-11-26T00:12:00.123Z',
    eventName: 's3:ObjectCreated:Put',
    s3: { bucket: { name: 'images' }, object: { key, sequencer } },
    source: { userAgent: 'a\\u003cb\\u003e' },
  };
  writeFileSync(join(theirs, name), JSON.stringify(record).replaceAll('\\\\u', '\\u'));
}

function takeOver() {
  const said: unknown[] = [];
  const queue = QueueDirectory.open({
    path: own,
    limit: 2,
    log: { damaged: () => said.push('damaged'), failed: (e) => said.push(e), recovered: () => undefined },
  });
  takeOverMinioQueue(queue, own, {
    takenOver: (directory, events) => said.push([directory, events]),
    setAside: (file, keptAs) => said.push([file, keptAs]),
    failed: (_, error) => said.push(error),
  });
  return { queue, said };
}

const keys = async (queue: QueueDirectory): Promise<string[]> =>
  (await queue.peek(100)).map(({ json }) => (JSON.parse(json) as { s3: { object: { key: string } } }).s3.object.key);

describe('what juicefs gateway left undelivered', () => {
  it('is taken over in the order of the sequencers, whatever the limit, and removed there', async () => {
    leave('c.event', 'first', '18EB68B5DB3F4280');
    leave('a.event', 'third', '18EB68B5DB3F4282');
    leave('b.event', 'second', '18EB68B5DB3F4281');
    const { queue, said } = takeOver();
    expect(await keys(queue)).toEqual(['first', 'second', 'third']);
    expect((await queue.peek(1))[0]?.json).toContain('"userAgent":"a<b>"');
    expect(said).toEqual([[theirs, 3]]);
    expect(readdirSync(theirs)).toEqual([]);
    await queue.close();
    expect(await keys(takeOver().queue)).toEqual(['first', 'second', 'third']);
  });

  it.each([
    ['empty', ''],
    ['cut short', '{"eventVersion":"2.0","eventTi'],
    ['another document', '{"a":1}'],
    [
      'one whose key cannot be read',
      '{"eventTime":"2026-11-26T00:12:00.123Z","eventName":"x","s3":{"bucket":{"name":"b"},"object":{"key":"%zz","sequencer":"1"}}}',
    ],
  ])('is set aside and named when a file is %s; the others go on', async (_, content) => {
    leave('a.event', 'good', '18EB68B5DB3F4280');
    writeFileSync(join(theirs, 'b.event'), content);
    const { queue, said } = takeOver();
    expect(await keys(queue)).toEqual(['good']);
    expect(said).toEqual([
      [join(theirs, 'b.event'), expect.stringContaining(join(own, 'b.event.damaged-'))],
      [theirs, 1],
    ]);
    expect(readdirSync(own).some((name) => name.startsWith('b.event.damaged-'))).toBe(true);
    expect(readdirSync(theirs)).toEqual([]);
  });

  it('is nothing, most of the time', () => {
    expect(takeOver().said).toEqual([]);
  });

  it('is said when it cannot be read, and does not stop the queue', async () => {
    mkdirSync(join(theirs, 'a.event'), { recursive: true });
    const { queue, said } = takeOver();
    expect(said).toEqual([expect.objectContaining({ code: 'EISDIR' })]);
    expect(queue.size).toBe(0);
  });
});
