// What GetObject and HeadObject share: their questions, and the answer's status and headers after conditions and range.

import { S3Error } from '../s3/errors.ts';
import type { BucketName, ObjectKey } from '../s3/object-name.ts';
import {
  type Grant,
  type MaybeRefused,
  type OperationContext,
  type Question,
  refusalIn,
  type S3Request,
} from '../s3/operation.ts';
import { bucketOf, keyOf } from './bucket-access.ts';
import { evaluateConditions } from './conditional.ts';
import { refuseEncryptedRead } from './encryption-headers.ts';
import { objectSize, storedEtag } from './object-attributes.ts';
import { checksumAnswerHeaders, storedChecksum, storedParts } from './object-checksum.ts';
import { objectHeaders, responseOverrides, validatorHeaders } from './object-headers.ts';
import { type FoundObject, versionContext } from './object-lookup.ts';
import { type ByteRange, contentRange, parseRange } from './range.ts';

export interface ObjectReadInput extends MaybeRefused {
  readonly bucket: BucketName;
  readonly key: ObjectKey;
  readonly versionId: string | undefined;
  readonly partNumber: number | undefined;
}

/** Reads the request. Throws InvalidArgument, NotImplemented. */
export function parseObjectRead(request: S3Request): ObjectReadInput {
  const part = request.query.get('partNumber');
  if (part !== undefined && !/^\d{1,5}$/.test(part)) {
    throw new S3Error('InvalidArgument', 'partNumber should be a whole number.');
  }
  if (part !== undefined && request.headers.has('range')) {
    throw new S3Error('InvalidRequest', 'A range and a part number cannot be asked for together.');
  }
  return {
    refusal: refusalIn(() => refuseEncryptedRead(request.headers)),
    bucket: bucketOf(request),
    key: keyOf(request),
    versionId: request.query.get('versionId'),
    partNumber: part === undefined ? undefined : Number(part),
  };
}

/** One question. A version that is named is a condition key: the only one there is, is the object itself. */
export function objectReadQuestions(input: ObjectReadInput): [Question] {
  return [
    {
      action: 's3:GetObject',
      bucket: input.bucket,
      key: input.key,
      context: versionContext(input.versionId),
    },
  ];
}

/** An answer without its body. `range`: the bytes to send; undefined for none (304). */
export interface ObjectAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly range: ByteRange | undefined;
}

/** Weighs conditions and range. Throws PreconditionFailed, InvalidRange, InvalidPartNumber, InvalidRequest. */
export function answerObject(
  grant: Grant<ObjectReadInput>,
  context: OperationContext,
  found: FoundObject,
): ObjectAnswer {
  const { features } = context;
  const { request, input } = grant;
  const overrides = responseOverrides(request.query, grant.principal);
  const etag = storedEtag(found.xattrs, features);
  const verdict = evaluateConditions(request.headers, { etag, mtimeNs: found.attributes.mtimeNs });
  if (verdict === 'failed') throw new S3Error('PreconditionFailed');
  const validators = validatorHeaders(found, features);
  if (verdict === 'not-modified') return { status: 304, headers: validators, range: undefined };

  const size = objectSize(found.attributes);
  const headers = { ...objectHeaders(found, input.key, features), ...overrides };
  const withChecksum = request.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  if (input.partNumber !== undefined) return answerPart(input.partNumber, found, etag, headers, withChecksum);
  const range = rangeApplies(request.headers, validators) ? parseRange(request.headers.get('range'), size) : undefined;
  if (range === undefined) {
    // a checksum is that of the whole object, and said of nothing else
    const checksum = withChecksum ? checksumAnswerHeaders(storedChecksum(found.xattrs)) : {};
    return { status: 200, headers: { ...headers, ...checksum }, range: { start: 0, end: size } };
  }
  return { status: 206, headers: { ...headers, 'content-range': contentRange(range, size) }, range };
}

/** RFC 9110, If-Range: a range of another state of the object than the client knows is not sent. */
function rangeApplies(headers: ReadonlyMap<string, string>, validators: Record<string, string>): boolean {
  const ifRange = headers.get('if-range');
  return ifRange === undefined || ifRange === validators.etag || ifRange === validators['last-modified'];
}

/**
 * One of the parts that an object was uploaded in; an object that was not is its own part 1. Of objects that the Go gateway put
 * together it is not recorded where the parts began.
 */
function answerPart(
  partNumber: number,
  found: FoundObject,
  etag: string | undefined,
  headers: Record<string, string>,
  withChecksum: boolean,
): ObjectAnswer {
  const size = objectSize(found.attributes);
  const parts = storedParts(found.xattrs);
  const checksum = storedChecksum(found.xattrs);
  if (parts === undefined && etag?.includes('-')) {
    throw new S3Error('NotImplemented', 'Where the parts of this object began is not recorded.');
  }
  const sizes = parts?.sizes ?? [size];
  if (partNumber < 1 || partNumber > sizes.length) throw new S3Error('InvalidPartNumber');
  const start = sizes.slice(0, partNumber - 1).reduce((sum, bytes) => sum + bytes, 0);
  const range = { start, end: start + (sizes[partNumber - 1] ?? 0) };
  if (range.end > size)
    throw new S3Error('InvalidPartNumber', 'The object was changed since it was uploaded in parts.');
  const value = parts === undefined ? checksum?.value : parts.checksums[partNumber - 1];
  const described = {
    ...headers,
    ...(parts === undefined ? {} : { 'x-amz-mp-parts-count': String(sizes.length) }),
    ...(withChecksum && checksum !== undefined && value !== undefined
      ? checksumAnswerHeaders({ ...checksum, value })
      : {}),
  };
  if (range.start === range.end) return { status: 200, headers: described, range };
  return { status: 206, headers: { ...described, 'content-range': contentRange(range, size) }, range };
}
