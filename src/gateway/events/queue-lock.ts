// One process a queue: a file in its directory names the owner. A process that is gone has no claim, even if its number was given to
// another since.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LOCK_FILE = 'owner';

/** The directory belongs to another living process. */
export class QueueInUse extends Error {
  constructor(path: string, pid: number) {
    super(`the queue ${path} is in use by process ${pid}`);
    this.name = 'QueueInUse';
  }
}

/** Throws QueueInUse, and what the file system throws. */
export function takeLock(path: string): void {
  const file = join(path, LOCK_FILE);
  const mine = `${process.pid} ${startOf(process.pid)}\n`;
  let held = '';
  try {
    held = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const [pid, start] = held.trim().split(' ');
  const owner = Number(pid ?? 0);
  if (held !== mine && owner > 0 && start !== undefined && start === startOf(owner)) throw new QueueInUse(path, owner);
  writeFileSync(file, mine, { mode: 0o600 });
}

export function releaseLock(path: string): void {
  rmSync(join(path, LOCK_FILE), { force: true });
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
