// Real processes for tests: each in a process group of its own, its output kept, the whole group ended with the test.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** The built command line; `npm test` builds it first. */
export const PORTCULLIS = join(ROOT, 'dist', 'cli', 'main.js');
const KEEP_OUTPUT_BYTES = 256 * 1024;

const running = new Set<ProcessGroup>();
// A test run that ends early must leave nothing behind.
process.on('exit', () => {
  for (const group of running) group.signalGroup('SIGKILL');
});

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ProcessGroup {
  readonly pid: number;
  /** Resolves when the first process of the group has ended. */
  readonly ended: Promise<Ended>;
  result: Ended | undefined;
  #output = '';
  readonly #child: ChildProcess;

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(command, args, {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.pid = this.#child.pid ?? 0;
    const keep = (data: Buffer): void => {
      this.#output = (this.#output + data.toString()).slice(-KEEP_OUTPUT_BYTES);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    running.add(this);
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#output += `\n${error.message}`;
        this.result = { code: null, signal: null };
        resolve(this.result);
      });
      this.#child.once('exit', (code, signal) => {
        this.result = { code, signal };
        resolve(this.result);
      });
    });
  }

  /** What the processes of the group have printed. */
  get output(): string {
    return this.#output;
  }

  /** Signals the first process only. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Signals every process of the group, as Ctrl-C at a terminal does. */
  signalGroup(name: NodeJS.Signals): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Processes of the group that are alive, with their command lines (Linux). */
  members(): { pid: number; command: string }[] {
    return processes().filter(({ group }) => group === this.pid);
  }

  /** SIGTERM, and SIGKILL for what is left of the group afterwards. Resolves with how the first process ended. */
  async stop(withinMs = 20_000): Promise<Ended> {
    if (this.result === undefined) this.signal('SIGTERM');
    const killer = setTimeout(() => this.signalGroup('SIGKILL'), withinMs);
    const ended = await this.ended;
    clearTimeout(killer);
    this.signalGroup('SIGKILL');
    running.delete(this);
    return ended;
  }
}

function processes(): { pid: number; group: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The command name in brackets may hold anything; what follows the last bracket is state, parent, group, …
        const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z') return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), group: Number(group), command }];
      } catch (error) {
        // Ended between the listing and the look at it.
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ESRCH') return [];
        throw error;
      }
    });
}

/** Runs a command to its end. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended & { output: string }> {
  const group = new ProcessGroup(command, args, env);
  const ended = await group.ended;
  await group.stop();
  return { ...ended, output: group.output };
}

/** A TCP port of 127.0.0.1 that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
