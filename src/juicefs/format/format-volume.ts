// Formats a volume as `juicefs format` does: probes the storage, then writes tables, setting, counters and the first
// inodes. On a volume that exists it changes what may be changed and refuses the rest.
import { randomUUID } from 'node:crypto';
import { blockCodec } from '../chunk/block-codec.ts';
import { currentTimeNs } from '../meta/change.ts';
import type { MetaEngine } from '../meta/engine.ts';
import { ROOT_INODE, TRASH_INODE } from '../meta/inode.ts';
import { openEngine } from '../meta/meta-url.ts';
import { trashNode } from '../meta/trash.ts';
import { loadFormat } from '../open-volume.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { requireStorage } from '../storage/open-store.ts';
import { VolumeOpenError } from '../volume-error.ts';
import {
  ACL_CLIENT_VERSION,
  type FormatMembers,
  type FormatRecord,
  formatOf,
  requireSupported,
  serializeFormat,
  withoutSecrets,
} from './format-record.ts';
import { probeStorage } from './probe-storage.ts';
import { encryptSecret, REMOVED_SECRET } from './secrets.ts';
import { openVolumeStore, plainSecret } from './volume-store.ts';

/** What to format. Members left out have the Go client's defaults for a new volume, and stay as they are in an existing one. */
export interface FormatSettings {
  /** 3 to 63 of a-z, 0-9 and '-', not beginning or ending with '-'. */
  readonly name: string;
  readonly storage?: string;
  /** For `file`: an absolute directory; a trailing slash is added. */
  readonly bucket?: string;
  readonly storageClass?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly sessionToken?: string;
  /** Becomes a power of two within 64 to 16384. */
  readonly blockSizeKiB?: number;
  readonly compression?: string;
  /** PEM of an RSA private key: the data of a new volume is encrypted under it. */
  readonly encryptKey?: string;
  readonly encryptAlgo?: string;
  /** `key=value` put on stored objects. */
  readonly tag?: string;
  readonly shards?: number;
  readonly hashPrefix?: boolean;
  /** Bytes; 0 = unlimited. */
  readonly capacity?: number;
  readonly inodes?: number;
  readonly trashDays?: number;
  /** A volume on which access control lists may be set; only at its making here, later with `configureVolume`. */
  readonly enableAcl?: boolean;
  /** '1.0': a volume that clients of version 1.0 open too, without directory statistics. */
  readonly compat?: '1.0';
  /** Overwrite an existing volume's settings, even those its data depends on. */
  readonly force?: boolean;
  /** Leave an existing volume as it is. */
  readonly noUpdate?: boolean;
  /** Do not probe the storage. */
  readonly skipStorageCheck?: boolean;
  /** As in VolumeOptions. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What a new volume takes where the members above are left out; an existing one is not changed by them. */
  readonly fallback?: Pick<FormatSettings, 'bucket' | 'accessKey' | 'secretKey' | 'sessionToken'>;
}

export interface FormatResult {
  readonly outcome: 'created' | 'updated' | 'unchanged';
  /** The setting as text, its secrets replaced. */
  readonly setting: string;
}

const NAME = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const KIB = 1024;
const MIN_BLOCK_KIB = 64;
const MAX_BLOCK_KIB = 16 * KIB;
const MAX_SHARDS = 256;
const ROOT_MODE = 0o777;
const UUID_OBJECT = 'juicefs_uuid';
/** A person waits for the answer. */
const PROBE_RETRIES = 2;

/** Formats the database of a META-URL; VolumeOpenError says in one line why not. */
export async function formatVolume(metaUrl: string, settings: FormatSettings): Promise<FormatResult> {
  requireValid(settings);
  const existing = await loadExisting(metaUrl, settings.environment ?? {});
  if (existing !== undefined && settings.noUpdate === true) return result('unchanged', existing);
  const format =
    existing === undefined ? newFormat(settings) : updatedFormat(existing, settings, settings.force === true);
  requireSupported(format, false);
  blockCodec(format.compression);
  requireStorage(format.storage);
  const objects = openVolumeStore(format, { environment: settings.environment ?? {}, ioRetries: PROBE_RETRIES });
  try {
    if (settings.skipStorageCheck !== true) await probeStorage(objects, format.name);
    if (existing === undefined) await create(metaUrl, format, objects, settings);
    else await update(metaUrl, format, settings.environment ?? {});
  } finally {
    await objects.close();
  }
  return result(existing === undefined ? 'created' : 'updated', format);
}

function requireValid({ name, trashDays, shards, blockSizeKiB, capacity, inodes }: FormatSettings): void {
  const refuse = (message: string): never => {
    throw new VolumeOpenError('FormatRefused', message);
  };
  if (!NAME.test(name)) refuse(`the volume name ${JSON.stringify(name)} is not 3 to 63 of a-z, 0-9 and '-'`);
  for (const [what, value] of Object.entries({ trashDays, shards, blockSizeKiB, capacity, inodes })) {
    if (value !== undefined && (!Number.isFinite(value) || value < 0)) refuse(`${what} must not be ${value}`);
  }
  if ((shards ?? 0) > MAX_SHARDS) refuse(`at most ${MAX_SHARDS} shards are possible`);
}

type Environment = Readonly<Record<string, string | undefined>>;

async function loadExisting(metaUrl: string, environment: Environment): Promise<FormatRecord | undefined> {
  let engine: MetaEngine | undefined;
  try {
    engine = await openEngine(metaUrl, { environment });
    return await loadFormat(engine);
  } catch (error) {
    if (error instanceof VolumeOpenError && ['DatabaseMissing', 'NotFormatted'].includes(error.code)) return undefined;
    throw error;
  } finally {
    await engine?.close();
  }
}

function newFormat(asked: FormatSettings): FormatRecord {
  const settings = { ...asked.fallback, ...asked };
  const { storage = 'file', bucket } = settings;
  if (bucket === undefined)
    throw new VolumeOpenError('FormatRefused', 'a new volume needs a bucket: name it with --bucket');
  const uuid = randomUUID();
  const compat = settings.compat === '1.0';
  if (compat && settings.enableAcl === true) {
    throw new VolumeOpenError(
      'FormatRefused',
      `access control lists need clients of version ${ACL_CLIENT_VERSION}, not 1.0`,
    );
  }
  const members: FormatMembers = {
    Name: settings.name,
    UUID: uuid,
    Storage: storage,
    StorageClass: settings.storageClass,
    Tiers: { '0': { ID: 0, StorageClass: settings.storageClass ?? '', Tag: settings.tag ?? '' } },
    Bucket: bucketText(storage, bucket),
    AccessKey: settings.accessKey,
    ...secretMembers(settings, uuid, settings.encryptKey ?? ''),
    BlockSize: powerOfTwo(settings.blockSizeKiB ?? 4 * KIB),
    Compression: settings.compression ?? 'none',
    Shards: settings.shards,
    HashPrefix: settings.hashPrefix,
    Capacity: settings.capacity,
    Inodes: settings.inodes,
    EncryptAlgo: settings.encryptAlgo ?? 'aes256gcm-rsa',
    TrashDays: settings.trashDays ?? 1,
    MetaVersion: 1,
    MinClientVersion: settings.enableAcl === true ? ACL_CLIENT_VERSION : compat ? undefined : '1.1.0-A',
    DirStats: !compat,
    EnableACL: settings.enableAcl === true,
  };
  return formatOf(members);
}

function updatedFormat(existing: FormatRecord, settings: FormatSettings, force: boolean): FormatRecord {
  const old = existing.members;
  const storage = settings.storage ?? old.Storage;
  // Decrypted by the old keys and stored anew only when one of them changes.
  const secrets: Pick<FormatSettings, 'secretKey' | 'sessionToken'> = {
    secretKey: settings.secretKey ?? keptSecret(existing, 'SecretKey', settings),
    sessionToken: settings.sessionToken ?? keptSecret(existing, 'SessionToken', settings),
  };
  if (settings.enableAcl === true && old.EnableACL !== true) {
    throw new VolumeOpenError('FormatRefused', `the volume ${existing.name} exists: use config --enable-acl`);
  }
  const changed = settings.secretKey !== undefined || settings.sessionToken !== undefined;
  const members: FormatMembers = {
    ...old,
    Name: settings.name,
    Storage: storage,
    Bucket: settings.bucket === undefined ? old.Bucket : bucketText(storage, settings.bucket),
    AccessKey: settings.accessKey ?? old.AccessKey,
    ...(changed ? secretMembers(secrets, old.UUID, keptSecret(existing, 'EncryptKey', settings)) : {}),
    BlockSize: settings.blockSizeKiB === undefined ? old.BlockSize : powerOfTwo(settings.blockSizeKiB),
    Compression: settings.compression ?? old.Compression,
    Shards: settings.shards ?? old.Shards,
    HashPrefix: settings.hashPrefix ?? old.HashPrefix,
    Capacity: settings.capacity ?? old.Capacity,
    Inodes: settings.inodes ?? old.Inodes,
    TrashDays: settings.trashDays ?? old.TrashDays,
  };
  const format = formatOf(members);
  if (!force) {
    for (const member of ['name', 'blockSize', 'compression', 'shards', 'hashPrefix'] as const) {
      if (format[member] !== existing[member]) {
        throw new VolumeOpenError(
          'FormatRefused',
          `the volume ${existing.name} exists: its ${member} cannot change from ${existing[member]} to ${format[member]}`,
        );
      }
    }
  }
  return format;
}

/** A secret that stays as it is; one that was removed from the record is gone, and set anew by who can. */
function keptSecret(
  existing: FormatRecord,
  member: 'SecretKey' | 'SessionToken' | 'EncryptKey',
  settings: FormatSettings,
): string {
  const isReplaced = settings.secretKey !== undefined || settings.sessionToken !== undefined;
  if (!isReplaced || existing.members[member] === REMOVED_SECRET) return '';
  return plainSecret(existing, member, member);
}

/** Secrets as they are stored; empty ones are left out. */
function secretMembers(
  { secretKey = '', sessionToken = '' }: Pick<FormatSettings, 'secretKey' | 'sessionToken'>,
  uuid: string,
  encryptKey: string,
): Partial<FormatMembers> {
  const sealed = (secret: string): string | undefined => (secret === '' ? undefined : encryptSecret(secret, uuid));
  const any = [secretKey, sessionToken, encryptKey].some((secret) => secret !== '');
  return {
    SecretKey: sealed(secretKey),
    SessionToken: sealed(sessionToken),
    EncryptKey: sealed(encryptKey),
    KeyEncrypted: any,
  };
}

export function bucketText(storage: string, bucket: string): string {
  return storage === 'file' ? `${bucket.replace(/\/+$/, '')}/` : bucket;
}

/** The greatest power of two not above the value, within the sizes a block may have. */
function powerOfTwo(kib: number): number {
  const power = 2 ** Math.floor(Math.log2(Math.max(1, kib)));
  return Math.min(Math.max(power, MIN_BLOCK_KIB), MAX_BLOCK_KIB);
}

async function holdsObjects(objects: ObjectStore, prefix: string): Promise<boolean> {
  for await (const { key, size } of objects.list(prefix)) {
    if (size > 0 && !key.startsWith(`${prefix}testing/`)) return true;
  }
  return false;
}

async function create(
  metaUrl: string,
  format: FormatRecord,
  objects: ObjectStore,
  settings: FormatSettings,
): Promise<void> {
  const prefix = `${format.name}/`;
  if (settings.skipStorageCheck !== true) {
    if (await holdsObjects(objects, prefix)) {
      throw new VolumeOpenError(
        'FormatRefused',
        `the storage ${objects.description} holds objects of a volume ${format.name} already; clean it up or take another name`,
      );
    }
    await objects.put(prefix + UUID_OBJECT, Buffer.from(format.uuid));
  }
  const engine = await openEngine(metaUrl, { create: true, environment: settings.environment ?? {} });
  try {
    await engine.prepareForWriting();
    await engine.write(async (tx) => {
      if ((await tx.setting()) !== undefined) {
        throw new VolumeOpenError('FormatRefused', 'the database was formatted by another process meanwhile');
      }
      const now = currentTimeNs();
      await tx.putSetting(serializeFormat(format.members));
      if (format.trashDays > 0) await tx.insertNode(trashNode(TRASH_INODE, ROOT_INODE, now));
      await tx.insertNode({ ...trashNode(ROOT_INODE, ROOT_INODE, now), mode: ROOT_MODE });
      if (format.dirStats) await tx.insertDirectoryUsage(ROOT_INODE, { length: 0, space: 0, inodes: 0 });
      for (const [counter, value] of INITIAL_COUNTERS) await tx.setCounter(counter, value);
    });
  } catch (error) {
    await objects.delete(prefix + UUID_OBJECT);
    throw error;
  } finally {
    await engine.close();
  }
}

const INITIAL_COUNTERS: readonly (readonly [name: string, value: number])[] = [
  ['nextInode', 2],
  ['nextChunk', 1],
  ['nextSession', 0],
  ['usedSpace', 0],
  ['totalInodes', 0],
  ['nextCleanupSlices', 0],
];

async function update(metaUrl: string, format: FormatRecord, environment: Environment): Promise<void> {
  const engine = await openEngine(metaUrl, { environment });
  try {
    await engine.prepareForWriting();
    await engine.write(async (tx) => {
      if (format.trashDays > 0 && (await tx.node(TRASH_INODE)) === undefined) {
        await tx.insertNode(trashNode(TRASH_INODE, ROOT_INODE, currentTimeNs()));
      }
      await tx.putSetting(serializeFormat(format.members));
    });
  } finally {
    await engine.close();
  }
}

function result(outcome: FormatResult['outcome'], format: FormatRecord): FormatResult {
  return { outcome, setting: serializeFormat(withoutSecrets(format.members)) };
}
