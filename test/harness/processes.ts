// Real processes for tests: started in a process group of their own, their output kept, and all of it gone at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of /proc. */
export interface ProcessEntry {
  readonly pid: number;
  readonly group: number;
  readonly state: string; // 'Z' = ended, not yet waited for
  readonly command: string;
}

/** Most output that is kept of a process. */
const LOG_BYTES = 1 << 20;

const running = new Set<TestProcess>();
process.on('exit', () => {
  for (const each of running) each.killGroup();
});

/** A child that leads a process group. */
export class TestProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  #log = '';
  #exit: Exit | undefined;

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.#log = (this.#log + data.toString()).slice(-LOG_BYTES);
      });
    }
    running.add(this);
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('exit', (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the process did not start');
    return this.child.pid;
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** What it wrote to both outputs. */
  get log(): string {
    return this.#log;
  }

  /** All living processes of its group. */
  group(): ProcessEntry[] {
    return processes().filter(({ group, state }) => group === this.pid && state !== 'Z');
  }

  /** As a terminal does with Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /** Ends whatever is left of the group. */
  killGroup(): void {
    if (this.child.pid === undefined) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch (error) {
      // ESRCH: nothing is left
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    running.delete(this);
  }
}

/** All processes of this machine. */
export function processes(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readProc(name, 'stat');
      if (stat === undefined) return [];
      const [state = '', , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = (readProc(name, 'cmdline') ?? '').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), group: Number(group), state, command }];
    });
}

/** Resident memory of a process in bytes, what it shares with others counted in proportion (PSS); 0 when it is gone. */
export function residentBytes(pid: number): number {
  const kib = /^Pss:\s+(\d+) kB/m.exec(readProc(String(pid), 'smaps_rollup') ?? '')?.[1];
  return Number(kib ?? 0) * 1024;
}

function readProc(pid: string, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // a process may end between the listing and the read
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
