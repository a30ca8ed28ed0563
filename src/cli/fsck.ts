// `portcullis fsck`: are all blocks there that files need, and do the rows of directories agree with each other?
import { Command } from 'commander';
import { checkBlocks, checkTree } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';
import { runVolumeCommand, type VolumeCommand, volumePath } from './volume-command.ts';

interface FsckFlags {
  readonly path?: string;
  readonly repair?: boolean;
  readonly recursive?: boolean;
  readonly syncDirStat?: boolean;
  readonly repairDirMode: string;
}

/** The subcommand. */
export function fsckCommand(): Command {
  return new Command('fsck')
    .description('check the consistency of a volume')
    .argument('<META-URL>', 'where the metadata is kept')
    .option('--path <path>', 'absolute path within the volume to check')
    .option('--repair', 'repair the path if it is broken')
    .option('-r, --recursive', 'check or repair everything below the path')
    .option('--sync-dir-stat', 'check or repair the statistics of directories, too')
    .option('--repair-dir-mode <mode>', 'mode of repaired directories, octal', '0755')
    .action(async (metaUrl: string, flags: FsckFlags) => {
      if (flags.repair === true && flags.path === undefined) {
        throw new UsageError('--repair needs the path to repair in --path');
      }
      if (!/^[0-7]{1,5}$/.test(flags.repairDirMode)) {
        throw new UsageError(`--repair-dir-mode must be octal, not ${JSON.stringify(flags.repairDirMode)}`);
      }
      await runVolumeCommand((command) => fsck(command, metaUrl, flags));
    });
}

async function fsck(command: VolumeCommand, metaUrl: string, flags: FsckFlags): Promise<void> {
  let files: ReadonlySet<bigint> | undefined;
  let broken = 0;
  if (flags.path !== undefined) {
    const report = await checkTree(metaUrl, {
      ...command,
      path: volumePath(flags.path, '--path'),
      recursive: flags.recursive === true,
      repair: flags.repair === true,
      syncDirStat: flags.syncDirStat === true,
      repairMode: Number.parseInt(flags.repairDirMode, 8) & 0o7777,
    });
    for (const problem of report.problems) command.say(problem);
    command.say(`Checked ${report.directories} directories, ${report.problems.length} problems`);
    if (flags.repair !== true) broken += report.problems.length;
    files = report.files;
  }
  const only = files;
  const report = await checkBlocks(metaUrl, {
    ...command,
    ...(only === undefined ? {} : { only: (inode: bigint) => only.has(inode) }),
    onBroken: (message) => command.say(message),
  });
  command.say(`Found ${report.blocks.count} blocks (${report.blocks.bytes} bytes)`);
  command.say(`Used by ${report.slices.count} slices (${report.slices.bytes} bytes)`);
  if (report.broken.length > 0) {
    const lines = report.broken.map(({ inode, path }) => `${String(inode).padStart(13)}: ${path}`).sort();
    throw new UsageError(
      `${report.lost.count} objects are lost (${report.lost.bytes} bytes), ${report.broken.length} broken files:\n${'INODE'.padStart(13)}: PATH\n${lines.join('\n')}`,
      1,
    );
  }
  if (broken > 0) throw new UsageError(`${broken} problems can be repaired: run it again with --repair`, 1);
}
