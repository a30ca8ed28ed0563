// `portcullis load`: a JSON dump into an empty database.
import { createReadStream, readFileSync } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Command } from 'commander';
import { decryptDump, loadVolume } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';
import { runVolumeCommand } from './volume-command.ts';

interface LoadFlags {
  readonly encryptRsaKey?: string;
  readonly encryptAlgo: string;
  readonly binary?: boolean;
}

/** The subcommand. */
export function loadCommand(): Command {
  return new Command('load')
    .description('load the metadata of a volume from a JSON dump into an empty database')
    .argument('<META-URL>', 'where the metadata will be kept')
    .argument('[FILE]', 'the dump; with .gz at its end compressed (default: stdin)')
    .option('--encrypt-rsa-key <file>', 'RSA private key of a dump that a client wrote into the encrypted storage')
    .option('--encrypt-algo <algorithm>', 'aes256gcm-rsa or chacha20-rsa', 'aes256gcm-rsa')
    .option('--threads <n>', 'accepted; one is used', '10')
    .option('--binary', 'not supported')
    .action(async (metaUrl: string, file: string | undefined, flags: LoadFlags) => {
      if (flags.binary === true) throw new UsageError('--binary is not supported: load a JSON dump');
      await runVolumeCommand(async (command) => {
        const loaded = await loadVolume(metaUrl, textOf(file, flags), command);
        command.done();
        if (loaded.secretsRemoved)
          command.say('warning: secret key was removed; please correct it with `config` command');
        command.say(`load metadata from ${JSON.stringify(file ?? 'STDIN')} succeed`);
      });
    });
}

async function* textOf(file: string | undefined, flags: LoadFlags): AsyncGenerator<string> {
  try {
    let source: Readable = file === undefined ? process.stdin : createReadStream(file);
    if (flags.encryptRsaKey !== undefined && file !== undefined) {
      const key = readFileSync(flags.encryptRsaKey, 'utf8');
      const body = decryptDump(readFileSync(file), key, flags.encryptAlgo, process.env.JFS_RSA_PASSPHRASE);
      source = Readable.from([body]);
    }
    // A failure reaches the reader of the last stream.
    if (file?.endsWith('.gz') === true) source = pipeline(source, createGunzip(), () => undefined);
    const decoder = new TextDecoder('utf-8', { fatal: true });
    for await (const bytes of source) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause;
    throw new UsageError(`cannot read ${file ?? 'stdin'}: ${cause.message}`, 1);
  }
}
