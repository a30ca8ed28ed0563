// Writes identities, policies and bucket configuration where `juicefs gateway` keeps them (see volume-store.ts), so that it reads
// what was written here, and this service what was written there.
import { type Volume, VolumeError, type VolumePath } from '../../juicefs/volume.ts';
import type { BucketRecord, Unreadable } from './iam-store.ts';
import type { FileDecryptor } from './kms-file.ts';
import type { RecordChanges, RecordTable } from './record-changes.ts';
import { parseBucketMetadata, parseGroup, parseIdentity, parseMapping } from './record-parsers.ts';
import type { RecordStorage } from './record-storage.ts';
import { bucketFile, groupFile, identityFile, mappingFile } from './volume-writer-files.ts';
import type { FileEncryptor } from './volume-writer-kms.ts';

/** Largest file that is read. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Nothing is stored under such a name; the last two because nothing could be. */
const NOT_THERE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EINVAL', 'ENAMETOOLONG']);
const META: VolumePath = ['.minio.sys'];
const IAM: VolumePath = [...META, 'config', 'iam'];

/** Where the records of a table lie: in a directory each, or in a file each. */
const PLACES: Readonly<Record<RecordTable | 'sessionPolicies', { directory: VolumePath; file: string | undefined }>> = {
  users: { directory: [...IAM, 'users'], file: 'identity.json' },
  serviceAccounts: { directory: [...IAM, 'service-accounts'], file: 'identity.json' },
  sessions: { directory: [...IAM, 'sts'], file: 'identity.json' },
  groups: { directory: [...IAM, 'groups'], file: 'members.json' },
  policies: { directory: [...IAM, 'policies'], file: 'policy.json' },
  userPolicies: { directory: [...IAM, 'policydb', 'users'], file: undefined },
  groupPolicies: { directory: [...IAM, 'policydb', 'groups'], file: undefined },
  sessionPolicies: { directory: [...IAM, 'policydb', 'sts-users'], file: undefined },
};

type WritableVolume = Pick<Volume, 'stat' | 'open' | 'create' | 'unlink' | 'rmdir'>;

/** Keeps others from changing the store meanwhile. */
export interface StoreLock {
  hold<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Keeps the other changes of this process out.
 *
 * The volume's own lock, which other gateways take too, is a BSD lock (flock) on /.minio.sys/config_lock; a Volume that offers
 * such locks takes this class's place.
 */
export class ProcessLock implements StoreLock {
  #tail: Promise<unknown> = Promise.resolve();

  hold<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }
}

/** How files are read and written on a volume whose gateways have a KMS key. */
export interface FileCrypto {
  readonly decrypt: FileDecryptor;
  readonly encrypt: FileEncryptor;
}

export interface VolumeRecordStorageOptions {
  readonly crypto?: FileCrypto | undefined;
  readonly lock?: StoreLock;
}

export class VolumeRecordStorage implements RecordStorage {
  readonly #volume: WritableVolume;
  readonly #crypto: FileCrypto | undefined;
  readonly #lock: StoreLock;

  constructor(volume: WritableVolume, options: VolumeRecordStorageOptions = {}) {
    this.#volume = volume;
    this.#crypto = options.crypto;
    this.#lock = options.lock ?? new ProcessLock();
  }

  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#lock.hold(work);
  }

  read: RecordStorage['read'] = async (table, name) => {
    // One reader a table, each with the type of its records; the compiler can't follow that through the generic.
    const record: unknown = table === 'buckets' ? await this.#readBucket(name) : await this.#readRecord(table, name);
    return record as Awaited<ReturnType<typeof this.read<typeof table>>>;
  };

  async write(changes: RecordChanges): Promise<void> {
    await this.#requireFormat();
    for (const [name, record] of changes.users ?? []) {
      await this.#put('users', name, record && identityFile(name, record));
    }
    for (const [name, record] of changes.serviceAccounts ?? []) {
      await this.#put('serviceAccounts', name, record && identityFile(name, record));
    }
    // A gateway that decides by the policies of a session must not find the session without them.
    const sessionPolicies = [...(changes.sessionPolicies ?? [])];
    for (const [name, policies] of sessionPolicies) {
      if (policies !== undefined) await this.#put('sessionPolicies', name, mappingFile(policies));
    }
    for (const [name, record] of changes.sessions ?? []) {
      await this.#put('sessions', name, record && identityFile(name, record));
    }
    for (const [name, policies] of sessionPolicies) {
      if (policies === undefined) await this.#put('sessionPolicies', name, undefined);
    }
    for (const [name, record] of changes.groups ?? []) await this.#put('groups', name, record && groupFile(record));
    for (const [name, text] of changes.policies ?? []) await this.#put('policies', name, text);
    for (const [name, policies] of changes.userPolicies ?? []) {
      await this.#put('userPolicies', name, policies && mappingFile(policies));
    }
    for (const [name, policies] of changes.groupPolicies ?? []) {
      await this.#put('groupPolicies', name, policies && mappingFile(policies));
    }
    for (const [bucket, record] of changes.buckets ?? []) await this.#putBucket(bucket, record);
  }

  async #readRecord(table: RecordTable, name: string): Promise<object | string | undefined> {
    const path = recordPath(table, name);
    const bytes = await this.#bytes(path);
    if (bytes === undefined || isUnreadableFile(bytes)) return bytes;
    const text = this.#text(path, bytes);
    if (typeof text !== 'string') return text;
    switch (table) {
      case 'users':
      case 'serviceAccounts':
      case 'sessions':
        return parseIdentity(text);
      case 'groups':
        return parseGroup(text);
      case 'policies':
        return text;
      case 'userPolicies':
      case 'groupPolicies':
        return parseMapping(text);
    }
  }

  async #readBucket(name: string): Promise<BucketRecord | Unreadable | undefined> {
    const bytes = await this.#bytes(bucketPath(name));
    return bytes === undefined || isUnreadableFile(bytes) ? bytes : parseBucketMetadata(bytes);
  }

  #text(path: VolumePath, bytes: Uint8Array): string | Unreadable {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    return this.#crypto?.decrypt(path.join('/'), bytes) ?? { unreadable: 'it is encrypted, and there is no key' };
  }

  async #bytes(path: VolumePath): Promise<Uint8Array | Unreadable | undefined> {
    let reader: Awaited<ReturnType<WritableVolume['open']>>;
    try {
      reader = await this.#volume.open(path);
    } catch (error) {
      if (error instanceof VolumeError && NOT_THERE.has(error.code)) return undefined;
      throw error;
    }
    try {
      const { size } = reader.attributes;
      if (size > MAX_FILE_BYTES) return { unreadable: `it is larger than ${MAX_FILE_BYTES} bytes` };
      const pieces: Uint8Array[] = [];
      for await (const piece of reader.read(0, size)) pieces.push(Uint8Array.from(piece));
      return Buffer.concat(pieces);
    } finally {
      await reader.close();
    }
  }

  /** Writes a record's file, or (undefined) removes it. */
  async #put(table: keyof typeof PLACES, name: string, text: string | undefined): Promise<void> {
    const path = recordPath(table, name);
    if (text === undefined) await this.#remove(path, PLACES[table].file === undefined ? undefined : path.slice(0, -1));
    else await this.#replace(path, this.#crypto?.encrypt(path.join('/'), text) ?? Buffer.from(text));
  }

  async #putBucket(name: string, record: BucketRecord | undefined): Promise<void> {
    const path = bucketPath(name);
    if (record === undefined) {
      await this.#remove(path, path.slice(0, -1));
      return;
    }
    const before = await this.#bytes(path);
    if (before !== undefined && isUnreadableFile(before))
      throw new Error(`the configuration of bucket ${name} is damaged`);
    await this.#replace(path, bucketFile(name, record, before));
  }

  /** `juicefs gateway` takes an IAM directory without it for one of an old format. */
  async #requireFormat(): Promise<void> {
    const path = [...IAM, 'format.json'];
    if ((await this.#bytes(path)) !== undefined) return;
    const text = JSON.stringify({ version: 1 });
    await this.#replace(path, this.#crypto?.encrypt(path.join('/'), text) ?? Buffer.from(text));
  }

  /** The new file appears whole, in place of the old one. Neither goes to the trash: what a secret was stays a secret. */
  async #replace(path: VolumePath, bytes: Uint8Array): Promise<void> {
    const writer = this.#volume.create(path, { skipTrash: true });
    try {
      await writer.write(bytes);
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  async #remove(path: VolumePath, directory: VolumePath | undefined): Promise<void> {
    await unless(['ENOENT', 'ENOTDIR'], this.#volume.unlink(path, { skipTrash: true }));
    if (directory !== undefined)
      await unless(['ENOENT', 'ENOTEMPTY'], this.#volume.rmdir(directory, { skipTrash: true }));
  }
}

function recordPath(table: keyof typeof PLACES, name: string): VolumePath {
  const { directory, file } = PLACES[table];
  return file === undefined ? [...directory, `${name}.json`] : [...directory, name, file];
}

function bucketPath(name: string): VolumePath {
  return [...META, 'buckets', name, '.metadata.bin'];
}

function isUnreadableFile(bytes: Uint8Array | Unreadable): bytes is Unreadable {
  return !(bytes instanceof Uint8Array);
}

async function unless(codes: readonly string[], work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof VolumeError) || !codes.includes(error.code)) throw error;
  }
}
