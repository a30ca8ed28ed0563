// Changes the settings of a volume that exists: what was asked for and nothing else, each change named, and what a person should
// think about twice named with it.
import {
  ACL_CLIENT_VERSION,
  CLIENT_VERSION,
  compareVersions,
  type FormatMembers,
  type FormatRecord,
  formatOf,
  orderedMembers,
  requireVersion,
  serializeFormat,
  withoutSecrets,
} from '../format/format-record.ts';
import { bucketText } from '../format/format-volume.ts';
import { probeStorage } from '../format/probe-storage.ts';
import { encryptSecret, REMOVED_SECRET } from '../format/secrets.ts';
import { openVolumeStore } from '../format/volume-store.ts';
import { currentTimeNs } from '../meta/change.ts';
import type { MetaEngine } from '../meta/engine.ts';
import { ROOT_INODE, TRASH_INODE } from '../meta/inode.ts';
import { trashNode } from '../meta/trash.ts';
import { VolumeOpenError } from '../volume-error.ts';
import { type AdminOptions, jsonText, withVolume } from './administer.ts';

/** Settings to change; what is left out stays. */
export interface VolumeChanges {
  readonly storage?: string;
  readonly bucket?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly sessionToken?: string;
  readonly storageClass?: string;
  readonly tag?: string;
  /** Mbps; 0 = unlimited. */
  readonly uploadLimit?: number;
  readonly downloadLimit?: number;
  /** Bytes; 0 = unlimited. */
  readonly capacity?: number;
  readonly inodes?: number;
  readonly trashDays?: number;
  readonly minClientVersion?: string;
  readonly maxClientVersion?: string;
  readonly dirStats?: boolean;
  /** Access control lists may be set; false is refused where they may be already. */
  readonly enableAcl?: boolean;
  /** Encrypt secrets that were stored as they are. */
  readonly encryptSecret?: boolean;
}

export interface ConfigureOptions extends AdminOptions {
  /** Do not probe a changed storage, and ask nothing. */
  readonly force?: boolean;
  /** Asked with a warning when a change may take people by surprise; false gives up. */
  readonly confirm: (warning: string) => Promise<boolean>;
}

const refuse = (message: string): never => {
  throw new VolumeOpenError('FormatRefused', message);
};

/** The settings of a volume as JSON, without secrets. */
export function showSettings(metaUrl: string, options: AdminOptions): Promise<string> {
  // A volume closed to this version can still be looked at, and opened again.
  return withVolume(metaUrl, { ...options, readOnly: true, anyVersion: true }, async (_engine, format) =>
    jsonText(orderedMembers(withoutSecrets(format.members))),
  );
}

/** Makes the changes; a line for each, none when nothing was different. FormatRefused, with nothing changed, for what cannot be. */
export function configureVolume(metaUrl: string, changes: VolumeChanges, options: ConfigureOptions): Promise<string[]> {
  return withVolume(metaUrl, { ...options, anyVersion: true }, async (engine, format) => {
    const { members, lines } = planChanges(format, changes);
    if (lines.length === 0) return lines;
    const next = formatOf(members);
    if (options.force !== true) await confirmChanges(engine, format, next, changes, options);
    await engine.prepareForWriting();
    await engine.write(async (tx) => {
      if ((await tx.setting()) !== format.text) refuse('the settings were changed by another meanwhile; look again');
      if (next.trashDays > 0 && (await tx.node(TRASH_INODE)) === undefined) {
        await tx.insertNode(trashNode(TRASH_INODE, ROOT_INODE, currentTimeNs()));
      }
      // Statistics of the time before are not those of now; they are counted again when they are needed.
      if (next.dirStats && !format.dirStats) await tx.deleteAllDirectoryUsage();
      await tx.putSetting(serializeFormat(members));
    });
    return lines;
  });
}

function planChanges(format: FormatRecord, changes: VolumeChanges): { members: FormatMembers; lines: string[] } {
  const members: FormatMembers = { ...format.members };
  const lines: string[] = [];
  const note = (flag: string, before: unknown, after: unknown): boolean => {
    if (before === after) return false;
    lines.push(`${flag.padStart(10)}: ${String(before)} -> ${String(after)}`);
    return true;
  };
  const { storage = format.storage, trashDays, dirStats } = changes;
  if (changes.storage !== undefined && note('storage', members.Storage, storage)) members.Storage = storage;
  if (changes.bucket !== undefined) {
    const bucket = bucketText(storage, changes.bucket);
    if (note('bucket', members.Bucket, bucket)) members.Bucket = bucket;
  }
  if (changes.accessKey !== undefined && note('access-key', members.AccessKey ?? '', changes.accessKey)) {
    members.AccessKey = changes.accessKey;
  }
  const tier = members.Tiers?.['0'] ?? { ID: 0, StorageClass: members.StorageClass ?? '', Tag: '' };
  const nextTier = { ...tier, StorageClass: changes.storageClass ?? tier.StorageClass, Tag: changes.tag ?? tier.Tag };
  note('storage-class', tier.StorageClass, nextTier.StorageClass);
  note('tag', tier.Tag, nextTier.Tag);
  members.Tiers = { ...members.Tiers, '0': nextTier };
  for (const [flag, member, value, show] of [
    ['upload-limit', 'UploadLimit', changes.uploadLimit, mbps],
    ['download-limit', 'DownloadLimit', changes.downloadLimit, mbps],
    ['capacity', 'Capacity', changes.capacity, binaryBytes],
    ['inodes', 'Inodes', changes.inodes, thousands],
  ] as const) {
    if (value === undefined) continue;
    if (!Number.isFinite(value) || value < 0) refuse(`${flag} must not be ${value}`);
    if (value !== (members[member] ?? 0)) note(flag, show(members[member] ?? 0), show(value));
    members[member] = value;
  }
  if (trashDays !== undefined && note('trash-days', members.TrashDays, trashDays)) members.TrashDays = trashDays;
  if (dirStats !== undefined && note('dir-stats', members.DirStats ?? false, dirStats)) members.DirStats = dirStats;
  if (changes.enableAcl !== undefined && changes.enableAcl !== (members.EnableACL ?? false)) {
    if (!changes.enableAcl) refuse('enable-acl cannot be taken back: lists that were set would no longer hold');
    note('enable-acl', false, true);
    members.EnableACL = true;
  }
  planVersions(members, changes, note);
  planSecrets(format, members, changes, lines);
  return { members, lines };
}

function planVersions(
  members: FormatMembers,
  { minClientVersion, maxClientVersion }: VolumeChanges,
  note: (flag: string, before: unknown, after: unknown) => boolean,
): void {
  const before = members.MinClientVersion ?? '';
  if (minClientVersion !== undefined) {
    if (before !== '' && compareVersions(minClientVersion, before) < 0) {
      refuse(`min-client-version cannot be lowered from ${before} to ${minClientVersion}`);
    }
    if (note('min-client-version', before, minClientVersion)) members.MinClientVersion = minClientVersion;
  }
  const lowest = members.MinClientVersion ?? '';
  if (members.EnableACL === true && (lowest === '' || compareVersions(lowest, ACL_CLIENT_VERSION) < 0)) {
    note('min-client-version', lowest, ACL_CLIENT_VERSION);
    members.MinClientVersion = ACL_CLIENT_VERSION;
  }
  if (maxClientVersion !== undefined) {
    compareVersions(maxClientVersion, CLIENT_VERSION);
    if (note('max-client-version', members.MaxClientVersion ?? '', maxClientVersion)) {
      members.MaxClientVersion = maxClientVersion;
    }
  }
}

const SECRETS = [
  ['secret-key', 'SecretKey', 'secretKey'],
  ['session-token', 'SessionToken', 'sessionToken'],
] as const;

function planSecrets(format: FormatRecord, members: FormatMembers, changes: VolumeChanges, lines: string[]): void {
  const seals = format.members.KeyEncrypted === true || changes.encryptSecret === true;
  if (changes.encryptSecret === true && format.members.KeyEncrypted !== true) {
    lines.push('encrypt-secret: secrets are encrypted');
    for (const member of ['SecretKey', 'SessionToken', 'EncryptKey'] as const) {
      const plain = format.members[member] ?? '';
      if (plain !== '' && plain !== REMOVED_SECRET) members[member] = encryptSecret(plain, format.uuid);
    }
    members.KeyEncrypted = true;
  }
  for (const [flag, member, change] of SECRETS) {
    const secret = changes[change];
    if (secret === undefined) continue;
    lines.push(`${flag.padStart(10)}: updated`);
    members[member] = seals && secret !== '' ? encryptSecret(secret, format.uuid) : secret;
  }
}

async function confirmChanges(
  engine: MetaEngine,
  before: FormatRecord,
  next: FormatRecord,
  changes: VolumeChanges,
  options: ConfigureOptions,
): Promise<void> {
  const ask = async (warning: string): Promise<void> => {
    if (!(await options.confirm(warning))) refuse('aborted; nothing was changed');
  };
  const moved = [changes.storage, changes.bucket, changes.accessKey, changes.secretKey, changes.sessionToken];
  if (moved.some((change) => change !== undefined) || changes.storageClass !== undefined || changes.tag !== undefined) {
    const objects = openVolumeStore(next, { environment: options.environment, ioRetries: 2 });
    try {
      await probeStorage(objects, next.name);
    } finally {
      await objects.close();
    }
  }
  const [space, inodes, quotas] = await engine.look(async (reader) =>
    Promise.all([reader.counter('usedSpace'), reader.counter('totalInodes'), reader.directoryQuotas()]),
  );
  if (changes.capacity !== undefined || changes.inodes !== undefined) {
    if ((next.capacity > 0 && space >= next.capacity) || (next.inodes > 0 && inodes >= next.inodes)) {
      await ask(
        `New quota is too small (used / quota): ${space} / ${next.capacity} bytes, ${inodes} / ${next.inodes} inodes.`,
      );
    }
  }
  if (before.trashDays > 0 && next.trashDays === 0) {
    await ask('The current trash will be emptied and future removed files will purged immediately.');
  }
  if (before.dirStats && !next.dirStats && quotas.length > 0) {
    refuse(`dir-stats cannot be switched off while there are ${quotas.length} directory quotas`);
  }
  if (changes.minClientVersion !== undefined || changes.maxClientVersion !== undefined) {
    try {
      requireVersion(next);
    } catch (error) {
      if (!(error instanceof VolumeOpenError)) throw error;
      await ask(`Clients like this one will be rejected after the modification: ${error.message}.`);
    }
  }
}

/** 1.5 GiB: two digits where there is one before the point. */
export function binaryBytes(bytes: number): string {
  if (bytes < 10) return `${bytes} B`;
  const exponent = Math.min(Math.floor(Math.log2(bytes) / 10), 6);
  const value = Math.floor((bytes / 1024 ** exponent) * 10 + 0.5) / 10;
  const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'][exponent] ?? 'B';
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}

function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function mbps(value: number): string {
  const [divisor, unit] =
    value < 1e3 ? [1, 'Mbps'] : value < 1e6 ? [1e3, 'Gbps'] : value < 1e9 ? [1e6, 'Tbps'] : [1e9, 'Pbps'];
  return `${(value / divisor).toFixed(1)} ${unit}`;
}
