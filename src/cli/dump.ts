// `portcullis dump`: a volume's metadata as JSON or in the binary form, in a file (which appears when it is whole) or on stdout.
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { PassThrough, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Command } from 'commander';
import { dumpVolume, dumpVolumeBinary } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';
import { runVolumeCommand, volumePath } from './volume-command.ts';

interface DumpFlags {
  readonly subdir?: string;
  readonly keepSecretKey?: boolean;
  readonly skipTrash?: boolean;
  readonly binary?: boolean;
}

/** The subcommand. */
export function dumpCommand(): Command {
  return new Command('dump')
    .description('dump the metadata of a volume into a file, as JSON or binary')
    .argument('<META-URL>', 'where the metadata is kept')
    .argument('[FILE]', 'where to; .gz at its end compresses it (default: stdout)')
    .option('--subdir <path>', 'dump only this directory')
    .option('--keep-secret-key', 'keep secrets as they are stored (they may leak)')
    .option('--threads <n>', 'accepted; one is used', '10')
    .option('--fast', 'accepted; memory stays small always')
    .option('--skip-trash', 'leave the trash out')
    .option('--binary', 'dump in the binary form, of the whole volume (--subdir and --skip-trash are ignored)')
    .action(async (metaUrl: string, file: string | undefined, flags: DumpFlags) => {
      if (file?.endsWith('.zstd') === true)
        throw new UsageError('.zstd is not supported: end the name in .gz or .json');
      await runVolumeCommand(async (command) => {
        const keepSecrets = flags.keepSecretKey === true;
        if (flags.binary === true) {
          if (flags.subdir !== undefined || flags.skipTrash === true) {
            command.say('warning: a binary dump is of the whole volume: --subdir and --skip-trash are ignored');
          }
          await toFile(file, (write) => dumpVolumeBinary(metaUrl, { ...command, keepSecrets, write }));
        } else
          await toFile(file, (write) =>
            dumpVolume(metaUrl, {
              ...command,
              ...(flags.subdir === undefined ? {} : { subdir: volumePath(flags.subdir, '--subdir') }),
              keepSecrets,
              skipTrash: flags.skipTrash === true,
              write,
            }),
          );
        command.done();
        command.say(`Dump metadata into ${JSON.stringify(file ?? 'STDOUT')} succeed`);
      });
    });
}

/** Runs with a function that writes and waits while there is too much; a file is renamed to its name at the end. */
async function toFile(
  file: string | undefined,
  body: (write: (piece: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  if (file === undefined) {
    await body(writerTo(process.stdout));
    return;
  }
  const temporary = `${file}.tmp`;
  const input = new PassThrough();
  const output = createWriteStream(temporary, { mode: 0o600 });
  const written = file.endsWith('.gz') ? pipeline(input, createGzip({ level: 1 }), output) : pipeline(input, output);
  // Awaited below; a full disk meanwhile shall not be an unhandled rejection.
  written.catch(() => undefined);
  try {
    await Promise.race([body(writerTo(input)), written]);
    input.end();
    await written;
    await finished(output);
    await rename(temporary, file);
  } catch (cause) {
    input.destroy();
    await rm(temporary, { force: true });
    if (!(cause instanceof Error) || !('syscall' in cause)) throw cause;
    throw new UsageError(`cannot write ${file}: ${cause.message}`, 1);
  }
}

function writerTo(stream: Writable): (piece: string | Uint8Array) => Promise<void> {
  return (piece) =>
    new Promise((resolve, reject) => {
      stream.write(piece, (error) => (error ? reject(error) : resolve()));
    });
}
