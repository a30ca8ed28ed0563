// What the commands on a whole volume share: their log on stderr, a progress line where a person looks on, a question before what
// cannot be undone, and errors that are one line.
import { createInterface } from 'node:readline/promises';
import { type AdminOptions, VolumeError, VolumeOpenError } from '../juicefs/index.ts';
import { UsageError } from './root-credentials.ts';

const PROGRESS_MS = 200;

export interface VolumeCommand extends AdminOptions {
  /** A line for the person, on stderr. */
  say(line: string): void;
  /** Ends the progress line. */
  done(): void;
}

/** Runs a command's body; what a volume refuses becomes a one-line complaint. */
export async function runVolumeCommand<T>(body: (command: VolumeCommand) => Promise<T>): Promise<T> {
  const command = volumeCommand();
  try {
    return await body(command);
  } catch (error) {
    command.done();
    if (error instanceof VolumeOpenError) throw new UsageError(error.message, 1);
    if (error instanceof VolumeError) throw new UsageError(error.message, 1);
    throw error;
  } finally {
    command.done();
  }
}

function volumeCommand(): VolumeCommand {
  const progress = new ProgressLine();
  const say = (line: string): void => {
    progress.clear();
    process.stderr.write(`${line}\n`);
  };
  const log = (level: string) => (message: string, details?: Readonly<Record<string, unknown>>) =>
    say(`${level}: ${message}${details === undefined ? '' : ` ${JSON.stringify(details)}`}`);
  return {
    environment: process.env,
    log: { info: log('info'), warn: log('warning') },
    onProgress: (what, count, bytes) => progress.show(what, count, bytes),
    say,
    done: () => progress.clear(),
  };
}

/** One line that is written over; only on a terminal. */
class ProgressLine {
  readonly #tty = process.stderr.isTTY === true;
  #shown = 0;
  #last = 0;

  show(what: string, count: number, bytes?: number): void {
    if (!this.#tty) return;
    const now = Date.now();
    if (now - this.#last < PROGRESS_MS) return;
    this.#last = now;
    const line = `${what}: ${count}${bytes === undefined ? '' : ` (${bytes} bytes)`}`;
    process.stderr.write(`\r${line.padEnd(this.#shown)}`);
    this.#shown = line.length;
  }

  clear(): void {
    if (this.#shown > 0) process.stderr.write(`\r${' '.repeat(this.#shown)}\r`);
    this.#shown = 0;
  }
}

/** Asks on the terminal; anything but yes is no, and so is no terminal at all. */
export async function confirmed(yes: boolean, warning: string): Promise<boolean> {
  process.stdout.write(`WARNING: ${warning}\n`);
  if (yes) return true;
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await Promise.race([
      lines.question('Proceed anyway? [y/N]: '),
      new Promise<string>((resolve) => lines.once('close', () => resolve(''))),
    ]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

/** The components of an absolute path within a volume. */
export function volumePath(text: string, flag: string): string[] {
  if (!text.startsWith('/'))
    throw new UsageError(`${flag} must be an absolute path within the volume, not ${JSON.stringify(text)}`);
  return text.split('/').filter((name) => name !== '');
}
