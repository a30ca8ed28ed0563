// A volume of its own for a test, formatted in a temporary directory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FormatSettings, formatVolume } from '../../src/juicefs/index.ts';

export interface TemporaryVolume {
  readonly directory: string;
  readonly database: string;
  /** The Bucket, with its slash. */
  readonly objects: string;
  readonly metaUrl: string;
  remove(): void;
}

export async function makeVolume(settings: Partial<FormatSettings> = {}): Promise<TemporaryVolume> {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-volume-'));
  const database = join(directory, 'meta.db');
  const objects = `${join(directory, 'objects')}/`;
  const metaUrl = `sqlite3://${database}`;
  await formatVolume(metaUrl, { name: 'testvol', bucket: objects, blockSizeKiB: 64, ...settings });
  return { directory, database, objects, metaUrl, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
