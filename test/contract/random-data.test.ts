// Random operations on a volume whose data goes through all that there is: Zstandard, encryption, hash prefixes, a disk cache, and
// usage counted by owner. Afterwards everything is compacted,
// collected and recounted.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { collectGarbage, openVolume } from '../../src/juicefs/index.ts';
import { expectSameTree, runRandomOperations } from './random-volume.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';

const OPERATIONS = Number(process.env.RANDOM_OPERATIONS ?? 1000);
const SEED = Number(process.env.RANDOM_SEED ?? Date.now() % 1_000_000);

const passphrase = 'a passphrase';
const encryptKey = String(
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase,
  }),
);
const environment = { JFS_RSA_PASSPHRASE: passphrase };

let made: TemporaryVolume | undefined;
let cache: string | undefined;
afterEach(() => {
  made?.remove();
  if (cache !== undefined) rmSync(cache, { recursive: true });
});

function countOwners({ database }: TemporaryVolume): void {
  const db = new DatabaseSync(database, {});
  try {
    const row = db.prepare("SELECT value FROM jfs_setting WHERE name = 'format'").get();
    const setting = JSON.stringify({ ...JSON.parse(String(row?.value)), UserGroupQuota: true });
    db.prepare("UPDATE jfs_setting SET value = ? WHERE name = 'format'").run(setting);
  } finally {
    db.close();
  }
}

describe('random operations', () => {
  it.each([
    ['zstd, aes256gcm-rsa, with trash', { compression: 'zstd', encryptAlgo: 'aes256gcm-rsa', trashDays: 1 }],
    ['lz4, chacha20-rsa, without trash', { compression: 'lz4', encryptAlgo: 'chacha20-rsa', trashDays: 0 }],
  ])(`leave a volume with %s as the model says (seed ${SEED})`, async (_name, settings) => {
    made = await makeVolume({ ...settings, hashPrefix: true, encryptKey, environment });
    cache = mkdtempSync(join(tmpdir(), 'portcullis-cache-'));
    countOwners(made);
    const options = { environment, deleteGraceMs: 0, skipDirMtimeMs: 0, cacheDirectories: [cache], freeSpaceRatio: 0 };
    const volume = await openVolume(made.metaUrl, { ...options, cacheSize: 2 << 20 });
    const model = await runRandomOperations(volume, { seed: SEED, operations: OPERATIONS, maxSize: 300_000 });
    await expectSameTree(volume, model);
    await volume.close();
    expect(await made.check()).toEqual([]);
    const log = { info: () => undefined, warn: () => undefined };
    const admin = { environment, log, skipYoungerThanMs: -60_000 };
    await collectGarbage(made.metaUrl, { ...admin, compact: true });
    expect(await collectGarbage(made.metaUrl, { ...admin, delete: true })).toMatchObject({ leaked: { count: 0 } });
    const problems = await made.check();
    expect(problems).toEqual([]);
    const again = await openVolume(made.metaUrl, { readOnly: true, environment });
    await expectSameTree(again, model, 1000);
    await again.close();
  });
});
