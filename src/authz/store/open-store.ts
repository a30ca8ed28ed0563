// From the URL on the command line to a store.
import { openVolume, VolumeOpenError } from '../../juicefs/index.ts';
import type { IamStore } from './iam-store.ts';
import { kmsDecryptor } from './kms-file.ts';
import { MemoryIamStore } from './memory-store.ts';
import { VolumeIamStore } from './volume-store.ts';

/** A store that cannot be opened as it was asked for; the message is for the person who asked. */
export class StoreError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreError';
  }
}

export interface OpenStoreOptions {
  /** Object storage of the volume, instead of the recorded one. */
  readonly storage: string | undefined;
  readonly bucket: string | undefined;
  /** MINIO_KMS_SECRET_KEY: `NAME:BASE64`. */
  readonly kmsSecretKey: string | undefined;
  /** What the volume library may read of the environment, as in VolumeOptions. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Opens the store of a URL: `none:` (the root user alone), or the metadata URL of a volume, with or without `volume:` before it.
 * Throws StoreError.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<IamStore> {
  if (url === 'none:') return new MemoryIamStore({}, 'none');
  const metaUrl = url.startsWith('volume:') ? url.slice('volume:'.length) : url;
  if (!/^[a-z][a-z0-9+]*:\/\//.test(metaUrl)) {
    throw new StoreError(
      `--store must be the metadata URL of a volume (sqlite3://…, redis://…) or none:, not ${JSON.stringify(url)}`,
    );
  }
  const decrypt = options.kmsSecretKey === undefined ? undefined : kmsDecryptor(options.kmsSecretKey);
  if (options.kmsSecretKey !== undefined && decrypt === undefined) {
    throw new StoreError('MINIO_KMS_SECRET_KEY must be a name, a colon, and 32 bytes in base64');
  }
  const { storage, bucket } = options;
  try {
    const volume = await openVolume(metaUrl, {
      readOnly: true,
      ...(options.environment === undefined ? {} : { environment: options.environment }),
      ...(storage === undefined ? {} : { storage }),
      ...(bucket === undefined ? {} : { bucket }),
    });
    return new VolumeIamStore(volume, decrypt);
  } catch (cause) {
    if (cause instanceof VolumeOpenError) throw new StoreError(cause.message, { cause });
    throw cause;
  }
}
