// The shape of a golden volume's manifest: what the Go gateway answered for it, recorded when it was made.
import { z } from 'zod';

const listedKey = z.object({ key: z.string(), size: z.number(), etag: z.string() });

const recordedObject = z.object({
  bucket: z.string(),
  key: z.string(),
  head_error: z.number().optional(),
  size: z.number().optional(),
  sha256: z.string().optional(),
  etag: z.string().nullish(),
  content_type: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  mtime: z.number().optional(), // seconds
});

const manifest = z.object({
  gateway_flags: z.array(z.string()),
  credentials: z.unknown(),
  buckets: z.array(z.string()),
  objects: z.array(recordedObject),
  lists: z.array(
    z.object({
      bucket: z.string(),
      params: z.record(z.string(), z.union([z.string(), z.number()])),
      pages: z.array(
        z.object({
          is_truncated: z.boolean(),
          key_count: z.number(),
          keys: z.array(listedKey),
          common_prefixes: z.array(z.string()),
          next_token: z.string().nullable(),
        }),
      ),
    }),
  ),
  heads: z.array(
    z.object({
      bucket: z.string(),
      key: z.string(),
      status: z.number(),
      size: z.number().optional(),
      etag: z.string().nullish(),
      content_type: z.string().optional(),
    }),
  ),
});

export type GoldenManifest = z.infer<typeof manifest>;
export type RecordedListing = GoldenManifest['lists'][number];

export function readManifest(value: unknown): GoldenManifest {
  return manifest.parse(value);
}
