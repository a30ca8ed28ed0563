// Binary dumps on any engine: those that the Go client wrote of the same volume, from several engines, are loaded and are that volume;
// and what is dumped there in the binary form is loaded as the same again.
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkTree, dumpVolume, dumpVolumeBinary, loadVolumeBinary, openVolume } from '../../src/juicefs/index.ts';
import { unpackGolden } from '../fixtures/volumes/golden.ts';
import type { RunningEngine } from './meta-engines.ts';
import { makeVolume } from './temporary-volume.ts';
import { checkVolume } from './volume-check.ts';

const ADMIN = { environment: {}, log: { info: () => undefined, warn: () => undefined } };
/** No dump has the slices that compaction replaced: their blocks are garbage to who loads it. */
const REPLACED = { allowLeakedBlocks: true };
const DUMPS = join(import.meta.dirname, '../fixtures/dumps');

export async function jsonOf(metaUrl: string): Promise<string> {
  let text = '';
  const write = async (part: string): Promise<void> => {
    text += part;
  };
  await dumpVolume(metaUrl, { ...ADMIN, keepSecrets: true, write });
  return text;
}

export async function binaryOf(metaUrl: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const write = async (part: Uint8Array): Promise<void> => {
    parts.push(part);
  };
  await dumpVolumeBinary(metaUrl, { ...ADMIN, keepSecrets: true, write });
  return Buffer.concat(parts);
}

/** Bytes in pieces that end anywhere. */
export async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The suite, on the engine that runs when its tests do. */
export function binaryDumpSuite(running: () => RunningEngine): void {
  describe('a binary dump', () => {
    it('that the Go client made is loaded as the volume it is, and dumped again', { timeout: 120_000 }, async () => {
      const { name } = running();
      // Rows of a database, of Redis and of etcd come in another order each; SQLite takes them all.
      const made = ['redis', 'etcd', 'sqlite'].filter((from) => name === 'sqlite' || from === name);
      for (const from of made.length === 0 ? ['sqlite'] : made) await loadedAndDumped(from);
    });

    const loadedAndDumped = async (from: string): Promise<void> => {
      const golden = unpackGolden('sqlite-posix');
      const folder = mkdtempSync(join(golden.directory, 'loaded-'));
      try {
        const metaUrl = await running().newMetaUrl(folder);
        const source = (): AsyncIterable<Uint8Array> => createReadStream(join(DUMPS, `${from}-posix.bin`));
        await loadVolumeBinary(metaUrl, source, ADMIN);
        const json = readFileSync(join(golden.directory, 'dump.json'), 'utf8');
        expect(await jsonOf(metaUrl)).toBe(json);
        const report = await checkTree(metaUrl, { ...ADMIN, path: [], recursive: true, syncDirStat: true });
        expect(report.problems).toEqual([]);
        expect(checkVolume(await running().database(metaUrl), golden.bucket, REPLACED)).toEqual([]);
        // And once more, by our own.
        const dump = await binaryOf(metaUrl);
        const copyUrl = await running().newMetaUrl(mkdtempSync(join(golden.directory, 'again-')));
        await loadVolumeBinary(copyUrl, () => inPieces(dump, 1000), ADMIN);
        expect(await jsonOf(copyUrl)).toBe(json);
        expect(checkVolume(await running().database(copyUrl), golden.bucket, REPLACED)).toEqual([]);
      } finally {
        rmSync(golden.directory, { recursive: true });
      }
    };

    it('has files whose data waits to be deleted, and files that are only held open; both go after it is loaded', async () => {
      const made = await makeVolume({ trashDays: 0 }, running());
      const volume = await openVolume(made.metaUrl, { deleteGraceMs: 3_600_000, backgroundJobs: false });
      for (const name of ['stays', 'waits', 'open']) {
        const writer = volume.create(['d', name]);
        await writer.write(Buffer.alloc(100_000, name));
        await writer.commit({ xattrs: new Map([['user', Buffer.from(name)]]) });
      }
      const reader = await volume.open(['d', 'open']);
      await volume.unlink(['d', 'open']);
      await volume.unlink(['d', 'waits']);
      const dump = await binaryOf(made.metaUrl);
      await reader.close();
      const copyUrl = await running().newMetaUrl(mkdtempSync(join(made.directory, 'copy-')));
      await loadVolumeBinary(copyUrl, () => inPieces(dump, 77), ADMIN);
      // Whoever opens it first takes away the session that ended, and with it the file.
      const copy = await openVolume(copyUrl, { deleteGraceMs: 3_600_000, heartbeatMs: 300 });
      await expect.poll(() => copy.usage(), { timeout: 20_000 }).toEqual({ usedBytes: 4096 + 102_400, usedInodes: 2 });
      await copy.close();
      const found = checkVolume(await running().database(copyUrl), made.objects, {
        allowPendingDeletes: true,
        allowLeakedBlocks: true,
      });
      expect(found).toEqual([]);
      await volume.close();
      made.remove();
    }, 60_000);
  });
}
