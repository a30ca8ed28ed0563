import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { formatVolume } from '../format/format-volume.ts';
import type { MetaEngine } from '../meta/engine.ts';
import { openEngine } from '../meta/meta-url.ts';
import { openVolume } from '../open-volume.ts';
import { PathFinder, pathOf } from './tree.ts';

const FILES = 2500;

describe('paths of inodes', () => {
  let folder: string;
  let engine: MetaEngine;
  const inodes = new Map<string, bigint>();
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'portcullis-tree-'));
    const metaUrl = `sqlite3://${join(folder, 'meta.db')}`;
    await formatVolume(metaUrl, { name: 'tree', bucket: join(folder, 'objects') });
    const volume = await openVolume(metaUrl);
    await volume.mkdirs(['a', 'b']);
    for (let i = 0; i < FILES; i++) {
      await volume.mkdir(['a', 'b', `d${i}`]);
    }
    for await (const { name, attributes } of volume.list(['a', 'b'])) inodes.set(`/a/b/${name}`, attributes.inode);
    await volume.close();
    engine = await openEngine(metaUrl, { readOnly: true });
  });
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true });
  });

  it('are found for many of one directory without reading it again for each', async () => {
    expect(inodes.size).toBe(FILES);
    const looks = vi.spyOn(engine, 'look');
    const finder = new PathFinder(engine);
    for (const [path, inode] of inodes) expect(await finder.pathOf(inode)).toBe(path);
    // Three nodes a path, and once the pages of three directories.
    expect(looks.mock.calls.length).toBeLessThan(3 * FILES + 10);
  });

  it('are found where the names are too many to keep', async () => {
    const finder = new PathFinder(engine, 100);
    for (const [path, inode] of [...inodes].slice(-3).reverse()) {
      expect(await finder.pathOf(inode)).toBe(path);
      expect(await pathOf(engine, inode)).toBe(path);
    }
    expect(await finder.pathOf(999_999n)).toBeUndefined();
  });
});
