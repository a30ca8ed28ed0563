// Volumes that the Go client made, served: listings, heads and objects as its own gateway answered them.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVolume, type Volume } from '../../src/juicefs/index.ts';
import { type GoldenManifest, type GoldenVolume, unpackGolden } from '../fixtures/volumes/golden.ts';
import { listed, Served, texts } from './operation-harness.ts';

interface RecordedKey {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
}

interface RecordedPage {
  readonly is_truncated: boolean;
  readonly keys: readonly RecordedKey[];
  readonly common_prefixes: readonly string[];
}

interface RecordedList {
  readonly bucket: string;
  readonly params: { Prefix?: string; Delimiter?: string; StartAfter?: string; MaxKeys?: number };
  readonly pages: readonly RecordedPage[];
}

/** What the manifest holds beside what the volume's own tests read. */
type Manifest = GoldenManifest & {
  readonly gateway_flags: readonly string[];
  readonly volume_name: string;
  readonly lists: readonly RecordedList[];
  readonly heads: readonly {
    readonly bucket: string;
    readonly key: string;
    readonly status: number;
    readonly size?: number;
    readonly etag?: string | null;
    readonly content_type?: string;
  }[];
  readonly pending_multipart?: readonly {
    readonly bucket: string;
    readonly key: string;
    readonly upload_id: string;
    readonly parts: readonly { readonly PartNumber: number; readonly Size: number; readonly ETag: string }[];
  }[];
};

const encodeKey = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

describe.each(['sqlite-plain', 'sqlite-multi-lz4', 'iam-volume'])('golden volume %s', (name) => {
  let golden: GoldenVolume;
  let manifest: Manifest;
  let volume: Volume;
  let s3: Served;

  beforeAll(async () => {
    golden = unpackGolden(name);
    manifest = golden.manifest as Manifest;
    volume = await openVolume(golden.metaUrl, { bucket: golden.bucket, readOnly: true });
    const flags = manifest.gateway_flags;
    s3 = new Served(volume, {
      multiBuckets: flags.includes('--multi-buckets'),
      singleBucket: manifest.volume_name,
      keepEtag: flags.includes('--keep-etag'),
      objectTag: flags.includes('--object-tag'),
      objectMeta: flags.includes('--object-meta'),
      readOnly: true,
    });
  });

  afterAll(async () => {
    await volume.close();
    rmSync(golden.directory, { recursive: true });
  });

  async function pagesOf({ bucket, params }: RecordedList): Promise<RecordedPage[]> {
    const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url' });
    if (params.Prefix !== undefined) query.set('prefix', params.Prefix);
    if (params.Delimiter !== undefined) query.set('delimiter', params.Delimiter);
    if (params.StartAfter !== undefined) query.set('start-after', params.StartAfter);
    if (params.MaxKeys !== undefined) query.set('max-keys', String(params.MaxKeys));
    const pages: RecordedPage[] = [];
    for (;;) {
      const { text } = await s3.send('GET', `/${bucket}?${query}`);
      const { truncated, prefixes } = listed(text);
      const sizes = texts(text, 'Size').map(Number);
      const etags = texts(text, 'ETag');
      const keys = texts(text, 'Key').map((key, i) => ({
        key: decodeURIComponent(key),
        size: sizes[i] ?? -1,
        etag: etags[i] ?? 'none',
      }));
      pages.push({ is_truncated: truncated, keys, common_prefixes: prefixes.map(decodeURIComponent) });
      const token = texts(text, 'NextContinuationToken')[0];
      if (!truncated || token === undefined) return pages;
      query.set('continuation-token', token);
    }
  }

  it('lists as recorded', async () => {
    expect(manifest.lists.length).toBeGreaterThan(5);
    for (const list of manifest.lists) {
      const pages = await pagesOf(list);
      // S3: no keys are wanted; the recorded gateway takes 0 for all
      if (list.params.MaxKeys === 0) expect(pages).toEqual([{ is_truncated: false, keys: [], common_prefixes: [] }]);
      else expect({ ...list, pages }).toEqual({ ...list, pages: list.pages.map(comparable) });
    }
  });

  function comparable({ is_truncated, keys, common_prefixes }: RecordedPage): RecordedPage {
    return { is_truncated, keys, common_prefixes };
  }

  it('shows each key as recorded', async () => {
    for (const { bucket, key, ...wanted } of manifest.heads) {
      const seen = await s3.send('HEAD', `/${bucket}/${encodeKey(key)}`);
      expect({ key, status: seen.status }).toEqual({ key, status: wanted.status });
      if (wanted.status !== 200) continue;
      expect({
        key,
        size: Number(seen.headers['content-length']),
        etag: seen.headers.etag ?? null,
        content_type: seen.headers['content-type'],
      }).toEqual({ key, size: wanted.size, etag: wanted.etag, content_type: wanted.content_type });
    }
  });

  it('serves each object byte for byte, with what belongs to it', async () => {
    expect(manifest.objects.length).toBeGreaterThan(5);
    for (const object of manifest.objects) {
      const got = await s3.send('GET', `/${object.bucket}/${encodeKey(object.key)}`);
      if (object.head_error !== undefined) {
        expect([object.key, got.status]).toEqual([object.key, object.head_error]);
        continue;
      }
      const recorded = object as typeof object & { content_type: string; metadata: Record<string, string> };
      expect({
        key: object.key,
        sha256: createHash('sha256').update(got.body).digest('hex'),
        etag: got.headers.etag ?? null,
        content_type: got.headers['content-type'],
        modified: Date.parse(got.headers['last-modified'] ?? '') / 1000,
        metadata: Object.fromEntries(
          Object.entries(got.headers)
            .filter(([header]) => header.startsWith('x-amz-meta-'))
            .map(([header, value]) => [header.slice('x-amz-meta-'.length), value]),
        ),
      }).toEqual({
        key: object.key,
        sha256: object.sha256,
        etag: object.etag,
        content_type: recorded.content_type,
        modified: object.mtime,
        metadata: recorded.metadata,
      });
    }
  });

  it('sees the uploads that another gateway began', async () => {
    for (const upload of manifest.pending_multipart ?? []) {
      const { text } = await s3.send('GET', `/${upload.bucket}?uploads`);
      expect(texts(text, 'Key')).toEqual([upload.key]);
      expect(texts(text, 'UploadId')).toEqual([upload.upload_id]);
      const parts = await s3.send('GET', `/${upload.bucket}/${encodeKey(upload.key)}?uploadId=${upload.upload_id}`);
      expect(texts(parts.text, 'PartNumber').map(Number)).toEqual(upload.parts.map((part) => part.PartNumber));
      expect(texts(parts.text, 'Size').map(Number)).toEqual(upload.parts.map((part) => part.Size));
      expect(texts(parts.text, 'ETag')).toEqual(upload.parts.map((part) => part.ETag));
    }
  });
});

describe('a golden volume, written to', () => {
  it('finishes an upload that another gateway began', async () => {
    const golden = unpackGolden('sqlite-multi-lz4');
    const manifest = golden.manifest as Manifest;
    const volume = await openVolume(golden.metaUrl, { bucket: golden.bucket, backgroundJobs: false });
    try {
      const s3 = new Served(volume);
      const upload = manifest.pending_multipart?.[0];
      const part = upload?.parts.at(-1);
      if (upload === undefined || part === undefined) throw new Error('the manifest has no pending upload');
      const url = `/${upload.bucket}/${encodeKey(upload.key)}`;
      const body = `<CompleteMultipartUpload><Part><PartNumber>${part.PartNumber}</PartNumber><ETag>${part.ETag}</ETag></Part></CompleteMultipartUpload>`;
      expect((await s3.send('POST', `${url}?uploadId=${upload.upload_id}`, { body })).status).toBe(200);
      const got = await s3.send('GET', url);
      expect(got.body).toHaveLength(part.Size);
      expect(createHash('md5').update(got.body).digest('hex')).toBe(part.ETag.replaceAll('"', ''));
      expect(texts((await s3.send('GET', `/${upload.bucket}?uploads`)).text, 'UploadId')).toEqual([]);
    } finally {
      await volume.close();
      rmSync(golden.directory, { recursive: true });
    }
  });
});
