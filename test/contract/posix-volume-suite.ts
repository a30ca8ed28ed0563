// What a volume made by mounts holds beside plain files: links, quotas, flags, holes, trash. The recorded volume, on any engine: on
// SQLite as it was recorded, on others as the dump of the Go client that was recorded with it.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  checkTree,
  dumpVolume,
  loadVolume,
  openVolume,
  type Volume,
  VolumeError,
  type VolumePath,
} from '../../src/juicefs/index.ts';
import type { MetaEngine, MetaReader, MetaTransaction, Node } from '../../src/juicefs/meta/engine.ts';
import { openEngine } from '../../src/juicefs/meta/meta-url.ts';
import { type GoldenVolume, unpackGolden } from '../fixtures/volumes/golden.ts';
import type { EngineKind, RunningEngine } from './meta-engines.ts';
import { checkVolume } from './volume-check.ts';

const ADMIN = { environment: {}, log: { info: () => undefined, warn: () => undefined } };
const ROOT = 1n;
/** The directory of the recorded volume that has a quota. */
const QUOTA = 3078n;

export const path = (text: string): VolumePath => text.split('/').filter((name) => name !== '');

/** The code that work fails with, or `done`. */
export async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof VolumeError) return error.code;
    throw error;
  }
}

export async function put(volume: Volume, where: string, bytes: number): Promise<void> {
  const writer = volume.create(path(where));
  await writer.write(Buffer.alloc(bytes, 1));
  try {
    await writer.commit();
  } finally {
    await writer.abort();
  }
}

/** Names in a directory, those of directories with a slash. */
export async function keys(volume: Volume, where: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, attributes } of volume.list(path(where))) {
    found.push(attributes.type === 'directory' ? `${name}/` : name);
  }
  return found;
}

/** The suite on one engine. */
export function posixVolumeSuite(kind: EngineKind): void {
  let running: RunningEngine;
  let golden: GoldenVolume;
  let metaUrl: string;
  /** A second client's view of the rows. */
  let engine: MetaEngine;
  let volume: Volume;

  beforeAll(async () => {
    running = await kind.start();
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    golden = unpackGolden('sqlite-posix');
    metaUrl = golden.metaUrl;
    if (running.server !== undefined) {
      metaUrl = await running.newMetaUrl(golden.directory);
      await loadVolume(metaUrl, createReadStream(join(golden.directory, 'dump.json'), 'utf8'), ADMIN);
    }
    engine = await openEngine(metaUrl, {});
    volume = await openVolume(metaUrl, { bucket: golden.bucket, deleteGraceMs: 0 });
  });
  afterEach(async () => {
    await volume.close();
    await engine.close();
    // A dump leaves out the slices that compaction replaced and the trash keeps.
    const lenient = { allowLeakedBlocks: running.server !== undefined };
    expect(checkVolume(await running.database(metaUrl), golden.bucket, lenient)).toEqual([]);
    rmSync(golden.directory, { recursive: true });
  });

  const look = <T>(read: (reader: MetaReader) => Promise<T>): Promise<T> => engine.look(read);

  /** The inode that a path leads to, links not followed. */
  async function inodeOf(reader: MetaReader, where: string): Promise<bigint> {
    const walk = await reader.walk(
      ROOT,
      path(where).map((name) => Buffer.from(name)),
    );
    if (walk.edge === undefined) throw new Error(`${where} is not there`);
    return walk.edge.inode;
  }

  async function retarget(tx: MetaTransaction, where: string, target: string): Promise<void> {
    const inode = await inodeOf(tx, where);
    const node = await tx.lockNode(inode);
    if (node === undefined) throw new Error(`${where} has no inode`);
    await tx.deleteSymlink(inode);
    await tx.setSymlink(inode, Buffer.from(target));
    await tx.updateNode({ ...node, length: Buffer.byteLength(target) });
  }

  async function changeNode(where: string, members: Partial<Node>): Promise<void> {
    await engine.write(async (tx) => {
      const node = await tx.lockNode(await inodeOf(tx, where));
      if (node === undefined) throw new Error(`${where} has no inode`);
      await tx.updateNode({ ...node, ...members });
    });
  }

  describe('a volume that mounts have worked on', () => {
    it('is read right: every object, attribute and entry, and dumps as the Go client dumps it', async () => {
      await volume.close();
      let text = '';
      await dumpVolume(metaUrl, {
        ...ADMIN,
        keepSecrets: true,
        write: async (part) => {
          text += part;
        },
      });
      const withoutSession = (dump: string): string => dump.replace(/"nextSession": \d+/, '');
      expect(withoutSession(text)).toBe(withoutSession(readFileSync(join(golden.directory, 'dump.json'), 'utf8')));
      const report = await checkTree(metaUrl, { ...ADMIN, path: [], recursive: true, syncDirStat: true });
      expect(report.problems).toEqual([]);
      volume = await openVolume(metaUrl, { bucket: golden.bucket, readOnly: true });
      for (const { path: where, type, nlink, mode, length } of golden.manifest.posix ?? []) {
        // A link is followed by `stat`, so what is recorded of it is another inode's.
        if (type === 'symlink') continue;
        const attributes = await volume.stat(path(where));
        expect([where, attributes.nlink, `0o${attributes.mode.toString(8)}`]).toEqual([where, nlink, mode]);
        if (type === 'regular') expect(attributes.size).toBe(length);
      }
      for (const { key, sha256, head_error } of golden.manifest.objects) {
        if (key.endsWith('/') || head_error !== undefined) continue;
        const reader = await volume.open(path(key));
        const hash = createHash('sha256');
        for await (const bytes of reader.read(0, Number.MAX_SAFE_INTEGER)) hash.update(bytes);
        await reader.close();
        expect([key, hash.digest('hex')]).toEqual([key, sha256]);
      }
    });

    it('has its symbolic links followed, but never out of it', async () => {
      const readme = (await volume.stat(path('synced/readme.txt'))).inode;
      for (const link of ['synced/link-rel', 'synced/link-chain', 'links/up', 'links/to-synced/readme.txt']) {
        expect((await volume.stat(path(link))).inode).toBe(readme);
      }
      expect((await volume.stat(path('synced/link-dir/c'))).inode).toBe(
        (await volume.stat(path('synced/deep/a/b/c'))).inode,
      );
      expect(await outcome(volume.stat(path('links/loop-a')))).toBe('ELOOP');
      expect(await outcome(volume.stat(path('synced/link-dangling')))).toBe('ENOENT');
      expect(await outcome(volume.stat(path('synced/link-abs')))).toBe('ENOENT');
    });

    it('cannot be left by links that climb', async () => {
      const link = (target: string): Promise<void> => engine.write((tx) => retarget(tx, 'synced/link-rel', target));
      const climbing = ['../../../../../etc/passwd', '..', '/', '', '../..//synced/../../x', './missing/../readme.txt'];
      for (const target of climbing) {
        await link(target);
        expect([target, await outcome(volume.stat(path('synced/link-rel')))]).not.toContain('EIO');
      }
      await link('../../../../../etc/passwd');
      expect(await outcome(volume.stat(path('synced/link-rel')))).toBe('ENOENT');
      await link('.././synced//readme.txt');
      const readme = (await volume.stat(path('synced/readme.txt'))).inode;
      expect((await volume.stat(path('synced/link-rel'))).inode).toBe(readme);
    });

    it('lists links as what they lead to, without those that lead nowhere', async () => {
      expect(await keys(volume, 'links')).toEqual(['hard1', 'to-synced/', 'up']);
      const synced = await keys(volume, 'synced');
      expect(synced).toContain('link-dir/');
      expect(synced).not.toContain('link-dangling');
      expect(synced).not.toContain('link-abs');
    });

    it('has a link itself removed or replaced, not what it leads to', async () => {
      await volume.unlink(path('links/up'));
      await put(volume, 'links/to-synced', 10);
      await volume.rename(path('synced/link-rel'), path('synced/renamed'));
      expect((await volume.stat(path('synced/readme.txt'))).size).toBe(24);
      expect((await volume.stat(path('links/to-synced'))).type).toBe('file');
      expect((await volume.stat(path('synced/renamed'))).size).toBe(24);
      expect(await outcome(volume.rmdir(path('synced/link-dir')))).toBe('ENOTDIR');
    });

    it('writes below a link to a directory', async () => {
      await put(volume, 'synced/link-dir/new/f', 10);
      expect((await volume.stat(path('synced/deep/a/b/new/f'))).size).toBe(10);
    });

    it('keeps a file until its last hard link is gone', async () => {
      // Two of its three links are in the trash.
      const { inode } = await volume.stat(path('links/hard1'));
      await volume.unlink(path('links/hard1'), { skipTrash: true });
      expect((await look(async (reader) => reader.node(inode)))?.nlink).toBe(2);
      const hour = (await keys(volume, '.trash'))[0] ?? '';
      for (const entry of await keys(volume, `.trash/${hour}`)) {
        if (entry.includes('-hard')) await volume.unlink(path(`.trash/${hour}${entry}`));
      }
      expect(await look(async (reader) => reader.node(inode))).toBeUndefined();
    });

    it('keeps directory quotas, and refuses to exceed them', async () => {
      const quota = async () =>
        (await look(async (reader) => reader.directoryQuotas())).find(({ key }) => key === QUOTA);
      await put(volume, 'quota-dir/a/b', 5000);
      expect(await quota()).toMatchObject({ usedSpace: 8192 + 4096 + 8192, usedInodes: 3 });
      await volume.rename(path('quota-dir/a'), path('a'));
      expect(await quota()).toMatchObject({ usedSpace: 8192, usedInodes: 1 });
      await volume.rename(path('dav'), path('quota-dir/dav'));
      await volume.unlink(path('quota-dir/in-quota'));
      const now = await quota();
      if (now === undefined) throw new Error('the quota is gone');
      await engine.write(async (tx) => tx.putDirectoryQuota({ ...now, maxInodes: now.usedInodes }));
      expect(await outcome(put(volume, 'quota-dir/more', 1))).toBe('EDQUOT');
      expect(await outcome(volume.rename(path('a'), path('quota-dir/a')))).toBe('EDQUOT');
      await put(volume, 'quota-dir/dav/a.txt', 1);
    });

    it('does not touch what is immutable or append-only', async () => {
      await changeNode('dav', { flags: 1 });
      await changeNode('synced/readonly', { flags: 1 });
      for (const work of [
        () => put(volume, 'dav/new', 1),
        () => volume.unlink(path('dav/a.txt')),
        () => volume.unlink(path('synced/readonly')),
        () => put(volume, 'synced/readonly', 1),
        () => volume.rename(path('synced/readonly'), path('x')),
        () => volume.rename(path('synced/empty'), path('synced/readonly')),
        () => volume.setXattrs(path('synced/readonly'), new Map([['a', Buffer.from('b')]])),
      ]) {
        expect(await outcome(work())).toBe('EPERM');
      }
    });
  });
}
