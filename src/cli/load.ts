// `portcullis load`: a dump, JSON or binary, into an empty database; or what a binary dump holds.
import { createReadStream, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Command } from 'commander';
import { decodeFooter, decryptDump, loadVolume, loadVolumeBinary } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';
import { runVolumeCommand } from './volume-command.ts';

interface LoadFlags {
  readonly encryptRsaKey?: string;
  readonly encryptAlgo: string;
  readonly binary?: boolean;
  readonly stat?: boolean;
  readonly offset?: string;
}

/** The subcommand. */
export function loadCommand(): Command {
  return new Command('load')
    .description('load the metadata of a volume from a dump into an empty database')
    .argument('<META-URL>', 'where the metadata will be kept (with --stat: the dump)')
    .argument('[FILE]', 'the dump; with .gz at its end compressed (default: stdin)')
    .option('--encrypt-rsa-key <file>', 'RSA private key of a dump that a client wrote into the encrypted storage')
    .option('--encrypt-algo <algorithm>', 'aes256gcm-rsa or chacha20-rsa', 'aes256gcm-rsa')
    .option('--threads <n>', 'accepted; one is used', '10')
    .option('--binary', 'the dump is one of `dump --binary`, in a file')
    .option('--stat', 'with --binary: only show what the dump holds')
    .option('--offset <n>', 'with --stat: -1 shows where the segments begin, too')
    .action(async (metaUrl: string, file: string | undefined, flags: LoadFlags) => {
      if (flags.stat === true) return showSummary(metaUrl, flags);
      if (flags.binary === true && file === undefined) throw new UsageError('a binary dump is loaded from a file');
      await runVolumeCommand(async (command) => {
        const loaded =
          flags.binary === true
            ? await loadVolumeBinary(metaUrl, () => bytesOf(file, flags), command)
            : await loadVolume(metaUrl, textOf(file, flags), command);
        command.done();
        if (loaded.secretsRemoved)
          command.say('warning: secret key was removed; please correct it with `config` command');
        command.say(`load metadata from ${JSON.stringify(file ?? 'STDIN')} succeed`);
      });
    });
}

async function* textOf(file: string | undefined, flags: LoadFlags): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const bytes of bytesOf(file, flags)) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    if (!(cause instanceof TypeError) || !('code' in cause)) throw cause;
    throw new UsageError(`cannot read ${file ?? 'stdin'}: ${cause.message}`, 1);
  }
}

/** Most of a dump's end that is read for its footer: an offset takes some bytes, and a segment holds thousands of rows. */
const MAX_FOOTER_BYTES = 64 << 20;

/** What the footer of a binary dump says, as the Go client shows it. */
async function showSummary(file: string, flags: LoadFlags): Promise<void> {
  if (flags.binary !== true) throw new UsageError('--stat is of a binary dump: add --binary');
  if (flags.offset !== undefined && flags.offset !== '-1') throw new UsageError('only --offset -1 is supported');
  const infos = await runVolumeCommand(async () => {
    try {
      return decodeFooter(await endOf(file));
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      throw new UsageError(`cannot read ${file}: ${cause.message}`, 1);
    }
  });
  const offsets = flags.offset === '-1';
  const rule = '-'.repeat(offsets ? 34 : 23);
  const row = (name: string, rows: string): string => `${name.padEnd(10)}| ${rows.padEnd(10)}|`;
  const lines = [...infos]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, info]) => row(name, String(info.rows)) + (offsets ? ` [${info.offsets.join(' ')}]` : ''));
  const head = row('Name', 'Num').slice(0, offsets ? undefined : -1) + (offsets ? ' Offset    ' : '');
  process.stdout.write(`${['Backup Version: 1', rule, head, rule, ...lines].join('\n')}\n`);
}

async function endOf(file: string): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, MAX_FOOTER_BYTES));
    await handle.read(bytes, 0, bytes.length, size - bytes.length);
    return bytes;
  } finally {
    await handle.close();
  }
}

async function* bytesOf(file: string | undefined, flags: LoadFlags): AsyncGenerator<Uint8Array> {
  try {
    let source: Readable = file === undefined ? process.stdin : createReadStream(file);
    if (flags.encryptRsaKey !== undefined && file !== undefined) {
      const key = readFileSync(flags.encryptRsaKey, 'utf8');
      const body = decryptDump(readFileSync(file), key, flags.encryptAlgo, process.env.JFS_RSA_PASSPHRASE);
      source = Readable.from([body]);
    }
    // A failure reaches the reader of the last stream.
    if (file?.endsWith('.gz') === true) source = pipeline(source, createGunzip(), () => undefined);
    for await (const bytes of source) yield bytes;
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause;
    throw new UsageError(`cannot read ${file ?? 'stdin'}: ${cause.message}`, 1);
  }
}
