// When the snapshot changes, and what is told about it.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EMPTY_RECORDS, MemoryIamStore } from '../store/memory-store.ts';
import { type DirectoryLog, IamDirectory } from './iam-directory.ts';
import type { SnapshotProblem } from './known-identities.ts';

const ROOT = { accessKey: 'rootuser', secretKey: 'root-secret' };
const USER = { secretKey: 's', enabled: true, expiresAtMs: undefined, sessionToken: '', parent: '' };

class RecordingLog implements DirectoryLog {
  readonly problems: SnapshotProblem[] = [];
  readonly revisions: string[] = [];
  readonly failures: unknown[] = [];
  problem = (problem: SnapshotProblem): void => void this.problems.push(problem);
  loaded = (revision: string): void => void this.revisions.push(revision);
  failed = (error: unknown): void => void this.failures.push(error);
}

let directory: IamDirectory | undefined;
afterEach(async () => {
  vi.useRealTimers();
  await directory?.close();
});

async function open(store: MemoryIamStore, refreshMs = 0): Promise<{ directory: IamDirectory; log: RecordingLog }> {
  const log = new RecordingLog();
  const settings = { dialect: 'portcullis', bucketPolicies: 'everyone' } as const;
  directory = await IamDirectory.open({ store, root: ROOT, settings, refreshMs, log, nowMs: Date.now });
  return { directory, log };
}

describe('the directory', () => {
  it('keeps the snapshot that stands when the store fails, and goes on when it is back', async () => {
    const store = new MemoryIamStore({ users: new Map([['alice', USER]]) });
    const { directory: opened, log } = await open(store);
    const before = opened.current;
    const failing = vi.spyOn(store, 'load').mockRejectedValue(new Error('the engine is away'));
    await opened.refresh();
    expect(opened.current).toBe(before);
    expect(log.failures).toMatchObject([{ message: 'the engine is away' }]);
    failing.mockRestore();
    store.change({ users: new Map([['bob', USER]]) }, { quietly: true });
    await opened.refresh();
    expect(opened.current.find('bob')).toMatchObject({ type: 'User' });
    expect(opened.current.find('alice')).toBeUndefined();
    expect(before.find('alice')).toMatchObject({ type: 'User' });
  });

  it('does not start when the store cannot be read', async () => {
    const store = new MemoryIamStore();
    vi.spyOn(store, 'load').mockRejectedValue(new Error('the engine is away'));
    directory = undefined;
    await expect(open(store)).rejects.toThrow('the engine is away');
  });

  it('loads again on its interval', async () => {
    vi.useFakeTimers();
    const store = new MemoryIamStore();
    const { directory: opened } = await open(store, 5_000);
    store.change({ users: new Map([['alice', USER]]) }, { quietly: true });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(opened.current.find('alice')).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(opened.current.find('alice')).toBeDefined();
  });

  it('builds nothing when nothing changed', async () => {
    const { directory: opened, log } = await open(new MemoryIamStore());
    const before = opened.current;
    await opened.refresh();
    expect(opened.current).toBe(before);
    expect(log.revisions).toEqual([EMPTY_RECORDS.revision]);
  });

  it('follows a load under way with another one, so that a change is not missed', async () => {
    const store = new MemoryIamStore();
    const { directory: opened } = await open(store);
    let release: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const load = store.load.bind(store);
    vi.spyOn(store, 'load').mockImplementationOnce(async () => {
      const records = await load();
      await slow;
      return records;
    });
    const first = opened.refresh();
    store.change({ users: new Map([['alice', USER]]) }, { quietly: true });
    const second = opened.refresh();
    release();
    await Promise.all([first, second]);
    expect(opened.current.find('alice')).toBeDefined();
  });

  it('tells of a problem once, and again when it comes back', async () => {
    const broken = new Map([['broken', 'not a policy']]);
    const store = new MemoryIamStore({ policies: broken });
    const { directory: opened, log } = await open(store);
    expect(log.problems).toMatchObject([{ subject: 'policy broken' }]);
    store.change({ users: new Map([['alice', USER]]) });
    await opened.refresh();
    expect(log.problems).toHaveLength(1);
    store.change({ policies: new Map() });
    await opened.refresh();
    store.change({ policies: broken });
    await opened.refresh();
    expect(log.problems).toHaveLength(2);
  });
});
