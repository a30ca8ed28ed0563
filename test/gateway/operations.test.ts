// The S3 operations on a volume in memory, which is fast and counts what is open, and on a JuiceFS volume, which is the truth.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { formatVolume, openVolume } from '../../src/juicefs/index.ts';
import { MemoryVolume } from './memory-volume.ts';
import { operationSuite } from './operation-suite.ts';

describe('on a volume in memory', () => {
  operationSuite(async () => {
    const volume = new MemoryVolume();
    return {
      volume,
      openReaders: () => volume.openReaders,
      openWriters: () => volume.openWriters,
      dispose: async () => {},
    };
  });
});

describe('on a JuiceFS volume', () => {
  operationSuite(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'portcullis-operations-'));
    const metaUrl = `sqlite3://${join(directory, 'meta.db')}`;
    await formatVolume(metaUrl, { name: 'operations', storage: 'file', bucket: `${join(directory, 'objects')}/` });
    const volume = await openVolume(metaUrl, { backgroundJobs: false });
    return {
      volume,
      openReaders: () => 0,
      openWriters: () => 0,
      dispose: async () => {
        await volume.close();
        rmSync(directory, { recursive: true });
      },
    };
  });
});
