// Preconditions: If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since of reads and of copy sources, and the
// two that a write may carry, which are decided inside the commit's transaction.
import type { CommitGuard, ExistingFile } from '../../juicefs/volume.ts';
import { S3Error } from '../s3/errors.ts';
import type { BucketName, ObjectKey } from '../s3/object-name.ts';
import type { GatewayFeatures, Grant } from '../s3/operation.ts';
import { objectSize, storedEtag } from './object-attributes.ts';
import { parseHttpDate, wholeSeconds } from './timestamps.ts';

type Headers = ReadonlyMap<string, string>;

/** What conditions speak of. */
export interface Validators {
  readonly etag: string | undefined;
  readonly mtimeNs: bigint;
}

/** The prefix of the conditions on a copy's source. */
export const COPY_SOURCE_CONDITIONS = 'x-amz-copy-source-';

/**
 * Evaluates the conditions in RFC 9110's order: 'proceed', 'not-modified' (a read answers 304), or 'failed' (412).
 * A date that cannot be read is no condition.
 */
export function evaluateConditions(
  headers: Headers,
  object: Validators,
  prefix = '',
): 'proceed' | 'not-modified' | 'failed' {
  const seconds = wholeSeconds(object.mtimeNs);
  const ifMatch = headers.get(`${prefix}if-match`);
  if (ifMatch !== undefined) {
    if (!etagListed(ifMatch, object.etag)) return 'failed';
  } else {
    const since = parsedDate(headers.get(`${prefix}if-unmodified-since`));
    if (since !== undefined && seconds > since) return 'failed';
  }
  const ifNoneMatch = headers.get(`${prefix}if-none-match`);
  if (ifNoneMatch !== undefined) return etagListed(ifNoneMatch, object.etag) ? 'not-modified' : 'proceed';
  const since = parsedDate(headers.get(`${prefix}if-modified-since`));
  return since !== undefined && seconds <= since ? 'not-modified' : 'proceed';
}

/** Conditions on the source of a copy: whatever does not hold is PreconditionFailed. */
export function requireCopySourceConditions(headers: Headers, source: Validators): void {
  if (evaluateConditions(headers, source, COPY_SOURCE_CONDITIONS) !== 'proceed')
    throw new S3Error('PreconditionFailed');
}

/**
 * The guard of a write with If-None-Match or If-Match; undefined without them. It throws PreconditionFailed, or NoSuchKey
 * for an If-Match on nothing.
 */
export function writeGuard(headers: Headers, features: GatewayFeatures): CommitGuard | undefined {
  const ifNoneMatch = headers.get('if-none-match');
  const ifMatch = headers.get('if-match');
  if (ifNoneMatch === undefined && ifMatch === undefined) return undefined;
  return (existing: ExistingFile | undefined) => {
    const etag = existing === undefined ? undefined : storedEtag(existing.xattrs, features);
    if (ifMatch !== undefined) {
      if (existing === undefined) throw new S3Error('NoSuchKey');
      if (!etagListed(ifMatch, etag)) throw new S3Error('PreconditionFailed');
    }
    if (ifNoneMatch !== undefined && existing !== undefined && etagListed(ifNoneMatch, etag)) {
      throw new S3Error('PreconditionFailed');
    }
  };
}

/** A guard that also refuses what was not decided on (see `Grant.decided`). Undefined when there is nothing to refuse. */
export function decidedGuard(
  { decided }: Pick<Grant<unknown>, 'decided'>,
  { bucket, key }: { readonly bucket: BucketName; readonly key: ObjectKey },
  guard?: CommitGuard,
): CommitGuard | undefined {
  if (decided.inodeOf(bucket, key) === undefined) return guard;
  return (existing) => {
    decided.require(bucket, key, existing?.attributes.inode);
    guard?.(existing);
  };
}

/** What must be true of an object that is to be removed. */
export interface RemovalConditions {
  /** As in If-Match. */
  readonly etag: string | undefined;
  /** Bytes, as text. */
  readonly size: string | undefined;
  /** A date, as text. */
  readonly modified: string | undefined;
}

/** The guard of a removal; undefined without conditions. What is not there is removed already. Throws PreconditionFailed. */
export function removalGuard(conditions: RemovalConditions, features: GatewayFeatures): CommitGuard | undefined {
  const { etag, size, modified } = conditions;
  if (etag === undefined && size === undefined && modified === undefined) return undefined;
  return (existing) => {
    if (existing === undefined) return;
    const { attributes, xattrs } = existing;
    const holds =
      (etag === undefined || etagListed(etag, storedEtag(xattrs, features))) &&
      (size === undefined || size.trim() === String(objectSize(attributes))) &&
      (modified === undefined || parseHttpDate(modified) === wholeSeconds(attributes.mtimeNs));
    if (!holds) throw new S3Error('PreconditionFailed');
  };
}

/** True when the list of an If-Match or If-None-Match header names the ETag. '*' names any, even an unknown one. */
function etagListed(list: string, etag: string | undefined): boolean {
  return list.split(',').some((entry) => {
    const wanted = unquoteEtag(entry);
    return wanted === '*' || (etag !== undefined && wanted === etag);
  });
}

/** An ETag as clients write it ('"abc"', 'W/"abc"', 'abc') without its clothes. */
export function unquoteEtag(text: string): string {
  return text
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1');
}

function parsedDate(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseHttpDate(text);
}
