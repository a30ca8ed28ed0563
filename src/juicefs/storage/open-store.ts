// Which object store a format's Storage names.
import { VolumeOpenError } from '../volume-error.ts';
import { FileStore } from './file-store.ts';
import type { ObjectStore } from './object-store.ts';

/** Storages that can be used, for messages. */
export const SUPPORTED_STORAGES = ['file'] as const;

/** The store of a Storage and its Bucket; UnsupportedFormat names one that is not there. */
export function openStore(storage: string, bucket: string): ObjectStore {
  if (storage === 'file') return new FileStore(bucket);
  throw new VolumeOpenError(
    'UnsupportedFormat',
    `the object storage ${JSON.stringify(storage)} is not supported (${SUPPORTED_STORAGES.join(', ')} is)`,
  );
}
