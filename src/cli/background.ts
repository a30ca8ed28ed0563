// Running a command in the background (--background, -d): the same command again, detached, its output in a log file.
import { fork } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { UsageError } from './root-credentials.ts';

/** How long the foreground process waits to hear that the background one serves. */
const READY_WITHIN_MS = 60_000;
const MARK = 'PORTCULLIS_BACKGROUND';

/** What a background process tells the one that started it. */
export type BackgroundReport = { readonly type: 'serving' } | { readonly type: 'failed'; readonly message: string };

/** True in the process that runBackground started. */
export function isBackgroundProcess(env: Readonly<Record<string, string | undefined>>): boolean {
  return env[MARK] === '1';
}

/** Where the log goes without --log: as `juicefs gateway` has it. */
export function defaultLogFile(uid: number): string {
  return uid === 0 ? '/var/log/juicefs-gateway.log' : join(homedir(), '.juicefs', 'juicefs-gateway.log');
}

/**
 * Starts this very command line in the background and resolves when it serves. Throws UsageError with its complaint when it does
 * not come up. The background process leads its own session and keeps nothing of the terminal.
 */
export async function runBackground(argv: readonly string[], logFile: string): Promise<number> {
  let log: number;
  try {
    mkdirSync(dirname(logFile), { recursive: true });
    log = openSync(logFile, 'a', 0o640);
  } catch (cause) {
    throw new UsageError(`cannot write the log file ${logFile}: ${cause instanceof Error ? cause.message : cause}`);
  }
  const child = fork(argv[1] as string, argv.slice(2), {
    env: { ...process.env, [MARK]: '1' },
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const report = await new Promise<BackgroundReport>((resolve) => {
    const late = setTimeout(
      () => resolve({ type: 'failed', message: `not serving within ${READY_WITHIN_MS / 1000} s; see ${logFile}` }),
      READY_WITHIN_MS,
    );
    const settle = (value: BackgroundReport): void => {
      clearTimeout(late);
      resolve(value);
    };
    child.on('message', (message) => settle(message as BackgroundReport));
    child.on('error', (error) => settle({ type: 'failed', message: error.message }));
    child.on('exit', (code, signal) =>
      settle({ type: 'failed', message: `ended with ${signal ?? `exit code ${code}`}; see ${logFile}` }),
    );
  });
  if (report.type === 'failed') throw new UsageError(report.message);
  child.disconnect();
  child.unref();
  return child.pid ?? 0;
}

/** Tells the process that waits in runBackground, if there is one. */
export function reportToForeground(report: BackgroundReport): void {
  if (process.send === undefined) return;
  process.send(report, undefined, undefined, () => process.disconnect?.());
}
