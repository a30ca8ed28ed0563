// Writes identities, policies and configuration where `juicefs gateway` keeps them (see volume-layout.ts), so that it reads what was
// written here, and this service what was written there.
import type { Volume } from '../../juicefs/volume.ts';
import { type BucketRecord, isUnreadable, type ServerDocument, type Unreadable } from './iam-store.ts';
import type { StoreLock } from './process-lock.ts';
import type { RecordChanges, RecordTable } from './record-changes.ts';
import {
  parseBucketExtras,
  parseBucketMetadata,
  parseGroup,
  parseIdentity,
  parseMapping,
  withExtras,
} from './record-parsers.ts';
import type { RecordAccess, RecordStorage } from './record-storage.ts';
import {
  type FileChanges,
  fileChanges,
  isUnreadableFile,
  readBytes,
  textOf,
  type VolumeCrypto,
} from './volume-files.ts';
import {
  bucketExtrasPath,
  bucketPath,
  type FileTable,
  FORMAT_FILE,
  PLACES,
  recordPath,
  serverPath,
} from './volume-layout.ts';
import { VolumeLock } from './volume-lock.ts';
import { bucketExtrasFile, bucketFile, groupFile, identityFile, mappingFile } from './volume-writer-files.ts';

type WritableVolume = Pick<Volume, 'stat' | 'open' | 'create' | 'unlink' | 'rmdir' | 'tryLock'>;

export interface VolumeRecordStorageOptions {
  readonly crypto?: VolumeCrypto | undefined;
  readonly lock?: StoreLock;
  /** Replaced and removed files go to the volume's trash, as those of the Go gateway do. */
  readonly trash?: boolean | undefined;
}

export class VolumeRecordStorage implements RecordStorage, RecordAccess {
  readonly loadsChanges = false;
  readonly #volume: WritableVolume;
  readonly #crypto: VolumeCrypto | undefined;
  readonly #lock: StoreLock;
  readonly #files: FileChanges;

  constructor(volume: WritableVolume, options: VolumeRecordStorageOptions = {}) {
    this.#volume = volume;
    this.#crypto = options.crypto;
    this.#files = fileChanges(volume, options.trash === true);
    this.#lock = options.lock ?? new VolumeLock(volume);
  }

  exclusively<T>(work: (records: RecordAccess) => Promise<T>): Promise<T> {
    return this.#lock.hold(() => work(this));
  }

  read: RecordAccess['read'] = async (table, name) => {
    // One reader a table, each with the type of its records; the compiler can't follow that through the generic.
    const record: unknown = await this.#read(table, name);
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
    for (const [name, document] of changes.server ?? []) await this.#putServer(name, document);
  }

  async #read(table: RecordTable, name: string): Promise<object | string | undefined> {
    if (table === 'buckets') return this.#readBucket(name);
    if (table === 'server') return this.#readServer(name);
    const path = recordPath(table, name);
    const bytes = await readBytes(this.#volume, path);
    if (bytes === undefined) return undefined;
    const text = await textOf(path, bytes, this.#crypto?.decrypt);
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
    const bytes = await readBytes(this.#volume, bucketPath(name));
    if (bytes === undefined || isUnreadableFile(bytes)) return bytes;
    const path = bucketExtrasPath(name);
    const extras = await readBytes(this.#volume, path);
    const text = extras === undefined ? undefined : await textOf(path, extras, undefined);
    return withExtras(parseBucketMetadata(bytes), typeof text === 'string' ? parseBucketExtras(text) : text);
  }

  async #readServer(name: string): Promise<ServerDocument | Unreadable | undefined> {
    const path = serverPath(name);
    const bytes = await readBytes(this.#volume, path);
    if (bytes === undefined) return undefined;
    const text = await textOf(path, bytes, this.#crypto?.decrypt);
    if (typeof text !== 'string') return text;
    const { mtimeNs } = await this.#volume.stat(path);
    return { text, modifiedMs: Number(mtimeNs / 1_000_000n) };
  }

  /** Writes a record's file, or (undefined) removes it. */
  async #put(table: FileTable, name: string, text: string | undefined): Promise<void> {
    const path = recordPath(table, name);
    if (text === undefined) {
      await this.#files.remove(path, PLACES[table].file === undefined ? undefined : path.slice(0, -1));
    } else {
      await this.#replace(path, text);
    }
  }

  async #putBucket(name: string, record: BucketRecord | undefined): Promise<void> {
    const path = bucketPath(name);
    const extrasPath = bucketExtrasPath(name);
    if (record === undefined) {
      await this.#files.remove(path, path.slice(0, -1));
      await this.#files.remove(extrasPath);
      return;
    }
    const before = await readBytes(this.#volume, path);
    if (before !== undefined && (isUnreadableFile(before) || isUnreadable(parseBucketMetadata(before)))) {
      throw new Error(`the configuration of bucket ${name} is damaged`);
    }
    // A bucket that was made anew starts from nothing.
    const parsed = before === undefined ? undefined : parseBucketMetadata(before);
    const same = parsed !== undefined && !isUnreadable(parsed) && parsed.createdMs === record.createdMs;
    const bytes = bucketFile(name, record, same ? before : undefined);
    if (before === undefined || Buffer.compare(bytes, before) !== 0) await this.#files.replace(path, bytes);
    const extras = bucketExtrasFile(record);
    if (extras === undefined) await this.#files.remove(extrasPath);
    else await this.#files.replace(extrasPath, Buffer.from(extras));
  }

  async #putServer(name: string, document: ServerDocument | undefined): Promise<void> {
    const path = serverPath(name);
    if (document === undefined) await this.#files.remove(path);
    else await this.#replace(path, document.text);
  }

  async #requireFormat(): Promise<void> {
    if ((await readBytes(this.#volume, FORMAT_FILE)) !== undefined) return;
    await this.#replace(FORMAT_FILE, JSON.stringify({ version: 1 }));
  }

  async #replace(path: readonly string[], text: string): Promise<void> {
    await this.#files.replace(path, this.#crypto?.encrypt?.(path.join('/'), text) ?? Buffer.from(text));
  }
}
