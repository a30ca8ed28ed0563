// The volume's setting record: parsed once into a type, unknown members kept so that rewriting loses nothing, and
// serialized as the Go client writes it: one member a line. JuiceFS: pkg/meta/config.go.
import { z } from 'zod';
import { encryptionCipher } from '../storage/encrypted-store.ts';
import { VolumeOpenError } from '../volume-error.ts';
import { REMOVED_SECRET } from './secrets.ts';

const tier = z.object({ ID: z.number(), StorageClass: z.string(), Tag: z.string() });

const RECORD = z.looseObject({
  Name: z.string().min(1),
  UUID: z.string().min(1),
  Storage: z.string(),
  StorageClass: z.string().optional(),
  Tiers: z.record(z.string(), tier).nullable().optional(),
  Bucket: z.string(),
  AccessKey: z.string().optional(),
  SecretKey: z.string().optional(),
  SessionToken: z.string().optional(),
  BlockSize: z.number().int().positive(),
  Compression: z.string().optional(),
  Shards: z.number().int().nonnegative().optional(),
  HashPrefix: z.boolean().optional(),
  Capacity: z.number().nonnegative().optional(),
  Inodes: z.number().nonnegative().optional(),
  EncryptKey: z.string().optional(),
  EncryptAlgo: z.string().optional(),
  KeyEncrypted: z.boolean().optional(),
  UploadLimit: z.number().optional(),
  DownloadLimit: z.number().optional(),
  TrashDays: z.number().int().default(0),
  MetaVersion: z.number().int().optional(),
  MinClientVersion: z.string().optional(),
  MaxClientVersion: z.string().optional(),
  DirStats: z.boolean().optional(),
  UserGroupQuota: z.boolean().optional(),
  EnableACL: z.boolean().default(false),
  RangerRestUrl: z.string().optional(),
  RangerService: z.string().optional(),
  ChangeLog: z.boolean().optional(),
  ChangeLogMaxAge: z.number().optional(),
  ChangeLogMaxLines: z.number().optional(),
  KerbConf: z.string().optional(),
});

/** The record's members under the names of the JSON text. */
export type FormatMembers = z.infer<typeof RECORD>;

/** What the rest of the code reads of a format. */
export interface FormatRecord {
  readonly members: FormatMembers;
  readonly name: string;
  readonly uuid: string;
  /** Lower case. */
  readonly storage: string;
  readonly bucket: string;
  /** Bytes. */
  readonly blockSize: number;
  readonly compression: string;
  readonly shards: number;
  readonly hashPrefix: boolean;
  /** Bytes; 0 = unlimited. */
  readonly capacity: number;
  /** 0 = unlimited. */
  readonly inodes: number;
  readonly trashDays: number;
  readonly dirStats: boolean;
  readonly userGroupQuota: boolean;
  readonly changeLog: boolean;
  readonly encrypted: boolean;
  readonly encryptAlgo: string;
  readonly accessKey: string;
  readonly storageClass: string;
  /** `key=value` for stored objects, or empty. */
  readonly tag: string;
  /** Mbps; 0 = unlimited. */
  readonly uploadLimit: number;
  readonly downloadLimit: number;
  /** The text it was parsed from. */
  readonly text: string;
}

/** The highest MetaVersion understood. */
export const MAX_META_VERSION = 1;
/** The client version that is compared with MinClientVersion and MaxClientVersion. */
export const CLIENT_VERSION = '1.4.1';
/** The first that knows access control lists: nobody older may open a volume that may have some. */
export const ACL_CLIENT_VERSION = '1.2.0-A';

const KIB = 1024;
const MIN_BLOCK_KIB = 64;
const MAX_BLOCK_KIB = 16 * KIB;

/** Parses the stored text; InvalidFormat when it is not a format. */
export function parseFormat(text: string): FormatRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new VolumeOpenError('InvalidFormat', 'the setting record of the volume is not JSON', { cause });
  }
  const parsed = RECORD.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw new VolumeOpenError(
      'InvalidFormat',
      `the setting record of the volume is wrong at ${where}: ${issue?.message}`,
    );
  }
  return formatOf(parsed.data, text);
}

/** The typed view of the members. */
export function formatOf(members: FormatMembers, text = serializeFormat(members)): FormatRecord {
  if (members.BlockSize < MIN_BLOCK_KIB || members.BlockSize > MAX_BLOCK_KIB) {
    throw new VolumeOpenError('InvalidFormat', `a block size of ${members.BlockSize} KiB is outside 64 to 16384`);
  }
  return {
    members,
    name: members.Name,
    uuid: members.UUID,
    storage: members.Storage.toLowerCase(),
    bucket: members.Bucket,
    blockSize: members.BlockSize * KIB,
    compression: members.Compression ?? 'none',
    shards: members.Shards ?? 0,
    hashPrefix: members.HashPrefix ?? false,
    capacity: members.Capacity ?? 0,
    inodes: members.Inodes ?? 0,
    trashDays: members.TrashDays,
    dirStats: members.DirStats ?? false,
    userGroupQuota: members.UserGroupQuota ?? false,
    changeLog: members.ChangeLog ?? false,
    encrypted: (members.EncryptKey ?? '') !== '',
    encryptAlgo: members.EncryptAlgo ?? '',
    accessKey: members.AccessKey ?? '',
    storageClass: members.Tiers?.['0']?.StorageClass ?? members.StorageClass ?? '',
    tag: members.Tiers?.['0']?.Tag ?? '',
    uploadLimit: members.UploadLimit ?? 0,
    downloadLimit: members.DownloadLimit ?? 0,
    text,
  };
}

/** Members that are written even when empty. */
const ALWAYS = new Set(['Name', 'UUID', 'Storage', 'Tiers', 'Bucket', 'BlockSize', 'TrashDays', 'EnableACL']);
const ORDER = Object.keys(RECORD.shape);

/** The text of a record: members in the Go client's order, empty ones left out, one a line. */
export function serializeFormat(members: FormatMembers): string {
  return JSON.stringify(orderedMembers(members), null, 1).replace(/\n +/g, '\n');
}

/** The members as they are written: in the Go client's order, empty ones left out. */
export function orderedMembers(members: FormatMembers): Record<string, unknown> {
  const rank = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const entries = Object.entries(members)
    .filter(
      ([name, value]) => ALWAYS.has(name) || (value !== undefined && value !== '' && value !== 0 && value !== false),
    )
    .sort(([a], [b]) => rank(a) - rank(b));
  return Object.fromEntries(entries);
}

/** The members with the word `removed` in the place of their secrets. */
export function withoutSecrets(
  members: FormatMembers,
  secrets: readonly ('SecretKey' | 'SessionToken' | 'EncryptKey')[] = ['SecretKey', 'SessionToken', 'EncryptKey'],
): FormatMembers {
  const hidden = { ...members };
  for (const member of secrets) if ((hidden[member] ?? '') !== '') hidden[member] = REMOVED_SECRET;
  return hidden;
}

/** ClientTooOld when the record demands another client version, or a newer layout. */
export function requireVersion(format: FormatRecord): void {
  const { MetaVersion = 1, MinClientVersion, MaxClientVersion } = format.members;
  if (MetaVersion > MAX_META_VERSION) {
    throw new VolumeOpenError(
      'ClientTooOld',
      `the volume has metadata version ${MetaVersion}; ${MAX_META_VERSION} is the newest understood`,
    );
  }
  if (
    MinClientVersion !== undefined &&
    MinClientVersion !== '' &&
    compareVersions(CLIENT_VERSION, MinClientVersion) < 0
  ) {
    throw new VolumeOpenError(
      'ClientTooOld',
      `the volume wants clients of version ${MinClientVersion} or later; this one is like ${CLIENT_VERSION}`,
    );
  }
  if (
    MaxClientVersion !== undefined &&
    MaxClientVersion !== '' &&
    compareVersions(CLIENT_VERSION, MaxClientVersion) > 0
  ) {
    throw new VolumeOpenError(
      'ClientTooOld',
      `the volume wants clients of version ${MaxClientVersion} or earlier; this one is like ${CLIENT_VERSION}`,
    );
  }
}

/** UnsupportedFormat, by name, for what cannot be read or written right. */
export function requireSupported(format: FormatRecord, readOnly: boolean): void {
  const refuse = (what: string): never => {
    throw new VolumeOpenError('UnsupportedFormat', `the volume ${format.name} uses ${what}, which is not supported`);
  };
  if (format.encrypted) encryptionCipher(format.encryptAlgo);
  if (!readOnly && format.changeLog) refuse('a change log (it can be opened for reading only)');
}

/** Of two client versions: -1, 0 or 1; a version that cannot be parsed is refused. */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  if (left.pre === right.pre) return 0;
  // No pre-release is later than any.
  if (left.pre === '') return 1;
  if (right.pre === '') return -1;
  return left.pre < right.pre ? -1 : 1;
}

function parseVersion(version: string): { numbers: number[]; pre: string } {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:-([^+]*))?(?:\+.*)?$/.exec(version);
  if (match === null)
    throw new VolumeOpenError('InvalidFormat', `the client version ${JSON.stringify(version)} cannot be understood`);
  return { numbers: match.slice(1, 4).map(Number), pre: match[4] ?? '' };
}
