// `portcullis format`: a new JuiceFS volume, or other settings for one. Flags as `juicefs format` has them; those whose
// effect does not exist here are refused by name, never ignored.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { type FormatSettings, formatVolume, VolumeOpenError } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';
import { bytesIn, wholeNumber } from './size.ts';

interface FormatFlags {
  readonly storage: string;
  readonly bucket: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly sessionToken?: string;
  readonly storageClass?: string;
  readonly tag?: string;
  readonly encryptRsaKey?: string;
  readonly encryptAlgo: string;
  readonly blockSize: number;
  readonly compress: string;
  readonly hashPrefix?: boolean;
  readonly shards?: number;
  readonly capacity?: number;
  readonly inodes?: number;
  readonly trashDays: number;
  readonly enableAcl?: boolean;
  readonly compat?: '1.0';
  readonly force?: boolean;
}

/** Flags of the Go client that would change what a volume is, and cannot be honoured. */
const REFUSED_FLAGS: readonly (readonly [flags: string, what: string])[] = [
  ['--ranger-rest-url <url>', 'Ranger'],
  ['--ranger-service <name>', 'Ranger'],
  ['--kerberos-config-file <file>', 'Kerberos'],
];

/** The subcommand. */
export function formatCommand(): Command {
  const command = new Command('format')
    .description('format a JuiceFS volume: metadata at META-URL, objects in a bucket')
    .argument('<META-URL>', 'where the metadata is kept, as in redis://localhost:6379/1 or sqlite3:///var/lib/myjfs.db')
    .argument('<NAME>', 'name of the volume, and prefix of all its objects')
    .option('--storage <type>', 'object storage', 'file')
    .option('--bucket <bucket>', 'where objects are stored; for file, a directory', defaultBucket())
    .option('--access-key <key>', 'access key of the object storage (env ACCESS_KEY)')
    .option('--secret-key <key>', 'secret key of the object storage (env SECRET_KEY)')
    .option('--session-token <token>', 'session token of the object storage (env SESSION_TOKEN)')
    .option('--storage-class <class>', 'storage class of new objects')
    .option('--tag <tag>', 'tag of new objects, key=value')
    .option('--block-size <size>', 'size of a block, in KiB or with a unit', bytesIn('K'), 4096 * 1024)
    .option('--compress <algorithm>', 'lz4, zstd or none', 'none')
    .option(
      '--encrypt-rsa-key <file>',
      'encrypt the data under the RSA private key of a PEM file (env JFS_RSA_PASSPHRASE)',
    )
    .option('--encrypt-algo <algorithm>', 'aes256gcm-rsa or chacha20-rsa', 'aes256gcm-rsa')
    .option('--hash-prefix', "put a hash before the objects' names")
    .option('--shards <n>', 'spread the blocks over N buckets', wholeNumber)
    .option('--capacity <size>', 'limit of the space used, in GiB or with a unit', bytesIn('G'))
    .option('--inodes <n>', 'limit of the number of files', wholeNumber)
    .option('--trash-days <days>', 'days after which removed files are deleted', wholeNumber, 1)
    .option('--enable-acl', 'let mounts keep POSIX access control lists, for good')
    .addOption(new Option('--compat <version>', 'let clients of this version open the volume too').choices(['1.0']))
    .option('--force', 'overwrite the settings of an existing volume')
    .option('--no-update', 'leave an existing volume as it is')
    .action(format);
  for (const [flags, what] of REFUSED_FLAGS) {
    command.addOption(new Option(flags).hideHelp().argParser(() => refuseFlag(flags, what)));
  }
  return command;
}

async function format(metaUrl: string, name: string, _flags: unknown, command: Command): Promise<void> {
  const flags = command.opts<FormatFlags & { readonly update: boolean }>();
  // On an existing volume only what was asked for changes; its defaults are for a new one.
  const given = <T>(flag: keyof FormatFlags, value: T): T | undefined =>
    command.getOptionValueSource(flag) === 'cli' ? value : undefined;
  const base: FormatSettings = {
    name,
    ...(flags.compat === undefined ? {} : { compat: flags.compat }),
    force: flags.force === true,
    noUpdate: !flags.update,
    environment: process.env,
    skipStorageCheck: (process.env.JFS_NO_CHECK_OBJECT_STORAGE ?? '') !== '',
  };
  const asked = {
    storage: given('storage', flags.storage),
    bucket: given('bucket', bucketOf(flags)),
    accessKey: flags.accessKey,
    secretKey: flags.secretKey,
    sessionToken: flags.sessionToken,
    storageClass: flags.storageClass,
    tag: flags.tag,
    encryptKey: flags.encryptRsaKey === undefined ? undefined : readKey(flags.encryptRsaKey),
    encryptAlgo: given('encryptAlgo', flags.encryptAlgo),
    blockSizeKiB: given('blockSize', flags.blockSize / 1024),
    compression: given('compress', flags.compress),
    hashPrefix: flags.hashPrefix,
    shards: flags.shards,
    capacity: flags.capacity,
    inodes: flags.inodes,
    trashDays: given('trashDays', flags.trashDays),
    enableAcl: flags.enableAcl,
  };
  const { ACCESS_KEY: accessKey, SECRET_KEY: secretKey, SESSION_TOKEN: sessionToken } = process.env;
  // A directory by default; the name of a bucket nobody can guess.
  const fallback = {
    bucket: flags.storage === 'file' ? bucketOf(flags) : undefined,
    accessKey,
    secretKey,
    sessionToken,
  };
  try {
    const settings = { ...base, ...withoutUndefined(asked), fallback: withoutUndefined(fallback) };
    const { outcome, setting } = await formatVolume(metaUrl, settings);
    process.stdout.write(`volume ${name} ${outcome}: ${setting}\n`);
  } catch (error) {
    if (error instanceof VolumeOpenError) throw new UsageError(error.message);
    throw error;
  }
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`--encrypt-rsa-key: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function bucketOf({ storage, bucket }: FormatFlags): string {
  return storage === 'file' ? resolve(bucket) : bucket;
}

/** The Go client's: a system directory for root, one below the home directory for others. */
function defaultBucket(): string {
  return process.getuid?.() === 0 ? '/var/jfs' : join(homedir(), '.juicefs', 'local');
}

function refuseFlag(flags: string, what: string): never {
  throw new UsageError(`${flags.split(' ')[0]} is not supported: ${what} cannot be honoured`);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The members that have a value. */
export function withoutUndefined<T extends object>(values: T): Defined<T> {
  const defined: Defined<T> = {};
  for (const key of Object.keys(values) as (keyof T)[]) {
    const value = values[key];
    if (value !== undefined) defined[key] = value as Exclude<T[keyof T], undefined>;
  }
  return defined;
}
