// What the headers of PutObject, CreateMultipartUpload and CopyObject ask an object to carry; what a JuiceFS volume cannot
// carry (encryption by key, locks, public ACLs, other storage classes) is refused, never silently dropped.
import { S3Error } from '../s3/errors.ts';
import {
  type ChecksumAlgorithm,
  type MaybeRefused,
  type Question,
  refusalIn,
  type S3Request,
} from '../s3/operation.ts';
import { type AclRequest, aclOfHeaders } from './access-control-list.ts';
import { bucketOf, keyOf } from './bucket-access.ts';
import { refuseEncryption } from './encryption-headers.ts';
import { newAclQuestions } from './object-acl.ts';
import { metadataFromHeaders, type ObjectMetadata } from './object-attributes.ts';
import { wantedAlgorithm } from './object-checksum.ts';
import { parseTaggingHeader, requestTagKeys, type Tag } from './tag-set.ts';

export interface UploadHeaders extends MaybeRefused {
  readonly metadata: ObjectMetadata;
  /** Tags of x-amz-tagging; empty without it, and without --object-tag, which leaves them out. */
  readonly tags: readonly Tag[];
  /** The checksum that the object is to carry even if none is sent along (x-amz-checksum-algorithm). */
  readonly checksum: ChecksumAlgorithm | undefined;
  /** The access control list that the object is to have. */
  readonly acl: AclRequest | undefined;
}

const STORAGE_CLASSES: ReadonlySet<string> = new Set(['STANDARD', 'REDUCED_REDUNDANCY']);

/** Reads them. Throws InvalidStorageClass, NotImplemented, InvalidRequest, MetadataTooLarge, InvalidTag. */
export function parseUploadHeaders(request: S3Request): UploadHeaders {
  return {
    refusal: refusalIn(() => refuseUnsupported(request)),
    metadata: metadataFromHeaders(request.headers, request.features),
    tags: request.features.objectTag ? parseTaggingHeader(request.headers.get('x-amz-tagging') ?? '') : [],
    checksum: wantedAlgorithm(request.headers),
    acl: aclOfHeaders(request.headers),
  };
}

/** Throws for headers that ask for what is not there. */
export function refuseUnsupported(request: S3Request): void {
  const { headers } = request;
  const storageClass = headers.get('x-amz-storage-class');
  if (storageClass !== undefined && !STORAGE_CLASSES.has(storageClass)) throw new S3Error('InvalidStorageClass');
  refuseEncryption(headers);
  for (const name of headers.keys()) {
    if (name.startsWith('x-amz-object-lock-')) {
      throw new S3Error('InvalidRequest', 'The bucket has no object lock configuration.');
    }
  }
  if (headers.has('x-amz-website-redirect-location')) {
    throw new S3Error('NotImplemented', 'Website redirects are not implemented.');
  }
  // what was meant to be added to an object would take its place
  if (headers.has('x-amz-write-offset-bytes')) throw new S3Error('NotImplemented', 'Appending is not implemented.');
}

/**
 * The questions of a request that writes the object of its path: PutObject, PutObjectTagging when it brings tags, and PutObjectAcl when
 * it brings a list that grants something.
 */
export function uploadQuestions(
  request: S3Request,
  tags: readonly Tag[],
  context: Question['context'] = {},
  acl?: AclRequest,
): [Question, ...Question[]] {
  const target = { bucket: bucketOf(request), key: keyOf(request) };
  const keys = { ...requestTagKeys(tags), ...context };
  const put: Question = { action: 's3:PutObject', ...target, context: keys };
  const tagging: Question = { action: 's3:PutObjectTagging', ...target, context: keys };
  return [put, ...(tags.length === 0 ? [] : [tagging]), ...newAclQuestions(acl, target)];
}

/** AWS: most bytes of one upload, an object's or a part's. */
export const MAX_UPLOAD_BYTES = 5 * 1024 ** 3;

/** Throws EntityTooLarge when the request declares more than one upload may bring. */
export function requireUploadSize(request: S3Request): void {
  if ((request.contentLength ?? 0) > MAX_UPLOAD_BYTES) throw tooLarge(request.contentLength ?? 0);
}

/** EntityTooLarge of an upload of that many bytes. */
export function tooLarge(bytes: number, most: number = MAX_UPLOAD_BYTES): S3Error {
  return new S3Error('EntityTooLarge', undefined, {
    fields: { ProposedSize: String(bytes), MaxSizeAllowed: String(most) },
  });
}
