// Server processes of the benchmarks: started, awaited until their first JSON line, ended with the benchmark.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The package: npm runs its scripts there. */
export const ROOT = process.cwd();
export const CLI = join(ROOT, 'dist', 'cli', 'main.js');

/** The built program of one of these files: `bare-echo` of bare-echo.ts. */
export const program = (name: string): string => join(import.meta.dirname, `${name}.mjs`);

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly firstLine: string;
  end(): Promise<void>;
}

/** Starts a process and resolves at the first line of its standard output that satisfies `ready`. */
export async function startChild(
  args: readonly string[],
  ready: (line: string) => boolean,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const firstLine = await new Promise<string>((done, fail) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (ready(line)) done(line);
    });
    child.once('exit', (code) => fail(new Error(`${args.join(' ')} ended with ${code}`)));
    child.once('error', fail);
  });
  return {
    process: child,
    pid: child.pid ?? 0,
    firstLine,
    async end() {
      child.stdin?.end();
      child.kill('SIGTERM');
      await exited;
    },
  };
}
