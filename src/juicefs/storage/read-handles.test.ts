import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readFully } from './file-calls.ts';
import { ReadHandles } from './read-handles.ts';

/** Longer than a test takes on a busy machine. */
const LONG_MS = 600_000;

let folder: string;
let path: string;
let handles: ReadHandles;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-handles-'));
  path = join(folder, 'block');
  writeFileSync(path, 'first');
  handles = new ReadHandles(LONG_MS);
});
afterEach(() => {
  handles.close();
  rmSync(folder, { recursive: true });
});

const content = (of = path): Promise<string> =>
  handles.use(of, async ({ descriptor, size }) => {
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, await readFully(descriptor, bytes, 0)).toString();
  });

/** Files of the folder that this process holds open. */
const open = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false; // closed meanwhile
    }
  }).length;

test.runIf(existsSync('/proc/self/fd'))('a file that was read lately is not opened again', async () => {
  expect(await Promise.all([content(), content(), content()])).toEqual(['first', 'first', 'first']);
  expect(await content()).toBe('first');
  expect(open()).toBe(1);
});

test('what is forgotten is opened anew', async () => {
  expect(await content()).toBe('first');
  rmSync(path);
  expect(await content()).toBe('first');
  handles.forget(path);
  await expect(content()).rejects.toMatchObject({ code: 'ENOENT' });
  writeFileSync(path, 'second');
  expect(await content()).toBe('second');
});

test('what is put in the place of a file is seen after a moment', async () => {
  handles = new ReadHandles(20);
  expect(await content()).toBe('first');
  rmSync(path);
  writeFileSync(path, 'second');
  await vi.waitFor(async () => expect(await content()).toBe('second'), { timeout: 10_000, interval: 50 });
});

test('a file that is cut while it is open gives what is left', async () => {
  expect(await content()).toBe('first');
  truncateSync(path, 2);
  expect(await content()).toBe('fi');
});

test.runIf(existsSync('/proc/self/fd'))('a read that was under way when the file was forgotten goes on', async () => {
  const bytes = Buffer.alloc(5);
  await handles.use(path, async ({ descriptor }) => {
    handles.forget(path);
    rmSync(path);
    await readFully(descriptor, bytes, 0);
  });
  expect(bytes.toString()).toBe('first');
  await vi.waitFor(() => expect(open()).toBe(0), { timeout: 10_000 });
});

test.runIf(existsSync('/proc/self/fd'))('only so many are kept open', async () => {
  for (let i = 0; i < 100; i++) writeFileSync(join(folder, `b${i}`), String(i));
  for (let i = 0; i < 100; i++) expect(await content(join(folder, `b${i}`))).toBe(String(i));
  await vi.waitFor(() => expect(open()).toBe(64), { timeout: 10_000 });
});

test.runIf(existsSync('/proc/self/fd'))('none is kept open for long', async () => {
  handles = new ReadHandles(20);
  expect(await content()).toBe('first');
  await vi.waitFor(() => expect(open()).toBe(0), { timeout: 10_000 });
});
