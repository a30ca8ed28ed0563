// A volume of its own for a test, formatted in a temporary directory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FormatSettings, formatVolume } from '../../src/juicefs/index.ts';
import type { RunningEngine } from './meta-engines.ts';
import { type CheckOptions, checkVolume } from './volume-check.ts';

export interface TemporaryVolume {
  readonly directory: string;
  /** Of a SQLite volume. */
  readonly database: string;
  /** The Bucket, with its slash. */
  readonly objects: string;
  readonly metaUrl: string;
  /** What is wrong with its rows and blocks. */
  check(options?: CheckOptions): Promise<string[]>;
  remove(): void;
}

/** A new volume, on SQLite or in the engine given. */
export async function makeVolume(
  settings: Partial<FormatSettings> = {},
  engine?: RunningEngine,
): Promise<TemporaryVolume> {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-volume-'));
  const database = join(directory, 'meta.db');
  const objects = `${join(directory, 'objects')}/`;
  const metaUrl = (await engine?.newMetaUrl(directory)) ?? `sqlite3://${database}`;
  await formatVolume(metaUrl, { name: 'testvol', bucket: objects, blockSizeKiB: 64, ...settings });
  return {
    directory,
    database,
    objects,
    metaUrl,
    check: async (options) => checkVolume((await engine?.database(metaUrl)) ?? database, objects, options),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
