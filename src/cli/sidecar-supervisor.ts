// Keeps one sidecar running for a gateway: on a private unix socket, restarted with back-off, ended with the gateway.
// The sidecar alone gets the root secret. It lives on the pipe to its standard input, so it cannot outlive the gateway.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** First and longest pause before a restart, milliseconds. */
const RESTART_FIRST_MS = 100;
const RESTART_MOST_MS = 5_000;
/** A sidecar that served this long starts over with the first pause. */
const STABLE_AFTER_MS = 30_000;
/** How long a sidecar may take to end once its pipe is closed. */
const END_WITHIN_MS = 5_000;
/** Most of a failed sidecar's complaint that is kept for the message. */
const COMPLAINT_BYTES = 4_096;

export interface SupervisedSidecarOptions {
  /** Arguments after `portcullis authz`, without --listen. */
  readonly args: readonly string[];
  /** The sidecar's whole environment, secrets included. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Called for what an operator should know. */
  readonly onEvent: (event: SidecarEvent) => void;
}

export type SidecarEvent =
  | { readonly type: 'ready'; readonly pid: number }
  | {
      readonly type: 'exited';
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly retryMs: number;
    };

export interface SupervisedSidecar {
  /** `unix:PATH`, the same over all restarts. */
  readonly address: string;
  /** Path of its HTTP socket (administration and STS). */
  readonly httpSocket: string;
  /** Closes the pipe, waits for the end, removes the socket. Idempotent. */
  stop(): Promise<void>;
}

/** A restart has nobody waiting for it: its outcome is reported through `onEvent`. */
const ignore = (): void => undefined;

/** Starts a sidecar and resolves when it serves. Rejects with its own complaint when the first start fails. */
export async function superviseSidecar(options: SupervisedSidecarOptions): Promise<SupervisedSidecar> {
  const directory = mkdtempSync(join(tmpdir(), 'portcullis-'));
  const address = `unix:${join(directory, 'authz.sock')}`;
  const httpSocket = join(directory, 'http.sock');
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let pause = RESTART_FIRST_MS;

  const start = (onReady: () => void, onFailed: (complaint: string) => void, first: boolean): void => {
    const startedAt = Date.now();
    let complaint = '';
    const process_ = spawn(
      process.execPath,
      [
        ...process.execArgv,
        process.argv[1] as string,
        ...['authz', '--supervised', '--listen', address, '--http-listen', `unix:${httpSocket}`],
        ...options.args,
      ],
      { env: { ...options.env }, stdio: ['pipe', 'pipe', first ? 'pipe' : 'inherit'] },
    );
    child = process_;
    let ready = false;
    // Until it serves, what it says is kept: if it fails, the caller says the one line that matters.
    process_.stderr?.on('data', (data: Buffer) => {
      if (ready) process.stderr.write(data);
      else if (complaint.length < COMPLAINT_BYTES) complaint += data.toString();
    });
    createInterface({ input: process_.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      if (ready || !line.includes('"ready"')) return;
      ready = true;
      process.stderr.write(complaint);
      options.onEvent({ type: 'ready', pid: process_.pid ?? 0 });
      onReady();
    });
    // A broken pipe only says that the sidecar is gone, which 'exit' reports.
    process_.stdin?.on('error', () => undefined);
    let over = false;
    const ended = (code: number | null, signal: NodeJS.Signals | null, why: string): void => {
      if (stopping || over) return;
      over = true;
      if (!ready && first) {
        onFailed(complaint.trim() || why);
        return;
      }
      pause = Date.now() - startedAt > STABLE_AFTER_MS ? RESTART_FIRST_MS : Math.min(pause * 2, RESTART_MOST_MS);
      const retryMs = Math.round(pause * (0.5 + Math.random() / 2));
      options.onEvent({ type: 'exited', code, signal, retryMs });
      timer = setTimeout(() => start(ignore, ignore, false), retryMs);
    };
    process_.on('error', (error) => ended(null, null, error.message));
    // 'close' comes after the last of its output.
    process_.on('close', (code, signal) =>
      ended(code, signal, `the sidecar ended with ${signal ?? `exit code ${code}`}`),
    );
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    clearTimeout(timer);
    const running = child;
    if (running !== undefined && running.exitCode === null && running.signalCode === null) {
      const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.stdin?.end();
      const killer = setTimeout(() => running.kill('SIGKILL'), END_WITHIN_MS);
      await ended;
      clearTimeout(killer);
    }
    rmSync(directory, { recursive: true, force: true });
  };

  try {
    await new Promise<void>((resolve, reject) => start(resolve, (complaint) => reject(new Error(complaint)), true));
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, httpSocket, stop };
}
