// Random operations against an in-memory model, then a recount of everything the rows claim.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FormatSettings, openVolume } from '../../src/juicefs/index.ts';
import type { EngineKind, RunningEngine } from './meta-engines.ts';
import { expectSameTree, runRandomOperations } from './random-volume.ts';
import { makeVolume } from './temporary-volume.ts';

/** For each of the kinds of volume. */
const OPERATIONS = Number(process.env.RANDOM_OPERATIONS ?? 3400);
/** A slow machine, a server that commits to disk. */
const MOST_MS = 600_000;
const SEED = Number(process.env.RANDOM_SEED ?? Date.now() % 1_000_000);

const KINDS: Readonly<Record<string, Partial<FormatSettings>>> = {
  'with trash': { trashDays: 1 },
  'without trash, lz4, hash prefix': { trashDays: 0, compression: 'lz4', hashPrefix: true },
  'for 1.0 clients, without trash': { trashDays: 0, compat: '1.0' },
};

/** The suite on one engine. */
export function randomOperationsSuite(kind: EngineKind): void {
  let engine: RunningEngine;
  beforeAll(async () => {
    engine = await kind.start();
  });
  afterAll(() => engine.stop());

  describe('random operations', () => {
    const title = `leave a volume %s as the model says (seed ${SEED})`;
    // At the same time: most of theirs is waiting for the server.
    it.concurrent.each(Object.entries(KINDS))(title, { timeout: MOST_MS }, async (_name, settings) => {
      const made = await makeVolume(settings, engine);
      try {
        const { metaUrl } = made;
        const volume = await openVolume(metaUrl, { deleteGraceMs: 0, skipDirMtimeMs: 0 });
        const model = await runRandomOperations(volume, { seed: SEED, operations: OPERATIONS, maxSize: 300_000 });
        await expectSameTree(volume, model);
        await volume.close();
        expect(await made.check()).toEqual([]);
        const again = await openVolume(metaUrl, { readOnly: true });
        await expectSameTree(again, model, 1000);
        await again.close();
      } finally {
        made.remove();
      }
    });
  });
}
