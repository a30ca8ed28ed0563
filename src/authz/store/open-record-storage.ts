// From the URL on the command line to what writes to that store.
import { openVolume } from '../../juicefs/index.ts';
import type { Volume } from '../../juicefs/volume.ts';
import { kmsDecryptor } from './kms-file.ts';
import type { OpenStoreOptions } from './open-store.ts';
import type { RecordStorage } from './record-storage.ts';
import { VolumeRecordStorage } from './volume-writer.ts';
import { kmsEncryptor } from './volume-writer-kms.ts';

export interface OpenRecordStorage extends RecordStorage {
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * What writes to the store of a URL that `openStore` took; undefined for `none:`. Opens the volume for writing when the first
 * change is made, so that a service which makes none has no session there.
 */
export function openRecordStorage(url: string, options: OpenStoreOptions): OpenRecordStorage | undefined {
  if (url === 'none:') return undefined;
  const metaUrl = url.startsWith('volume:') ? url.slice('volume:'.length) : url;
  return new LazyVolumeStorage(
    () =>
      openVolume(metaUrl, {
        backgroundJobs: false,
        mountpoint: 'authz',
        ...(options.environment === undefined ? {} : { environment: options.environment }),
        ...(options.storage === undefined ? {} : { storage: options.storage }),
        ...(options.bucket === undefined ? {} : { bucket: options.bucket }),
      }),
    options.kmsSecretKey,
  );
}

class LazyVolumeStorage implements OpenRecordStorage {
  readonly #open: () => Promise<Volume>;
  readonly #kmsSecretKey: string | undefined;
  #opened: Promise<{ volume: Volume; storage: VolumeRecordStorage }> | undefined;

  constructor(open: () => Promise<Volume>, kmsSecretKey: string | undefined) {
    this.#open = open;
    this.#kmsSecretKey = kmsSecretKey;
  }

  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    return (await this.#storage()).exclusively(work);
  }

  read: RecordStorage['read'] = async (table, name) => (await this.#storage()).read(table, name);

  async write(changes: Parameters<RecordStorage['write']>[0]): Promise<void> {
    await (await this.#storage()).write(changes);
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened !== undefined) await (await opened).volume.close();
  }

  async #storage(): Promise<VolumeRecordStorage> {
    if (this.#opened === undefined) {
      const opening = this.#openNow();
      this.#opened = opening;
      // The next change tries again.
      opening.catch(() => {
        if (this.#opened === opening) this.#opened = undefined;
      });
    }
    return (await this.#opened).storage;
  }

  async #openNow(): Promise<{ volume: Volume; storage: VolumeRecordStorage }> {
    const key = this.#kmsSecretKey;
    const decrypt = key === undefined ? undefined : kmsDecryptor(key);
    const encrypt = key === undefined ? undefined : kmsEncryptor(key);
    const crypto = decrypt === undefined || encrypt === undefined ? undefined : { decrypt, encrypt };
    const volume = await this.#open();
    return { volume, storage: new VolumeRecordStorage(volume, { crypto }) };
  }
}
