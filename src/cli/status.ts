// `portcullis status`: a volume's settings, the clients that have it open, and its usage, as JSON.
import { Command } from 'commander';
import { jsonText, sessionDetails, volumeStatus } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';
import { wholeNumber } from './size.ts';
import { runVolumeCommand } from './volume-command.ts';

/** The subcommand. */
export function statusCommand(): Command {
  return new Command('status')
    .description('show the status of a volume')
    .argument('<META-URL>', 'where the metadata is kept')
    .option('-s, --session <sid>', 'show detailed information of this session', wholeNumber)
    .option('-m, --more', 'show more statistics, which may take a long time')
    .action(async (metaUrl: string, { session, more }: { session?: number; more?: boolean }) => {
      await runVolumeCommand(async (command) => {
        const shown =
          session === undefined
            ? await volumeStatus(metaUrl, { ...command, more: more === true })
            : await sessionDetails(metaUrl, BigInt(session), command);
        if (shown === undefined) throw new UsageError(`there is no session ${session}`, 1);
        process.stdout.write(`${jsonText(shown)}\n`);
      });
    });
}
