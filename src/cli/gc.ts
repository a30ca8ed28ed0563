// `portcullis gc`: what a volume keeps without need. Only a report, unless --delete or --compact says otherwise.
import { Command } from 'commander';
import { collectGarbage } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';
import { wholeNumber } from './size.ts';
import { runVolumeCommand } from './volume-command.ts';

interface GcFlags {
  readonly compact?: boolean;
  readonly delete?: boolean;
  readonly threads: number;
}

/** The subcommand. */
export function gcCommand(): Command {
  return new Command('gc')
    .description('find leaked objects, and with --delete or --compact do away with what is not needed')
    .argument('<META-URL>', 'where the metadata is kept')
    .option('--compact', 'compact small slices into bigger ones')
    .option('--delete', 'delete leaked objects, and what waits to be deleted')
    .option('-p, --threads <n>', 'objects deleted at a time', wholeNumber, 10)
    .action(async (metaUrl: string, flags: GcFlags) => {
      await runVolumeCommand(async (command) => {
        const skip = skippedTime(process.env.JFS_GC_SKIPPEDTIME);
        const report = await collectGarbage(metaUrl, {
          ...command,
          ...flags,
          ...(skip === undefined ? {} : { skipYoungerThanMs: skip }),
        });
        command.done();
        const {
          compaction: c,
          using,
          valid,
          pending,
          compacted,
          leaked,
          delayedSlices,
          deletedFiles,
          detachedTrees,
          skipped,
        } = report;
        if (flags.compact === true) {
          command.say(`Compacted ${c.chunks} chunks (${c.slices} slices, ${c.bytes} bytes).`);
        }
        if (detachedTrees > 0) {
          const done = flags.delete === true ? 'removed' : 'found';
          command.say(`${done} ${detachedTrees} detached trees, which clones left that broke off`);
        }
        command.say(`using ${using.count} slices (${using.bytes} bytes)`);
        command.say(
          `scanned ${report.scanned} objects, ${valid.count} valid, ${pending.count} pending delete (${pending.bytes} bytes), ` +
            `${compacted.count} compacted (${compacted.bytes} bytes), ${leaked.count} leaked (${leaked.bytes} bytes), ` +
            `${delayedSlices.count} delslices (${delayedSlices.bytes} bytes), ${deletedFiles.count} delfiles (${deletedFiles.bytes} bytes), ` +
            `${skipped.count} skipped (${skipped.bytes} bytes)`,
        );
        if (leaked.count + detachedTrees > 0 && flags.delete !== true)
          command.say('Please add `--delete` to clean leaked objects');
      });
    });
}

/** JFS_GC_SKIPPEDTIME: seconds that an object must have been there to count as leaked. */
function skippedTime(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`JFS_GC_SKIPPEDTIME must be seconds, not ${JSON.stringify(text)}`);
  return Number(text) * 1000;
}
