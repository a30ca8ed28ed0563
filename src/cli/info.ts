// `portcullis info META-URL PATH...`: what files and directories of a volume consist of. The Go client looks through a mount;
// here the volume is named.
import { Command } from 'commander';
import { type Inspected, type InspectedPlace, inspectVolume } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';
import { showBytes } from './size.ts';
import { runVolumeCommand, volumePath } from './volume-command.ts';

interface InfoFlags {
  readonly inode?: boolean;
  readonly recursive?: boolean;
  readonly strict?: boolean;
  readonly raw?: boolean;
}

/** The subcommand. */
export function infoCommand(): Command {
  return new Command('info')
    .description('show internal information of a path or inode')
    .argument('<META-URL>', 'where the metadata is kept')
    .argument('<PATH...>', 'absolute paths within the volume, or inodes')
    .option('-i, --inode', 'the arguments are inodes')
    .option('-r, --recursive', 'count everything below a directory')
    .option('--strict', 'count exactly (always done)')
    .option('--raw', 'show stored slices, not objects')
    .action(async (metaUrl: string, places: readonly string[], flags: InfoFlags) => {
      await runVolumeCommand(async (command) => {
        const wanted = places.map((place) => placeOf(place, flags.inode === true));
        const found = await inspectVolume(metaUrl, wanted, { ...command, ...flags });
        command.done();
        process.stdout.write(found.map((one, index) => show(places[index] ?? '', one)).join(''));
      });
    });
}

function placeOf(text: string, inode: boolean): InspectedPlace {
  if (!inode) return { path: volumePath(text, 'PATH') };
  if (!/^[1-9]\d{0,18}$/.test(text)) throw new UsageError(`${JSON.stringify(text)} is no inode`);
  return { inode: BigInt(text) };
}

function show(name: string, found: Inspected): string {
  const lines = [
    `${name} :`,
    `  inode: ${found.inode}`,
    `  files: ${found.files}`,
    `   dirs: ${found.directories}`,
    ` length: ${showBytes(found.length)}`,
    `   size: ${showBytes(found.size)}`,
    `   path: ${found.paths[0] ?? 'unknown'}`,
    `   tier: ${found.tier}->${found.storageClass}`,
  ];
  if (found.slices.length > 0) {
    const rows = found.slices.map(({ chunk, id, size, off, len }) => [chunk, id, size, off, len]);
    lines.push(' chunks:', ...table(['chunkIndex', 'sliceId', 'size', 'offset', 'length'], rows));
  }
  if (found.objects.length > 0) {
    const rows = found.objects.map(({ chunk, key, size, offset, length, position }) => [
      chunk,
      key,
      size,
      offset,
      length,
      position,
    ]);
    lines.push(' objects:', ...table(['chunkIndex', 'objectName', 'size', 'offset', 'length', 'pos'], rows));
  }
  return `${lines.join('\n')}\n`;
}

/** A table with lines around its cells. */
function table(head: readonly string[], rows: readonly (readonly (string | number | bigint)[])[]): string[] {
  const cells = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const line = (row: readonly string[]): string =>
    `|${row.map((cell, column) => ` ${cell.padStart(widths[column] ?? 0)} `).join('|')}|`;
  return [rule, line(cells[0] ?? []), rule, ...cells.slice(1).map(line), rule];
}
