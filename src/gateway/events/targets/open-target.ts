// From the settings of a target to the target, and the look at one that is about to be configured.
import { accessSync, constants } from 'node:fs';
import { makeDirectory } from '../make-directory.ts';
import type { TargetId } from '../target-name.ts';
import { isTargetType, TARGET_SUBSYSTEMS, type TargetType } from '../target-name.ts';
import { readTargetSettings, type TargetKeys, type TargetSettings, TargetSettingsError } from '../target-settings.ts';
import { type EventTarget, reasonOf, TargetError } from './event-target.ts';
import { MysqlTarget } from './mysql-target.ts';
import { PostgresTarget } from './postgres-target.ts';
import { RedisTarget } from './redis-target.ts';
import { WebhookTarget } from './webhook-target.ts';

/** Connects to nothing yet. Throws TargetSettingsError. */
export function openTarget(settings: TargetSettings): EventTarget {
  switch (settings.type) {
    case 'redis':
      return new RedisTarget(settings);
    case 'mysql':
      return new MysqlTarget(settings);
    case 'postgresql':
      return new PostgresTarget(settings);
    case 'webhook':
      return new WebhookTarget(settings);
  }
}

/** The directory of a target's durable queue. */
export function queuePath(queueDir: string, id: TargetId): string {
  const [name, type] = id.split(':');
  return `${queueDir.replace(/\/+$/, '')}/portcullis-${type}-${name}`;
}

/** Why a target cannot be used as configured: connects to it. Undefined when it can, or when the sub-system is none of targets. */
export async function targetProblem(subSystem: string, name: string, keys: TargetKeys): Promise<string | undefined> {
  const type = Object.entries(TARGET_SUBSYSTEMS).find(([, own]) => own === subSystem)?.[0];
  if (type === undefined || !isTargetType(type)) return undefined;
  let target: EventTarget | undefined;
  try {
    const settings = readTargetSettings(type satisfies TargetType, name, keys);
    requireQueueDir(settings);
    target = openTarget(settings);
    await target.check();
    return undefined;
  } catch (error) {
    if (error instanceof TargetSettingsError) return error.message;
    if (error instanceof TargetError) {
      return isUnreachable(error.cause) ? `not connected to target server/service: ${error.message}` : error.message;
    }
    throw error;
  } finally {
    await target?.close();
  }
}

/** Nobody answered, whatever the reason. */
function isUnreachable(cause: unknown): boolean {
  if (cause instanceof AggregateError) return cause.errors.some(isUnreachable);
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^(?:E(?:CONN|HOST|NET|TIMEDOUT|NOTFOUND|AI_AGAIN|PIPE)|UND_ERR_(?:CONNECT|HEADERS|BODY|SOCKET))/.test(code);
}

function requireQueueDir({ queueDir }: TargetSettings): void {
  if (queueDir === '') return;
  try {
    makeDirectory(queueDir);
    accessSync(queueDir, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new TargetError(`queue_dir: ${reasonOf(cause)}`, { cause });
  }
}
