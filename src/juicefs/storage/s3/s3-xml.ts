// The two documents that an S3 service answers with and the store reads: errors and listings. One reader with a size limit that
// takes no document type.
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { z } from 'zod';
import type { StoredObject } from '../object-store.ts';

/** Largest document read: a listing of 1000 keys of 1 KiB, thrice encoded, is below it. */
export const MAX_XML_BYTES = 8 << 20;

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  removeNSPrefix: true,
  isArray: (name) => name === 'Contents',
});

function parse(text: string): unknown {
  if (text.length > MAX_XML_BYTES || /<!DOCTYPE/i.test(text)) throw new RangeError('the answer is no document of S3');
  if (XMLValidator.validate(text) !== true) throw new RangeError('the answer is not well-formed XML');
  return parser.parse(text);
}

const ERROR = z.object({
  Error: z.object({ Code: z.string(), Message: z.string().optional(), Region: z.string().optional() }),
});

export interface S3ErrorDocument {
  readonly code: string;
  readonly message: string;
  /** The region the bucket is in, where the service says so. */
  readonly region: string | undefined;
}

/** The error in an answer's body; undefined when there is none to read. */
export function parseErrorDocument(text: string): S3ErrorDocument | undefined {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const parsed = ERROR.safeParse(document);
  if (!parsed.success) return undefined;
  const { Code, Message = '', Region } = parsed.data.Error;
  return { code: Code, message: Message, region: Region };
}

const LISTING = z.object({
  ListBucketResult: z.object({
    IsTruncated: z.string().optional(),
    NextContinuationToken: z.string().optional(),
    EncodingType: z.string().optional(),
    Contents: z.array(z.object({ Key: z.string(), Size: z.string(), LastModified: z.string() })).optional(),
  }),
});

export interface ListingPage {
  readonly objects: readonly StoredObject[];
  readonly next: string | undefined;
}

/** A page of ListObjectsV2. Throws when it is none. */
export function parseListing(text: string): ListingPage {
  const { ListBucketResult: result } = LISTING.parse(parse(text));
  const decode = (key: string): string =>
    result.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', '%20')) : key;
  const objects = (result.Contents ?? []).map(({ Key, Size, LastModified }) => ({
    key: decode(Key),
    size: Number(Size),
    mtimeMs: Date.parse(LastModified),
  }));
  return { objects, next: result.IsTruncated === 'true' ? result.NextContinuationToken : undefined };
}
