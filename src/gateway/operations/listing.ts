// One page of keys and common prefixes: what ListObjects, ListObjectsV2 and ListObjectVersions share.
import type { Attributes } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import { type BucketName, MAX_KEY_BYTES } from '../s3/object-name.ts';
import type { OperationContext, S3Request } from '../s3/operation.ts';
import { encodeComponent } from '../s3/request-target.ts';
import { element, type XmlNode } from '../s3/xml.ts';
import { readKeptAcl } from './access-control-list.ts';
import { bucketDirectory } from './bucket-access.ts';
import { walkKeys } from './key-walk.ts';
import { ACL_XATTR } from './object-acl.ts';
import { objectSize, storedEtag, textXattr } from './object-attributes.ts';
import { type Owner, ownerElement } from './owner.ts';
import { isoDate } from './timestamps.ts';

/** AWS: keys and prefixes of one page, unless fewer are asked for. */
export const MAX_KEYS = 1000;

/** What every listing may be asked. */
export interface ListingInput {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  /** True for encoding-type=url. */
  readonly urlEncoded: boolean;
}

export interface ListedKey {
  readonly key: string;
  readonly attributes: Attributes;
  /** Without quotes; undefined when none is kept. */
  readonly etag: string | undefined;
  /** Undefined for the bucket's owner. */
  readonly owner: Owner | undefined;
}

export interface ListingPage {
  readonly keys: readonly ListedKey[];
  readonly commonPrefixes: readonly string[];
  readonly truncated: boolean;
  /** The last key or prefix of a truncated page: the next one begins after it. */
  readonly last: string | undefined;
}

/** Reads the parameters that all listings have. Throws InvalidArgument, KeyTooLongError. */
export function parseListing(request: S3Request): ListingInput {
  const { query } = request;
  const encoding = query.get('encoding-type');
  if (encoding !== undefined && encoding !== '' && encoding !== 'url') {
    throw invalidParameter('encoding-type', encoding, 'encoding-type should be url.');
  }
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  // what is longer than any key is part of none
  if (Buffer.byteLength(prefix) > MAX_KEY_BYTES) {
    const fields = { Size: String(Buffer.byteLength(prefix)), MaxSizeAllowed: String(MAX_KEY_BYTES) };
    throw new S3Error('KeyTooLongError', undefined, { fields });
  }
  if (Buffer.byteLength(delimiter) > MAX_KEY_BYTES) {
    throw new S3Error('InvalidArgument', `delimiter should have at most ${MAX_KEY_BYTES} bytes.`, {
      fields: { ArgumentName: 'delimiter' },
    });
  }
  return {
    prefix,
    delimiter,
    maxKeys: parseCount(query, 'max-keys', MAX_KEYS),
    urlEncoded: encoding === 'url',
  };
}

const WHOLE_NUMBER = /^\d+$/;
const LARGEST_COUNT = 0x7fff_ffff;

/** A number of entries out of the query: at most `most`, which is also what is meant without it. Throws InvalidArgument. */
export function parseCount(query: ReadonlyMap<string, string>, name: string, most: number): number {
  const text = query.get(name) ?? '';
  if (text === '') return most;
  if (!WHOLE_NUMBER.test(text) || Number(text) > LARGEST_COUNT) {
    throw invalidParameter(name, text, `${name} should be a whole number from 0 to ${LARGEST_COUNT}.`);
  }
  return Math.min(Number(text), most);
}

/** InvalidArgument with what was sent. */
export function invalidParameter(name: string, value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', message, { fields: { ArgumentName: name, ArgumentValue: value } });
}

/** The condition keys of a listing. Those that are always meant are always there, as policies expect. */
export function listingContext(request: S3Request): Readonly<Record<string, readonly string[]>> {
  const { query } = request;
  const optional = ['delimiter', 'max-keys'].flatMap((name) => {
    const value = query.get(name);
    return value === undefined ? [] : [[`s3:${name}`, [value]] as const];
  });
  return { 's3:prefix': [query.get('prefix') ?? ''], ...Object.fromEntries(optional) };
}

/**
 * The page of a bucket after `after` ('' for the first). A marker inside a common prefix means that the prefix was handed out
 * already, so each appears once, however the pages fall.
 */
export async function listPage(
  context: OperationContext,
  bucket: BucketName,
  input: ListingInput,
  after: string,
): Promise<ListingPage> {
  const keys: { key: string; attributes: Attributes }[] = [];
  const commonPrefixes: string[] = [];
  if (input.maxKeys === 0) return { keys: [], commonPrefixes, truncated: false, last: undefined };
  let current = commonPrefixOf(after, input);
  let last: string | undefined;
  const walked = walkKeys({
    volume: context.volume,
    bucketPath: bucketDirectory(context, bucket),
    prefix: input.prefix,
    after,
    hideDirectories: context.features.hideDirObject,
    descend: (directory) => commonPrefixOf(directory, input) === undefined,
    pageSize: input.maxKeys + 1,
    signal: context.signal,
  });
  let truncated = false;
  for await (const { key, attributes } of walked) {
    const common = commonPrefixOf(key, input);
    if (common !== undefined && common === current) continue;
    if (keys.length + commonPrefixes.length === input.maxKeys) {
      truncated = true;
      break;
    }
    if (common === undefined) keys.push({ key, attributes });
    else commonPrefixes.push(common);
    current = common;
    last = common ?? key;
  }
  return { keys: await withEtags(context, keys), commonPrefixes, truncated, last: truncated ? last : undefined };
}

/** The key up to and with the first delimiter behind the prefix; undefined when there is none. */
function commonPrefixOf(key: string, { prefix, delimiter }: ListingInput): string | undefined {
  if (delimiter === '' || !key.startsWith(prefix)) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

async function withEtags(
  { volume, features }: OperationContext,
  keys: readonly { key: string; attributes: Attributes }[],
): Promise<ListedKey[]> {
  const files = features.keepEtag ? keys.filter(({ attributes }) => attributes.type === 'file') : [];
  const xattrs = files.length === 0 ? [] : await volume.xattrsOf(files.map(({ attributes }) => attributes.inode));
  const known = new Map(files.map(({ key }, i) => [key, xattrs[i] ?? new Map<string, Uint8Array>()]));
  return keys.map(({ key, attributes }) => {
    const own = known.get(key) ?? new Map<string, Uint8Array>();
    return { key, attributes, etag: storedEtag(own, features), owner: readKeptAcl(textXattr(own, ACL_XATTR))?.owner };
  });
}

/** How names stand in the answer: as they are, or percent-encoded for encoding-type=url ('/' stays). */
export function nameEncoder(input: ListingInput): (name: string) => string {
  return input.urlEncoded ? urlEncode : (name) => name;
}

function urlEncode(name: string): string {
  return encodeComponent(name).replaceAll('%2F', '/');
}

/** The elements about one key; with its owner where the bucket's is given. */
export function objectElements(
  listed: ListedKey,
  encode: (name: string) => string,
  bucketOwner: Owner | undefined,
): XmlNode[] {
  return [
    element('Key', encode(listed.key)),
    element('LastModified', isoDate(listed.attributes.mtimeNs)),
    element('ETag', listed.etag === undefined ? '' : `"${listed.etag}"`),
    element('Size', objectSize(listed.attributes)),
    element('StorageClass', 'STANDARD'),
    ...(bucketOwner === undefined ? [] : [ownerElement('Owner', listed.owner ?? bucketOwner)]),
  ];
}

/** The CommonPrefixes elements. */
export function commonPrefixElements(prefixes: readonly string[], encode: (name: string) => string): XmlNode[] {
  return prefixes.map((prefix) => element('CommonPrefixes', element('Prefix', encode(prefix))));
}

/** An XML answer. */
export function xmlReply(body: string): { status: 200; headers: Record<string, string>; body: string } {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}
