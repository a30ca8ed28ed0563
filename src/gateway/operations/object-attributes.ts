// What an object carries beside its bytes, and how it lies in the extended attributes that the Go gateway also reads:
// s3-etag (hex MD5, '<hex>-<n>' for multipart), s3-tags (a URL query), s3-meta (JSON, lower-case header names).
import type { ExistingFile } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { GatewayFeatures } from '../s3/operation.ts';
import { DEFAULT_PUT_CONTENT_TYPE } from './content-type.ts';
import {
  CHECKSUM_XATTR,
  checksumXattr,
  type ObjectChecksum,
  type ObjectParts,
  PARTS_XATTR,
  partsXattr,
} from './object-checksum.ts';

export const ETAG_XATTR = 's3-etag';
export const TAGS_XATTR = 's3-tags';
export const METADATA_XATTR = 's3-meta';
/** On an object that was uploaded in parts: the upload, so that its completion can be asked for twice. */
export const UPLOAD_ID_XATTR = 's3-upload-id';
/** On the directory of a multipart upload: the key it is for. */
export const UPLOAD_KEY_XATTR = 's3-object';
/** On the same: the canonical id of who began it. */
export const UPLOAD_OWNER_XATTR = 's3-owner';

/** Prefix of users' own metadata headers. */
export const USER_METADATA_PREFIX = 'x-amz-meta-';
/** AWS: most bytes of all user metadata names (without prefix) and values. */
export const MAX_USER_METADATA_BYTES = 2048;
const SYSTEM_METADATA = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
] as const;

/** Lower-case header name → value, as Unicode text. */
export type ObjectMetadata = Readonly<Record<string, string>>;

type Headers = ReadonlyMap<string, string>;
type Xattrs = ReadonlyMap<string, Uint8Array>;

/**
 * The metadata that the headers of an upload name: what HTTP itself needs always, users' own with --object-meta, as well as
 * S3's default content type (without it, an unnamed type is guessed when the object is read). Throws MetadataTooLarge.
 */
export function metadataFromHeaders(headers: Headers, features: GatewayFeatures): ObjectMetadata {
  const metadata: Record<string, string> = features.objectMeta ? { 'content-type': DEFAULT_PUT_CONTENT_TYPE } : {};
  let userBytes = 0;
  for (const [name, raw] of headers) {
    const value = name === 'content-encoding' ? withoutTransferCoding(raw) : raw;
    if (name.startsWith(USER_METADATA_PREFIX)) {
      userBytes += name.length - USER_METADATA_PREFIX.length + Buffer.byteLength(value);
      if (features.objectMeta) metadata[name] = value;
    } else if (value !== '' && (SYSTEM_METADATA as readonly string[]).includes(name)) {
      metadata[name] = value;
    }
  }
  if (userBytes > MAX_USER_METADATA_BYTES) {
    throw new S3Error('MetadataTooLarge', undefined, {
      fields: { Size: String(userBytes), MaxSizeAllowed: String(MAX_USER_METADATA_BYTES) },
    });
  }
  return metadata;
}

/** 'aws-chunked' is how a body travelled, not how the object is encoded. */
function withoutTransferCoding(value: string): string {
  return value
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked')
    .join(', ');
}

/** Stored text as a header value: without control characters, which could end the header. */
export function headerOfText(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

/** The stored metadata, whoever is to see it; empty when there is none. A damaged value counts as none. */
export function storedMetadata(xattrs: Xattrs): ObjectMetadata {
  const bytes = xattrs.get(METADATA_XATTR);
  if (bytes === undefined || bytes.length === 0) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return {};
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    const known = name.startsWith(USER_METADATA_PREFIX) || (SYSTEM_METADATA as readonly string[]).includes(name);
    if (known && HEADER_NAME.test(name) && typeof value === 'string') metadata[name] = value;
  }
  return metadata;
}

const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

/** The stored ETag without quotes; undefined when none is kept. */
export function storedEtag(xattrs: Xattrs, features: GatewayFeatures): string | undefined {
  return features.keepEtag ? textXattr(xattrs, ETAG_XATTR) : undefined;
}

/** The stored tags as a URL query; undefined when there are none, or --object-tag is off. */
export function storedTags(xattrs: Xattrs, features: GatewayFeatures): string | undefined {
  return features.objectTag ? textXattr(xattrs, TAGS_XATTR) : undefined;
}

/** An extended attribute as text; empty counts as absent. */
export function textXattr(xattrs: Xattrs, name: string): string | undefined {
  const bytes = xattrs.get(name);
  return bytes === undefined || bytes.length === 0 ? undefined : Buffer.from(bytes).toString('utf8');
}

/** What an object is to carry. */
export interface ObjectAttributes {
  readonly etag: string | undefined;
  readonly metadata: ObjectMetadata;
  readonly tags: string | undefined;
  readonly checksum?: ObjectChecksum | undefined;
  readonly parts?: ObjectParts | undefined;
  /** The upload in parts that it came from. */
  readonly uploadId?: string | undefined;
  /** The access control list, as it is kept. */
  readonly acl?: Uint8Array | undefined;
}

/** The extended attributes of a new object; what the gateway's switches leave out is left out. */
export function objectXattrs(attributes: ObjectAttributes, features: GatewayFeatures): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  if (features.keepEtag && attributes.etag) xattrs.set(ETAG_XATTR, Buffer.from(attributes.etag));
  if (features.objectTag && attributes.tags) xattrs.set(TAGS_XATTR, Buffer.from(attributes.tags));
  if (Object.keys(attributes.metadata).length > 0) {
    xattrs.set(METADATA_XATTR, Buffer.from(JSON.stringify(attributes.metadata)));
  }
  const { checksum, parts, uploadId, acl } = attributes;
  if (acl !== undefined) xattrs.set('s3-acl', acl);
  if (checksum !== undefined) xattrs.set(CHECKSUM_XATTR, checksumXattr(checksum));
  const joined = parts === undefined ? undefined : partsXattr(parts);
  if (joined !== undefined) xattrs.set(PARTS_XATTR, joined);
  if (uploadId !== undefined) xattrs.set(UPLOAD_ID_XATTR, Buffer.from(uploadId));
  return xattrs;
}

/**
 * True when the file at a path is the object that the key names: a file for a key without a final '/', and for one with it a
 * directory that was put as an object (JuiceFS marks it by an access time of zero). --head-dir shows every directory.
 */
export function isObject(existing: Pick<ExistingFile, 'attributes'>, key: string, features: GatewayFeatures): boolean {
  const { attributes } = existing;
  if (attributes.type !== 'directory') return !key.endsWith('/');
  return features.headDir || (key.endsWith('/') && isDirectoryObject(attributes.atimeNs));
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;

/** JuiceFS: a directory put as an object has an access time of zero, in milliseconds. */
export function isDirectoryObject(atimeNs: bigint): boolean {
  return atimeNs / NANOSECONDS_PER_MILLISECOND === 0n;
}

/** Bytes of the object: directories have none. */
export function objectSize(attributes: ExistingFile['attributes']): number {
  return attributes.type === 'directory' ? 0 : attributes.size;
}
