// `portcullis config`: shows the settings of a volume, or changes those that flags name and no others.
import { resolve } from 'node:path';
import { Command } from 'commander';
import { configureVolume, showSettings, type VolumeChanges } from '../juicefs/index.ts';
import { withoutUndefined } from './format.ts';
import { UsageError } from './root-credentials.ts';
import { bytesIn, megabitsPerSecond, wholeNumber } from './size.ts';
import { confirmed, runVolumeCommand } from './volume-command.ts';

interface ConfigFlags extends VolumeChanges {
  readonly yes?: boolean;
  readonly force?: boolean;
}

/** Flags of the Go client whose effect does not exist here. */
const REFUSED = ['--user-group-quota', '--changelog', '--ranger-rest-url', '--ranger-service', '--tier'];

/** The subcommand. */
export function configCommand(): Command {
  const command = new Command('config')
    .description('show the settings of a volume, or change those that are named')
    .argument('<META-URL>', 'where the metadata is kept')
    .option('--storage <type>', 'object storage')
    .option('--bucket <bucket>', 'where objects are stored; for file, a directory')
    .option('--access-key <key>', 'access key of the object storage')
    .option('--secret-key <key>', 'secret key of the object storage')
    .option('--session-token <token>', 'session token of the object storage')
    .option('--storage-class <class>', 'storage class of new objects')
    .option('--tag <tag>', 'tag of new objects, key=value')
    .option('--upload-limit <n>', 'bandwidth limit of a client for upload, in Mbps', megabitsPerSecond)
    .option('--download-limit <n>', 'bandwidth limit of a client for download, in Mbps', megabitsPerSecond)
    .option('--capacity <size>', 'limit of the space used, in GiB or with a unit', bytesIn('G'))
    .option('--inodes <n>', 'limit of the number of files', wholeNumber)
    .option('--trash-days <days>', 'days after which removed files are deleted', wholeNumber)
    .option('--min-client-version <version>', 'lowest client version that may connect')
    .option('--max-client-version <version>', 'highest client version that may connect')
    .option('--dir-stats [on]', 'keep statistics of directories', isTrue('--dir-stats'))
    .option('--enable-acl [on]', 'let mounts keep POSIX access control lists, for good', isTrue('--enable-acl'))
    .option('--encrypt-secret', 'encrypt secrets that are stored as they are')
    .option('-y, --yes', 'answer yes to all questions')
    .option('--force', 'skip the checks of what is changed, and the questions')
    .allowUnknownOption(false)
    .action(config);
  for (const flag of REFUSED) {
    command.option(`${flag} [value]`, 'not supported', () => {
      throw new UsageError(`${flag} is not supported: its effect does not exist here`);
    });
  }
  return command;
}

async function config(metaUrl: string, flags: ConfigFlags): Promise<void> {
  const { yes, force, ...given } = flags;
  await runVolumeCommand(async (command) => {
    const changes = withoutUndefined(await withAbsoluteBucket(given));
    if (Object.keys(changes).length === 0) {
      process.stdout.write(`${await showSettings(metaUrl, command)}\n`);
      return;
    }
    const lines = await configureVolume(metaUrl, changes, {
      ...command,
      force: force === true,
      confirm: (warning) => confirmed(yes === true, warning),
    });
    process.stdout.write(lines.length === 0 ? 'Nothing changed.\n' : `${lines.join('\n')}\n`);
  });
}

/** A directory is meant from here; a URL says itself where it is. */
async function withAbsoluteBucket(changes: VolumeChanges): Promise<VolumeChanges> {
  const { bucket, storage } = changes;
  if (bucket === undefined || bucket.includes('://') || (storage !== undefined && storage !== 'file')) return changes;
  return storage === 'file' || /^[./]/.test(bucket) ? { ...changes, bucket: resolve(bucket) } : changes;
}

function isTrue(flag: string): (value: string) => boolean {
  return (value) => {
    if (/^(1|t|true)$/i.test(value)) return true;
    if (/^(0|f|false)$/i.test(value)) return false;
    throw new UsageError(`${flag} must be true or false, not ${JSON.stringify(value)}`);
  };
}
