import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FileStore } from './file-store.ts';
import type { ObjectBody } from './object-store.ts';
import { StagingStore } from './staging-store.ts';

let folder: string;
let staged: string;
let warnings: string[];
const open: StagingStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-staging-'));
  staged = join(folder, 'staged');
  warnings = [];
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  rmSync(folder, { recursive: true });
});

/** A store of files that can be away, and says what was put. */
class MoodyStore extends FileStore {
  away = false;
  readonly puts: string[] = [];

  override async put(key: string, body: ObjectBody): Promise<void> {
    if (this.away) throw new Error('the store is away');
    await super.put(key, body);
    this.puts.push(key);
  }
}

const moody = (): MoodyStore => new MoodyStore(`${folder}/objects/`);

function staging(store: MoodyStore, options: { accepting?: boolean; freeSpaceRatio?: number } = {}): StagingStore {
  const made = new StagingStore(store, {
    directory: staged,
    prefix: 'v/chunks/',
    accepting: true,
    adopting: true,
    maxUploads: 2,
    freeSpaceRatio: 0,
    fileMode: 0o600,
    log: { info: () => undefined, warn: (message) => void warnings.push(message) },
    ...options,
  });
  open.push(made);
  return made;
}

const stagedFiles = (): string[] =>
  readdirSync(staged, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  );
const KEY = 'v/chunks/0/0/1_0_5';

it('takes a block while the store is away, gives it to readers, and uploads it when the store is back', async () => {
  const store = moody();
  const writer = staging(store);
  store.away = true;
  const keys = Array.from({ length: 7 }, (_, i) => `v/chunks/0/0/${i}_0_5`);
  for (const key of keys) await writer.put(key, [Buffer.from('he'), Buffer.from('llo')]);
  // As another process of the gateway reads it.
  const reader = staging(store, { accepting: false });
  for (const from of [writer, reader]) {
    expect(String(await from.get(KEY))).toBe('hello');
    expect(String(await from.get(KEY, { start: 1, end: 3 }))).toBe('el');
    expect(await from.head(KEY)).toMatchObject({ key: KEY, size: 5 });
  }
  expect(store.puts).toEqual([]);
  store.away = false;
  await vi.waitFor(() => expect(stagedFiles()).toEqual([]), 20_000);
  expect(new Set(store.puts)).toEqual(new Set(keys));
  expect(String(await store.get(KEY))).toBe('hello');
  expect(String(await writer.get(KEY))).toBe('hello');
});

it('uploads what an earlier process left, and takes no more where it is not told to', async () => {
  const store = moody();
  store.away = true;
  const killed = staging(store);
  await killed.put(KEY, Buffer.from('hello'));
  await killed.close();
  open.length = 0;
  store.away = false;
  const next = staging(store, { accepting: false });
  await vi.waitFor(() => expect(stagedFiles()).toEqual([]), 20_000);
  expect(store.puts).toEqual([KEY]);
  await next.put('v/chunks/0/0/2_0_2', Buffer.from('ok'));
  expect([store.puts.length, stagedFiles()]).toEqual([2, []]);
});

it('leaves nothing of a block that is deleted before it was uploaded', async () => {
  const store = moody();
  store.away = true;
  const writer = staging(store);
  await writer.put(KEY, Buffer.from('hello'));
  await writer.delete(KEY);
  store.away = false;
  await writer.put('v/chunks/0/0/2_0_2', Buffer.from('ok'));
  await vi.waitFor(() => expect(store.puts).toEqual(['v/chunks/0/0/2_0_2']), 20_000);
  expect(await writer.head(KEY)).toBeUndefined();
});

it('neither reads nor uploads a block that was damaged on its disk', async () => {
  const store = moody();
  store.away = true;
  const writer = staging(store);
  await writer.put(KEY, Buffer.from('hello'));
  const path = join(staged, KEY);
  for (const damage of [(bytes: Buffer) => bytes.subarray(0, 3), (bytes: Buffer) => bytes.fill(0, 0, 1)]) {
    writeFileSync(path, damage(readFileSync(path)));
    await expect(writer.get(KEY)).rejects.toThrow(RangeError);
  }
  store.away = false;
  await vi.waitFor(() => expect(warnings.at(-1)).toMatch(/damaged/), 20_000);
  expect(store.puts).toEqual([]);
});

it('stores at once what it has no space for, and what is no block', async () => {
  const store = moody();
  const writer = staging(store, { freeSpaceRatio: 1 });
  await writer.put(KEY, Buffer.from('hello'));
  await staging(store).put('v/meta/dump', Buffer.from('x'));
  expect(store.puts).toEqual([KEY, 'v/meta/dump']);
  // A file where the directory should be.
  rmSync(staged, { recursive: true });
  writeFileSync(staged, '');
  await staging(store).put('v/chunks/0/0/2_0_2', Buffer.from('ok'));
  expect(store.puts).toContain('v/chunks/0/0/2_0_2');
});
