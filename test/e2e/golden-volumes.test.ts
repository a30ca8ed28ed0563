// Volumes that the Go client made and filled, served by Portcullis: every object, header and listing as it was recorded.
import { join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Gateway, logsOnFailure, startGateway } from '../harness/gateway.ts';
import { canRestore, type RestoredMetadata, restoreMetadata, serverOf } from '../harness/golden-server.ts';
import type { S3Answer } from '../harness/s3-client.ts';
import { sha256 } from '../harness/sigv4.ts';
import { makeTempFolder, removeTempFolder } from '../harness/temp-folder.ts';
import { type TestVolume, unpackGoldenVolume, volumeState } from '../harness/volume.ts';
import { type GoldenManifest, type RecordedListing, readManifest } from './golden-manifest.ts';

const MIB = 1024 * 1024;
const LIST_PARAMETERS: Readonly<Record<string, string>> = {
  Prefix: 'prefix',
  Delimiter: 'delimiter',
  MaxKeys: 'max-keys',
  StartAfter: 'start-after',
};

const xml = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => name === 'Contents' || name === 'CommonPrefixes',
});
const listResult = z.object({
  ListBucketResult: z.object({
    IsTruncated: z.string(),
    KeyCount: z.string(),
    NextContinuationToken: z.string().optional(),
    Contents: z.array(z.object({ Key: z.string(), Size: z.string(), ETag: z.string().optional() })).default([]),
    CommonPrefixes: z.array(z.object({ Prefix: z.string() })).default([]),
  }),
});

interface Page {
  readonly is_truncated: boolean;
  readonly key_count: number;
  readonly keys: readonly { key: string; size: number; etag: string }[];
  readonly common_prefixes: readonly string[];
}

/** Follows a listing to its end, as an SDK does: keys arrive URL-encoded. */
async function listPages(gateway: Gateway, { bucket, params }: RecordedListing): Promise<Page[]> {
  const asked = Object.fromEntries(
    Object.entries(params).map(([name, value]) => [LIST_PARAMETERS[name] ?? name, String(value)]),
  );
  const pages: Page[] = [];
  let token: string | undefined;
  do {
    const query: Record<string, string> = { 'list-type': '2', 'encoding-type': 'url', ...asked };
    if (token !== undefined) query['continuation-token'] = token;
    const answer = await gateway.client.send({ bucket, query, keys: gateway.root });
    if (answer.status !== 200) throw new Error(`${JSON.stringify(query)}: ${answer.status} ${answer.body}`);
    const { ListBucketResult: result } = listResult.parse(xml.parse(answer.body.toString()));
    pages.push({
      is_truncated: result.IsTruncated === 'true',
      key_count: Number(result.KeyCount),
      keys: result.Contents.map(({ Key, Size, ETag }) => ({
        key: decodeURIComponent(Key),
        size: Number(Size),
        etag: ETag ?? '',
      })),
      common_prefixes: result.CommonPrefixes.map(({ Prefix }) => decodeURIComponent(Prefix)),
    });
    token = result.NextContinuationToken;
  } while (token !== undefined && pages.length <= 100);
  return pages;
}

/** What a GET shows of an object, under the names of the manifest. */
function shown({ status, headers, body }: S3Answer): Record<string, unknown> {
  if (status !== 200) return { head_error: status };
  const metadata = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-amz-meta-'))
    .map(([name, value]) => [name.slice('x-amz-meta-'.length), String(value)]);
  return {
    size: body.length,
    sha256: sha256(body),
    etag: headers.etag ?? null,
    content_type: headers['content-type'],
    metadata: Object.fromEntries(metadata),
    mtime: Date.parse(headers['last-modified'] ?? '') / 1000,
  };
}

const NAMES = [
  'sqlite-plain',
  'sqlite-multi-lz4',
  'redis-zstd-multi',
  'redis-encrypted',
  'mysql-multi',
  'postgres-multi',
];

describe.each(NAMES.filter(canRestore))('the golden volume %s', (name) => {
  let metadata: RestoredMetadata;
  let folder: string;
  let volume: TestVolume;
  let manifest: GoldenManifest;
  let gateway: Gateway;
  let before: string[];
  logsOnFailure(() => gateway);

  beforeAll(async () => {
    folder = makeTempFolder();
    const golden = unpackGoldenVolume(name, folder);
    volume = golden;
    manifest = readManifest(golden.manifest);
    metadata = await restoreMetadata(join(folder, name));
    if (serverOf(name) === undefined) before = volumeState(volume);
    const flags = [
      ...manifest.gateway_flags,
      ...volume.flags,
      '--workers',
      '1',
      '--no-bgjob',
      '--metrics',
      '127.0.0.1:0',
    ];
    gateway = await startGateway({ metaUrl: metadata.metaUrl, flags, env: golden.environment });
  });
  afterAll(async () => {
    await gateway?.dispose();
    await metadata?.stop();
    removeTempFolder(folder);
  });

  it('gives back every object byte for byte, with its headers', async () => {
    const differences: unknown[] = [];
    for (const object of manifest.objects) {
      const { bucket, key } = object;
      const found = shown(await gateway.client.send({ bucket, key, keys: gateway.root }));
      const recorded = Object.fromEntries(Object.keys(found).map((field) => [field, Reflect.get(object, field)]));
      if (JSON.stringify(found) !== JSON.stringify(recorded)) differences.push({ bucket, key, found, recorded });
    }
    expect(differences).toEqual([]);
    expect(manifest.objects.length).toBeGreaterThan(300);
  });

  it('answers HEAD as recorded', async () => {
    const answers = [];
    for (const { bucket, key } of manifest.heads) {
      const { status } = await gateway.client.send({ method: 'HEAD', bucket, key, keys: gateway.root });
      answers.push({ bucket, key, status });
    }
    expect(answers).toEqual(manifest.heads.map(({ bucket, key, status }) => ({ bucket, key, status })));
  });

  it('reads ranges across blocks and chunks', async () => {
    const [biggest] = [...manifest.objects].sort((a, b) => (b.size ?? 0) - (a.size ?? 0));
    if (biggest === undefined) throw new Error('the volume has no objects');
    const { bucket, key } = biggest;
    const whole = (await gateway.client.send({ bucket, key, keys: gateway.root })).body;
    for (const boundary of [4 * MIB, 5 * MIB, 64 * MIB].filter((offset) => offset < whole.length)) {
      const headers = { range: `bytes=${boundary - 3}-${boundary + 2}` };
      const answer = await gateway.client.send({ bucket, key, headers, keys: gateway.root });
      expect([answer.status, answer.headers['content-range'], answer.body.toString('hex')]).toEqual([
        206,
        `bytes ${boundary - 3}-${boundary + 2}/${whole.length}`,
        whole.subarray(boundary - 3, boundary + 3).toString('hex'),
      ]);
    }
  });

  it('lists as recorded, page by page', async () => {
    for (const listing of manifest.lists) {
      // As AWS: none are asked for, none are listed. The Go gateway reads 0 as "no limit".
      if (listing.params.MaxKeys === 0) {
        const nothing = { is_truncated: false, key_count: 0, keys: [], common_prefixes: [] };
        expect.soft(await listPages(gateway, listing)).toEqual([nothing]);
        continue;
      }
      const recorded = listing.pages.map(({ next_token: _, ...page }) => page);
      expect
        .soft(await listPages(gateway, listing), `${listing.bucket} ${JSON.stringify(listing.params)}`)
        .toEqual(recorded);
    }
  });

  it('is left as it was', async () => {
    expect((await gateway.stop()).code).toBe(0);
    if (serverOf(name) === undefined) expect(volumeState(volume)).toEqual(before);
  });
});
