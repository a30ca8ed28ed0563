// Volumes made by the Go client, read byte for byte.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVolume, type Volume, type VolumePath } from '../../src/juicefs/index.ts';
import { type GoldenObject, type GoldenVolume, unpackGolden } from '../fixtures/volumes/golden.ts';
import { canRestore, type RestoredMetadata, restoreMetadata } from '../harness/golden-server.ts';

const NAMES = ['sqlite-plain', 'sqlite-multi-lz4', 'sqlite-posix', 'sqlite-chacha', 'redis-zstd-multi'];
NAMES.push('redis-encrypted', 'mysql-multi', 'postgres-multi');

describe.each(NAMES.filter(canRestore))('golden volume %s', (name) => {
  let golden: GoldenVolume;
  let metadata: RestoredMetadata;
  let volume: Volume;

  beforeAll(async () => {
    golden = unpackGolden(name);
    metadata = await restoreMetadata(golden.directory);
    volume = await openVolume(metadata.metaUrl, {
      readOnly: true,
      bucket: golden.bucket,
      environment: { JFS_RSA_PASSPHRASE: golden.passphrase },
    });
  });

  afterAll(async () => {
    await volume.close();
    await metadata.stop();
    rmSync(golden.directory, { recursive: true });
  });

  const pathOf = (object: GoldenObject): VolumePath => {
    const names = object.key.split('/').filter((part) => part !== '');
    return golden.manifest.single_bucket_mode ? names : [object.bucket, ...names];
  };

  it('reads every object as it was uploaded', async () => {
    let files = 0;
    for (const object of golden.manifest.objects) {
      if (object.key.endsWith('/') || object.head_error !== undefined) continue;
      const reader = await volume.open(pathOf(object));
      const hash = createHash('sha256');
      let size = 0;
      for await (const bytes of reader.read(0, Number.MAX_SAFE_INTEGER)) {
        hash.update(bytes);
        size += bytes.length;
      }
      await reader.close();
      expect({ key: object.key, size, sha256: hash.digest('hex') }).toEqual({
        key: object.key,
        size: object.size,
        sha256: object.sha256,
      });
      expect(Number(reader.attributes.mtimeNs / 1_000_000_000n)).toBe(object.mtime);
      files++;
    }
    expect(files).toBeGreaterThan(50);
  });

  it('has the recorded etags in extended attributes', async () => {
    for (const object of golden.manifest.objects) {
      if (object.etag === null || object.key.endsWith('/')) continue;
      const { xattrs } = await volume.statWithXattrs(pathOf(object));
      expect(`"${Buffer.from(xattrs.get('s3-etag') ?? []).toString()}"`).toBe(object.etag);
    }
  });

  it('reads any range as that part of the whole', async () => {
    const object = golden.manifest.objects
      .filter(({ key, head_error }) => !key.endsWith('/') && head_error === undefined)
      .reduce((a, b) => (a.size > b.size ? a : b));
    const reader = await volume.open(pathOf(object));
    const whole = await collect(reader.read(0, object.size));
    for (const [start, end] of [
      [0, 1],
      [1, 2],
      [object.size - 1, object.size + 5],
      [4_194_300, 4_194_310],
      [100_000, 1_200_000],
    ] as const) {
      expect((await collect(reader.read(start, end))).equals(whole.subarray(start, end))).toBe(true);
    }
    await reader.close();
  });

  it('has the recorded attributes of every inode', async () => {
    for (const inode of golden.manifest.posix ?? []) {
      // A link is followed by `stat`, so what is recorded of it is another inode's.
      if (inode.type === 'symlink') continue;
      const names = inode.path.split('/').filter((part) => part !== '');
      const attributes = await volume.stat(names);
      expect({ path: inode.path, nlink: attributes.nlink, mode: `0o${attributes.mode.toString(8)}` }).toEqual({
        path: inode.path,
        nlink: inode.nlink,
        mode: inode.mode,
      });
      if (inode.type === 'regular') expect(attributes.size).toBe(inode.length);
    }
  });
});

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}
