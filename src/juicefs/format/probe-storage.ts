// Tries a volume's object store with a small object, so that wrong keys and missing rights show at once and not at the first write.
import { randomBytes } from 'node:crypto';
import { ObjectRefusedError, type ObjectStore } from '../storage/object-store.ts';
import { VolumeOpenError } from '../volume-error.ts';

const PROBE_BYTES = 100;

/** Stores, reads and deletes a small object of the volume `name`. VolumeOpenError StorageUnusable, with the store's reason. */
export async function probeStorage(objects: ObjectStore, name: string): Promise<void> {
  const key = `${name}/testing/${randomBytes(5).toString('hex')}`;
  const body = randomBytes(PROBE_BYTES);
  try {
    await putMakingBucket(objects, key, body);
    const read = await objects.get(key);
    if (!body.equals(read)) throw new Error('what was read is not what was written');
    await objects.delete(key);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VolumeOpenError('StorageUnusable', `the storage ${objects.description} cannot be used: ${reason}`, {
      cause,
    });
  }
}

/** Stores an object; in a bucket that may have to be made first. */
async function putMakingBucket(objects: ObjectStore, key: string, body: Uint8Array): Promise<void> {
  try {
    await objects.put(key, body);
  } catch (error) {
    if (error instanceof ObjectRefusedError && error.code !== 'NoSuchBucket') throw error;
    await objects.createBucket();
    await objects.put(key, body);
  }
}
