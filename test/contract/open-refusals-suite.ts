// What an engine's volume is refused for when it is opened, in one line and without a secret, and how a client that has it open
// notices that it became another one.
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openVolume, VolumeOpenError, type VolumeOptions } from '../../src/juicefs/index.ts';
import type { MetaEngine } from '../../src/juicefs/meta/engine.ts';
import { openEngine } from '../../src/juicefs/meta/meta-url.ts';
import type { EngineKind, RunningEngine } from './meta-engines.ts';
import { makeVolume, type TemporaryVolume } from './temporary-volume.ts';

const PASSPHRASE = 'volume-passphrase';

async function inEngine<T>(metaUrl: string, work: (engine: MetaEngine) => Promise<T>): Promise<T> {
  const engine = await openEngine(metaUrl, {});
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

const changeFormat = (metaUrl: string, members: Record<string, unknown>): Promise<void> =>
  inEngine(metaUrl, (engine) =>
    engine.write(async (tx) => {
      await tx.putSetting(JSON.stringify({ ...JSON.parse((await tx.setting()) ?? ''), ...members }));
    }),
  );

async function refusal(metaUrl: string, options: VolumeOptions = {}): Promise<string> {
  try {
    await (await openVolume(metaUrl, options)).close();
    return 'opened';
  } catch (error) {
    if (!(error instanceof VolumeOpenError)) throw error;
    expect(error.message.split('\n')).toHaveLength(1);
    return `${error.code}: ${error.message}`;
  }
}

/** The suite on one engine. */
export function openRefusalsSuite(kind: EngineKind): void {
  let engine: RunningEngine;
  let made: TemporaryVolume | undefined;
  beforeAll(async () => {
    engine = await kind.start();
  });
  afterAll(() => engine.stop());
  afterEach(() => {
    made?.remove();
    made = undefined;
  });

  describe('opening', () => {
    it('refuses a database without a volume, and leaves it empty', async () => {
      made = await makeVolume({}, engine);
      const metaUrl = await engine.newMetaUrl(`${made.directory}/objects`);
      for (const readOnly of [false, true]) {
        expect(await refusal(metaUrl, { readOnly })).toMatch(/^(NotFormatted|DatabaseMissing): .*format/);
      }
      if (engine.server !== undefined) {
        expect(await inEngine(metaUrl, (empty) => empty.look(async (reader) => reader.isEmpty()))).toBe(true);
      }
    });

    it.each<[Record<string, unknown>, RegExp]>([
      [{ MetaVersion: 2 }, /^ClientTooOld: .*metadata version 2/],
      [{ MinClientVersion: '9.9.9' }, /^ClientTooOld: .*9\.9\.9 or later/],
      [{ MaxClientVersion: '1.0.0' }, /^ClientTooOld: .*1\.0\.0 or earlier/],
    ])('refuses a volume with %j', async (members, message) => {
      made = await makeVolume({}, engine);
      await changeFormat(made.metaUrl, members);
      expect(await refusal(made.metaUrl)).toMatch(message);
      expect(await refusal(made.metaUrl, { readOnly: true })).toMatch(message);
    });

    it('refuses a missing or wrong passphrase of its RSA key', async () => {
      const { privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: PASSPHRASE },
      });
      const right = { JFS_RSA_PASSPHRASE: PASSPHRASE };
      made = await makeVolume({ encryptKey: privateKey, environment: right }, engine);
      expect(await refusal(made.metaUrl, { environment: right })).toBe('opened');
      const missing = await refusal(made.metaUrl);
      const wrong = await refusal(made.metaUrl, { environment: { JFS_RSA_PASSPHRASE: 'a-wrong-one' } });
      expect(missing).toMatch(/^EncryptionKeyUnusable: .*set its passphrase in JFS_RSA_PASSPHRASE/);
      expect(wrong).toMatch(/^EncryptionKeyUnusable: .*does not open with the passphrase/);
      for (const text of [missing, wrong]) {
        for (const secret of [PASSPHRASE, 'a-wrong-one', 'BEGIN', privateKey.slice(100, 130)]) {
          expect(text).not.toContain(secret);
        }
      }
    });
  });

  describe('a volume that is open', () => {
    it.each<[string, (metaUrl: string) => Promise<void>, RegExp]>([
      [
        'formatted anew',
        (metaUrl) => changeFormat(metaUrl, { UUID: '00000000-0000-4000-8000-000000000000' }),
        /^EIO: the volume was formatted anew/,
      ],
      [
        'destroyed',
        (metaUrl) => inEngine(metaUrl, (other) => other.clear()),
        /^EIO: the volume is not formatted any more/,
      ],
      ['upgraded', (metaUrl) => changeFormat(metaUrl, { MetaVersion: 2 }), /^EIO: the volume was upgraded/],
    ])('is lost when it is %s, and nothing is written any more', async (_what, happens, message) => {
      made = await makeVolume({}, engine);
      const { metaUrl } = made;
      const lost = vi.fn();
      const volume = await openVolume(metaUrl, { heartbeatMs: 100, onLost: lost });
      await volume.mkdir(['before']);
      await happens(metaUrl);
      await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce(), { timeout: 15_000 });
      await expect(volume.mkdir(['d'])).rejects.toThrow(message);
      await expect(volume.stat([])).rejects.toThrow(message);
      await volume.close();
    });
  });
}
