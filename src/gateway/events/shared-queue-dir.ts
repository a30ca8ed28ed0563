// Several gateways of one machine under the same queue_dir, which the volume's configuration gives to all of them: each takes a directory
// of its own for a target, the first one that is free (portcullis-TYPE-NAME, portcullis-TYPE-NAME~2, …), and delivers what gateways that
// are gone left in theirs.
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { LeftoverLog } from './minio-queue.ts';
import { QueueDirectory, type QueueDirectoryOptions } from './queue-directory.ts';
import { QueueInUse } from './queue-lock.ts';

/** Most gateways that share a queue_dir. */
export const MAX_SHARERS = 64;

/** The queue of this process. Throws QueueInUse when there are too many others, and what the file system throws. */
export function openSharedQueue(options: QueueDirectoryOptions): QueueDirectory {
  for (let i = 1; ; i++) {
    try {
      return QueueDirectory.open({ ...options, path: numbered(options.path, i) });
    } catch (error) {
      if (!(error instanceof QueueInUse) || i === MAX_SHARERS) throw error;
    }
  }
}

/** Takes over what waits in the directories of gateways that are gone, before the own queue is used. */
export function takeOverAbandoned(own: QueueDirectory, options: QueueDirectoryOptions, log: LeftoverLog): void {
  for (const path of directoriesOf(options.path)) {
    if (path === own.path) continue;
    try {
      const abandoned = QueueDirectory.open({ ...options, path });
      const events = abandoned.moveTo(own);
      void abandoned.close();
      if (events > 0) log.takenOver(path, events);
    } catch (error) {
      if (!(error instanceof QueueInUse)) log.failed(path, error);
    }
  }
}

function numbered(path: string, i: number): string {
  return i === 1 ? path : `${path}~${i}`;
}

/** A target's name has no `~`. */
function directoriesOf(path: string): string[] {
  const name = basename(path);
  return readdirSync(dirname(path))
    .filter((each) => each === name || (each.startsWith(`${name}~`) && /^\d+$/.test(each.slice(name.length + 1))))
    .map((each) => join(dirname(path), each));
}
