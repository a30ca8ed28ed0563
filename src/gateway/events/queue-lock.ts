// One process a queue: a file in its directory names the owner. A process that is gone has no claim, even if its number was given to
// another since.
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LOCK_FILE = 'owner';
/** A file without content is being written, or was when its process ended. */
const WRITTEN_WITHIN_MS = 2_000;

/** The directory belongs to another living process. */
export class QueueInUse extends Error {
  constructor(path: string, owner: string) {
    super(`the queue ${path} is in use by process ${owner.split(' ')[0]?.trim() || 'unknown'}`);
    this.name = 'QueueInUse';
  }
}

/** Throws QueueInUse, and what the file system throws. */
export function takeLock(path: string): void {
  const file = join(path, LOCK_FILE);
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  for (;;) {
    try {
      writeFileSync(file, mine, { mode: 0o600, flag: 'wx' });
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const held = contentOf(file);
    if (held === mine) return;
    if (held === undefined) continue;
    if (isAlive(held, file)) throw new QueueInUse(path, held);
    takeAway(path, file, held);
  }
}

export function releaseLock(path: string): void {
  rmSync(join(path, LOCK_FILE), { force: true });
}

/** Of several processes that find a stale lock, one takes it away. Throws QueueInUse when it was another's fresh one. */
function takeAway(path: string, file: string, stale: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = contentOf(aside) ?? '';
  if (taken !== stale) {
    renameSync(aside, file);
    throw new QueueInUse(path, taken);
  }
  rmSync(aside, { force: true });
}

function isAlive(held: string, file: string): boolean {
  if (held === '') return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < WRITTEN_WITHIN_MS;
  const [pid, start] = held.trim().split(' ');
  const owner = Number(pid ?? 0);
  return owner > 0 && start !== undefined && start !== '' && start === startOf(owner);
}

/** Undefined when there is no such file. */
function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** When a process started, in the kernel's ticks; '' for one that is not there. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
