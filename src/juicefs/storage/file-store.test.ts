import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FileStore } from './file-store.ts';
import { UNFINISHED_YOUNG_MS, type UnfinishedObject } from './object-store.ts';
import { ShardedStore } from './sharded-store.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-files-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

it('keeps a file young that somebody still writes at, however slowly', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const draft = new FileStore(`${folder}/`).draft('chunks/0/0/1_0_9');
  await draft.write([Buffer.from('half')]);
  const [name = ''] = readdirSync(join(folder, 'chunks/0/0'));
  const path = join(folder, 'chunks/0/0', name);
  const age = (): number => Date.now() - statSync(path).mtimeMs;
  utimesSync(path, new Date(0), new Date(0));
  vi.advanceTimersByTime(UNFINISHED_YOUNG_MS);
  await vi.waitFor(() => expect(age()).toBeLessThan(UNFINISHED_YOUNG_MS), 10_000);
  await draft.discard();
  expect(vi.getTimerCount()).toBe(0);
});

it('finds what killed writers left in shards, and removes it from where it is', async () => {
  const one = new FileStore(`${folder}/one/`);
  const two = new FileStore(`${folder}/two/`);
  const sharded = new ShardedStore([one, two]);
  for (const store of [one, two]) await store.draft('v/chunks/1_0_4').write([Buffer.from('half')]);
  const parts: UnfinishedObject[] = [];
  for await (const part of sharded.unfinished('v/')) parts.push(part);
  expect(parts).toHaveLength(2);
  for (const part of parts) await part.remove();
  expect(['one', 'two'].flatMap((name) => readdirSync(join(folder, name, 'v/chunks')))).toEqual([]);
});
