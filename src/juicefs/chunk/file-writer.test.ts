import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FileStore } from '../storage/file-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { blockCodec } from './block-codec.ts';
import { BlockStore } from './block-store.ts';
import { Budget } from './byte-budget.ts';
import { SliceWriter } from './file-writer.ts';

const BLOCK = 64 * 1024;
const HOUR_MS = 3_600_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-writer-'));
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const paths = (): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

function writerTo(objects: ObjectStore): SliceWriter {
  const limits = { maxUploads: 2, maxDownloads: 2, maxDeletes: 1, prefetch: 0 };
  const layout = { volume: 'v', blockSize: BLOCK, hashPrefix: false };
  return new SliceWriter(
    new BlockStore(objects, blockCodec('none'), layout, limits, undefined),
    new Budget(1 << 20),
    async () => 1n,
  );
}

/** A store without a way to renew but storing again. */
function plain(store: ObjectStore): ObjectStore {
  return {
    description: store.description,
    readUnit: store.readUnit,
    put: (key, body) => store.put(key, body),
    get: (key) => store.get(key),
    head: (key) => store.head(key),
    delete: (key) => store.delete(key),
    list: (prefix) => store.list(prefix),
    createBucket: () => store.createBucket(),
    close: () => store.close(),
  };
}

it.each([
  ['renewed', (store: ObjectStore) => store],
  ['stored again', plain],
])('blocks of an upload that takes hours are %s, and nobody takes them for garbage', async (_, wrap) => {
  const writer = writerTo(wrap(new FileStore(`${folder}/`)));
  await writer.write(Buffer.alloc(2 * BLOCK + 1));
  await vi.waitFor(() => expect(paths().filter((path) => path.endsWith('65536'))).toHaveLength(2), 10_000);
  for (const path of paths()) utimesSync(path, new Date(Date.now() - HOUR_MS), new Date(Date.now() - HOUR_MS));
  vi.advanceTimersByTime(HOUR_MS / 2);
  await vi.waitFor(() => {
    for (const path of paths()) expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(HOUR_MS / 2);
  }, 10_000);
  await writer.finish();
  writer.release();
  expect(paths()).toHaveLength(3);
  expect(vi.getTimerCount()).toBe(0);
});

it('an upload whose blocks cannot be kept is not finished', async () => {
  const store = plain(new FileStore(`${folder}/`));
  let fail = false;
  const writer = writerTo({ ...store, get: (key) => (fail ? Promise.reject(new Error('out')) : store.get(key)) });
  await writer.write(Buffer.alloc(BLOCK));
  fail = true;
  vi.advanceTimersByTime(HOUR_MS / 2);
  await expect(writer.finish()).rejects.toThrow('out');
  await writer.discard();
  expect(paths()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
