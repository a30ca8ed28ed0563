// The server of the metadata is killed while a volume is written to, and started again: what was acknowledged is there, what
// was not is whole or not there, and the volume goes on by itself.
import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openVolume, type Volume, VolumeError } from '../../src/juicefs/index.ts';
import { eventually } from '../harness/waiting.ts';
import type { EngineKind, RunningEngine } from './meta-engines.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';

const WRITERS = 4;
const KILLS = 3;

const content = (name: string): Buffer => createHash('sha512').update(name).digest();

async function read(volume: Volume, name: string): Promise<Buffer> {
  const reader = await volume.open(['d', name]);
  const parts: Uint8Array[] = [];
  for await (const part of reader.read(0, reader.attributes.size)) parts.push(part);
  await reader.close();
  return Buffer.concat(parts);
}

/** The suite on one engine. */
export function engineOutageSuite(kind: EngineKind): void {
  let engine: RunningEngine;
  let made: TemporaryVolume | undefined;
  beforeAll(async () => {
    engine = await kind.start();
  });
  afterAll(() => engine.stop());
  afterEach(() => made?.remove());

  describe('a server that is killed', () => {
    it('costs nothing that was acknowledged', { timeout: 180_000 }, async () => {
      const { server } = engine;
      if (server === undefined) throw new Error('an engine without a server cannot lose it');
      made = await makeVolume({ trashDays: 0 }, engine);
      const volume = await openVolume(made.metaUrl, { deleteGraceMs: 3_600_000 });
      const acknowledged: string[] = [];
      const failed: string[] = [];
      let next = 0;
      let stop = false;
      const write = async (): Promise<void> => {
        while (!stop) {
          const name = `f${next++}`;
          const writer = volume.create(['d', name]);
          try {
            await writer.write(content(name));
            await writer.commit({ xattrs: new Map([['s3-etag', Buffer.from(name)]]) });
            acknowledged.push(name);
          } catch (error) {
            if (!(error instanceof VolumeError)) throw error;
            expect(error.message.split('\n')).toHaveLength(1);
            failed.push(name);
          } finally {
            await writer.abort();
          }
        }
      };
      const writing = Promise.all(Array.from({ length: WRITERS }, write));
      for (let kills = 0; kills < KILLS; kills++) {
        const before = acknowledged.length;
        await eventually('some files are written', () => acknowledged.length >= before + 10);
        await server.kill();
        await server.restart();
      }
      const before = acknowledged.length;
      await eventually('it goes on', () => acknowledged.length >= before + 10);
      stop = true;
      await writing;
      for (const name of acknowledged) expect((await read(volume, name)).equals(content(name))).toBe(true);
      // A commit without an answer may have been done: then all of it is there.
      for (const name of failed) {
        const found = await read(volume, name).catch((error: unknown) => {
          if (error instanceof VolumeError && error.code === 'ENOENT') return undefined;
          throw error;
        });
        if (found !== undefined) expect(found.equals(content(name))).toBe(true);
      }
      await volume.close();
      expect(await made.check({ allowLeakedBlocks: true, allowPendingDeletes: true })).toEqual([]);
    });
  });
}
