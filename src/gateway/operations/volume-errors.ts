// What the volume's errors mean to an S3 client: the one place where an errno becomes an S3Error.
// EIO, EBUSY and ECANCELED are faults of ours, not answers: they pass through and are logged where faults are.
import { type ErrnoCode, VolumeError } from '../../juicefs/volume.ts';
import { S3Error, type S3ErrorCode } from '../s3/errors.ts';

/** What the volume was asked about; the same errno means different things to different questions. */
export type VolumeQuestion =
  /** An existing object is looked at: nothing there is NoSuchKey, however it is not there. */
  | 'object'
  /** An object is made: what stands in the way is said. */
  | 'target'
  /** A bucket's directory. */
  | 'bucket'
  /** The working directory of a multipart upload, or its parts. */
  | 'upload';

type ErrnoTable = Readonly<Partial<Record<ErrnoCode, readonly [S3ErrorCode, string?]>>>;

const EVERYWHERE: ErrnoTable = {
  EACCES: ['AccessDenied', 'The file system refused: its permissions do not allow the gateway to do this.'],
  EPERM: ['AccessDenied', 'The file system refused: its permissions do not allow the gateway to do this.'],
  EROFS: ['AccessDenied', 'The gateway is read-only.'],
  ENOSPC: ['XMinioStorageFull'],
  EDQUOT: ['QuotaExceeded'],
  ENAMETOOLONG: ['KeyTooLongError'],
  EINVAL: ['XMinioInvalidObjectName'],
};

const NOTHING_THERE: ErrnoTable = {
  ENOENT: ['NoSuchKey'],
  ENOTDIR: ['NoSuchKey'],
  EISDIR: ['NoSuchKey'],
  ELOOP: ['NoSuchKey'],
};

const BY_QUESTION: Readonly<Record<VolumeQuestion, ErrnoTable>> = {
  object: NOTHING_THERE,
  target: {
    ENOENT: ['NoSuchKey'],
    ENOTDIR: ['XMinioParentIsObject'],
    EEXIST: ['XMinioParentIsObject'],
    EISDIR: ['XMinioObjectExistsAsDirectory'],
    ENOTEMPTY: ['XMinioObjectExistsAsDirectory'],
    ELOOP: ['XMinioParentIsObject'],
  },
  bucket: {
    ENOENT: ['NoSuchBucket'],
    ENOTDIR: ['NoSuchBucket'],
    EEXIST: ['BucketAlreadyOwnedByYou'],
    ENOTEMPTY: ['BucketNotEmpty'],
  },
  upload: { ENOENT: ['NoSuchUpload'], ENOTDIR: ['NoSuchUpload'] },
};

/** The S3Error that a VolumeError means; anything else, and faults, come back as they are. */
export function asAnswer(error: unknown, question: VolumeQuestion): unknown {
  if (!(error instanceof VolumeError)) return error;
  const row = BY_QUESTION[question][error.code] ?? EVERYWHERE[error.code];
  return row === undefined ? error : new S3Error(row[0], row[1], { cause: error });
}

/** Does the work; a VolumeError in it is thrown as the S3Error that it means. */
export async function answering<T>(question: VolumeQuestion, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asAnswer(error, question);
  }
}

/** True for a VolumeError of one of these codes. */
export function isErrno(error: unknown, ...codes: readonly ErrnoCode[]): error is VolumeError {
  return error instanceof VolumeError && codes.includes(error.code);
}

/** True when nothing stands at the path that was asked about: it, or a directory on the way, is missing. */
export function isMissing(error: unknown): error is VolumeError {
  return isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP');
}
