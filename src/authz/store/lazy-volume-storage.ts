// Opens a volume for writing when the first change is made, so that a service which makes none has no session there.
import type { Volume } from '../../juicefs/volume.ts';
import type { RecordAccess, RecordStorage } from './record-storage.ts';
import { VolumeRecordStorage, type VolumeRecordStorageOptions } from './volume-writer.ts';

interface Opened {
  readonly volume: Volume;
  readonly storage: VolumeRecordStorage;
}

export class LazyVolumeStorage implements RecordStorage {
  readonly loadsChanges = false;
  readonly #open: () => Promise<Volume>;
  readonly #options: VolumeRecordStorageOptions;
  #opened: Promise<Opened> | undefined;

  constructor(open: () => Promise<Volume>, options: VolumeRecordStorageOptions) {
    this.#open = open;
    this.#options = options;
  }

  async exclusively<T>(work: (records: RecordAccess) => Promise<T>): Promise<T> {
    return (await this.#storage()).exclusively(work);
  }

  /** Idempotent. */
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

  async #openNow(): Promise<Opened> {
    const volume = await this.#open();
    return { volume, storage: new VolumeRecordStorage(volume, this.#options) };
  }
}
