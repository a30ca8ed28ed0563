// `portcullis destroy META-URL UUID`: all objects and all metadata of a volume, gone for good.
import { Command } from 'commander';
import { destroyVolume } from '../juicefs/index.ts';
import { confirmed, runVolumeCommand } from './volume-command.ts';

/** The subcommand. */
export function destroyCommand(): Command {
  return new Command('destroy')
    .description('destroy a volume: ALL its objects and ALL its metadata')
    .argument('<META-URL>', 'where the metadata is kept')
    .argument('<UUID>', 'UUID of the volume, as `status` shows it')
    .option('-y, --yes', 'answer yes to the question')
    .option('--force', 'ask nothing, heed no sessions, and go on where the bucket is gone')
    .action(async (metaUrl: string, uuid: string, flags: { yes?: boolean; force?: boolean }) => {
      await runVolumeCommand(async (command) => {
        const deleted = await destroyVolume(metaUrl, uuid, {
          ...command,
          force: flags.force === true,
          confirm: (what) => {
            process.stdout.write(
              ` volume name: ${what.name}\n volume UUID: ${what.uuid}\ndata storage: ${what.storage}\n` +
                `  used bytes: ${what.usedBytes}\n used inodes: ${what.usedInodes}\n`,
            );
            return confirmed(
              flags.yes === true,
              `The target volume will be permanently destroyed, including:\n` +
                `WARNING: 1. ALL objects in the data storage: ${what.storage}\n` +
                `WARNING: 2. ALL entries in the metadata engine: ${what.database}`,
            );
          },
        });
        command.say(`Deleted ${deleted} objects`);
        command.say('The volume has been destroyed! You may need to delete cache directory manually.');
      });
    });
}
