// Removing an object, and the directories above it that existed only for its sake. Race-safe: a directory is removed only
// while it is empty, and a writer that finds its parent gone makes it again. Errors are the volume's.
import type { CommitGuard, Volume, VolumePath } from '../../juicefs/volume.ts';
import { isDirectoryKey, type ObjectKey } from '../s3/object-name.ts';
import { isDirectoryObject } from './object-attributes.ts';
import { isErrno, isMissing } from './volume-errors.ts';

/** Where an object lies, and the bucket that it lies in. */
export interface ObjectPlace {
  readonly volume: Volume;
  readonly bucketPath: VolumePath;
  readonly path: VolumePath;
}

/** Removes the object of a key; fine when there is none. `guard` may refuse the removal of a file. */
export async function removeObject(place: ObjectPlace, key: ObjectKey, guard?: CommitGuard): Promise<void> {
  const removed = isDirectoryKey(key) ? await removeDirectoryObject(place) : await removeFile(place, guard);
  if (removed) await removeEmptyParents(place.volume, place.bucketPath, place.path.slice(0, -1));
}

async function removeFile({ volume, path }: ObjectPlace, guard: CommitGuard | undefined): Promise<boolean> {
  try {
    await volume.unlink(path, guard === undefined ? {} : { guard });
    return true;
  } catch (error) {
    // a directory is not the object of a key without a final '/'
    if (isMissing(error) || isErrno(error, 'EISDIR')) return false;
    throw error;
  }
}

async function removeDirectoryObject({ volume, path }: ObjectPlace): Promise<boolean> {
  try {
    await volume.rmdir(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    if (!isErrno(error, 'ENOTEMPTY')) throw error;
  }
  // objects live in it: it stays a directory and stops being an object
  await unmarkDirectoryObject(volume, path);
  return false;
}

async function unmarkDirectoryObject(volume: Volume, path: VolumePath): Promise<void> {
  try {
    if (!isDirectoryObject((await volume.stat(path)).atimeNs)) return;
    await volume.setTimes(path, { atimeNs: BigInt(Date.now()) * 1_000_000n });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Thrown by the guard below: the directory was put as an object and stays. */
class IsObject extends Error {}

/**
 * Removes `directory` and those above it, up to the bucket, as long as they are empty and were not put as objects. Fine when
 * they are gone already, and when the file system does not allow it: the object itself is removed, and that was asked.
 */
export async function removeEmptyParents(volume: Volume, bucketPath: VolumePath, directory: VolumePath): Promise<void> {
  const guard: CommitGuard = (existing) => {
    if (existing !== undefined && isDirectoryObject(existing.attributes.atimeNs)) throw new IsObject();
  };
  for (let path = directory; path.length > bucketPath.length; path = path.slice(0, -1)) {
    try {
      await volume.rmdir(path, { guard });
    } catch (error) {
      if (error instanceof IsObject || isErrno(error, 'ENOTEMPTY', 'EACCES', 'EPERM') || isMissing(error)) return;
      throw error;
    }
  }
}
