// What the log says of durable queues: on a change only.
import type { LeftoverLog } from './minio-queue.ts';
import type { QueueLog } from './queue-directory.ts';
import type { TargetId } from './target-name.ts';

export interface EventLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export function queueLog(target: TargetId, log: EventLog): QueueLog {
  return {
    damaged: (file, keptAs, lines) =>
      log.error(
        { target, file, keptAs, lines },
        'a file of an event queue was damaged and is set aside; its other events go on',
      ),
    failed: (error) => log.error({ target, err: error }, 'an event queue cannot be written to; its events are lost'),
    recovered: () => log.warn({ target }, 'an event queue can be written to again'),
  };
}

export function leftoverLog(target: TargetId, log: EventLog): LeftoverLog {
  return {
    takenOver: (directory, events) =>
      log.info({ target, directory, events }, 'events that another gateway left undelivered are taken over'),
    setAside: (file, keptAs) =>
      log.error(
        { target, file, keptAs },
        'a file of an event queue was damaged and is set aside; its other events go on',
      ),
    failed: (directory, error) =>
      log.error({ target, directory, err: error }, 'events that another gateway left undelivered cannot be taken over'),
  };
}
