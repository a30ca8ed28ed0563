// What `gc` does with trees that an interrupted clone left outside the volume's tree, on any engine. Such a tree is made here as the
// Go client leaves it: entries and nodes as in any directory, no entry that leads to its root, and a row that says since when.
import { DatabaseSync } from '@photostructure/sqlite';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EtcdClient } from '../../src/etcd/etcd-client.ts';
import { parseEtcdUrl } from '../../src/etcd/etcd-url.ts';
import { collectGarbage, openVolume } from '../../src/juicefs/index.ts';
import { openEngine } from '../../src/juicefs/meta/meta-url.ts';
import type { RunningEngine } from './meta-engines.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';

const ADMIN = { environment: {}, log: { info: () => undefined, warn: () => undefined } };
const DAY_S = 86_400;

/** Writes the row of a detached node past the engine, by its documented layout. */
async function writeRow(made: TemporaryVolume, inode: bigint, since: number): Promise<void> {
  const insert = `INSERT INTO jfs_detached_node (inode, added) VALUES (${inode}, ${since})`;
  const url = made.metaUrl;
  if (url.startsWith('sqlite3:')) {
    const db = new DatabaseSync(made.database, { timeout: 10_000 });
    db.exec(insert);
    db.close();
  } else if (url.startsWith('mysql:')) {
    const [, port, database = ''] = /@\(127\.0\.0\.1:(\d+)\)\/(\w+)/.exec(url) ?? [];
    const connection = await createConnection({ host: '127.0.0.1', port: Number(port), user: 'root', database });
    await connection.query(insert);
    await connection.end();
  } else if (url.startsWith('postgres:')) {
    const { port, pathname, searchParams } = new URL(url);
    const client = new pg.Client({
      host: '127.0.0.1',
      port: Number(port),
      user: 'postgres',
      database: pathname.slice(1),
      options: `-c search_path=${searchParams.get('search_path') ?? 'public'}`,
    });
    await client.connect();
    await client.query(insert);
    await client.end();
  } else if (url.startsWith('redis:')) {
    const redis = new Redis(url);
    await redis.zadd('detachedNodes', since, String(inode));
    redis.disconnect();
  } else {
    const address = parseEtcdUrl(url);
    const client = new EtcdClient(address);
    const [key, value] = [Buffer.alloc(8), Buffer.alloc(8)];
    key.writeBigUInt64LE(inode);
    value.writeBigInt64BE(BigInt(since));
    const put = Buffer.concat([Buffer.from(`${address.prefix}`), Buffer.of(0xfd), Buffer.from('N'), key]);
    await client.transaction([], [{ put, value }]);
    client.close();
  }
}

/** Takes a directory of the root out of the tree, as if it had never been attached. */
async function detach(made: TemporaryVolume, parent: bigint, name: string, ageS: number): Promise<bigint> {
  const engine = await openEngine(made.metaUrl, {});
  try {
    const inode = await engine.write(async (tx) => {
      const node = await tx.node(parent);
      const edge = await tx.edge(parent, Buffer.from(name));
      if (edge === undefined || node === undefined) throw new Error(`there is no ${name}`);
      await tx.deleteEdge(parent, Buffer.from(name), edge, node);
      await tx.touchDirectory(parent, -1, node.mtimeNs);
      await tx.addDirectoryUsage(parent, { length: 0, space: -4096, inodes: -1 });
      // A quota above what never arrived: nothing of it is counted.
      await tx.putDirectoryQuota({ key: parent, maxSpace: 1 << 30, maxInodes: 100, usedSpace: 0, usedInodes: 0 });
      return edge.inode;
    });
    await writeRow(made, inode, Math.floor(Date.now() / 1000) - ageS);
    return inode;
  } finally {
    await engine.close();
  }
}

/** The suite, on the engine that runs when its tests do. */
export function detachedTreesSuite(running: () => RunningEngine): void {
  describe('a detached tree', () => {
    let made: TemporaryVolume;
    beforeEach(async () => {
      made = await makeVolume({ trashDays: 1 }, running());
      const volume = await openVolume(made.metaUrl, { backgroundJobs: false });
      for (const path of [['a'], ['q', 'clone', 'b'], ['q', 'clone', 'd', 'c'], ['q', 'clone', 'd', 'e', 'f']]) {
        const writer = volume.create(path);
        await writer.write(Buffer.alloc(100_000, path.join('/')));
        await writer.commit({ xattrs: new Map([['user', Buffer.from('x')]]) });
      }
      await volume.close();
    });
    afterEach(() => made.remove());

    const collect = (options: { delete?: boolean } = {}) =>
      collectGarbage(made.metaUrl, { ...ADMIN, ...options, skipYoungerThanMs: -60_000 });
    const inodeOf = async (path: readonly string[]): Promise<bigint> => {
      const volume = await openVolume(made.metaUrl, { readOnly: true });
      try {
        return (await volume.stat(path)).inode;
      } finally {
        await volume.close();
      }
    };

    it('is found when it is older than a day, and removed with its data when told so', async () => {
      await detach(made, await inodeOf(['q']), 'clone', 2 * DAY_S);
      expect(await collect()).toMatchObject({ detachedTrees: 1, valid: { count: 8 }, leaked: { count: 0 } });
      // Only found: it is there still.
      expect(await collect({ delete: true })).toMatchObject({
        detachedTrees: 1,
        deletedFiles: { count: 3, bytes: 300_000 },
        valid: { count: 2 },
      });
      expect(await collect({ delete: true })).toMatchObject({ detachedTrees: 0, scanned: 2, valid: { count: 2 } });
      const volume = await openVolume(made.metaUrl, { readOnly: true });
      // The two files that are left, and their directories: no trash took anything.
      expect(await volume.usage()).toEqual({ usedBytes: 4096 + 102_400, usedInodes: 2 });
      await volume.close();
      expect(await made.check()).toEqual([]);
    });

    it('is left alone while the clone may still be at work, and when it is none any more', async () => {
      const clone = await detach(made, await inodeOf(['q']), 'clone', 3600);
      // A row that nothing stands behind any more.
      await writeRow(made, 9_999n, 0);
      expect(await collect()).toMatchObject({ detachedTrees: 1, valid: { count: 8 } });
      expect(await collect({ delete: true })).toMatchObject({ detachedTrees: 0, valid: { count: 8 } });
      expect(await collect()).toMatchObject({ detachedTrees: 0 });
      const engine = await openEngine(made.metaUrl, { readOnly: true });
      expect(await engine.look(async (reader) => reader.detachedNodes(1e10, 10))).toEqual([clone]);
      await engine.close();
    });
  });
}
