// Destroys a volume: every object under its name, then everything in its database. The database goes last, so that a destruction
// that broke off can be taken up again.
import { openVolumeStore } from '../format/volume-store.ts';
import type { MetaEngine } from '../meta/engine.ts';
import { ObjectRefusedError, type ObjectStore, unfinishedIn } from '../storage/object-store.ts';
import { VolumeOpenError } from '../volume-error.ts';
import { type AdminOptions, withVolume } from './administer.ts';

export interface DestroyOptions extends AdminOptions {
  /** Look at no sessions, ask nothing, and go on where the bucket is gone. */
  readonly force?: boolean;
  /** Told what will be destroyed; false gives up. */
  readonly confirm: (what: DestroyedVolume) => Promise<boolean>;
}

export interface DestroyedVolume {
  readonly name: string;
  readonly uuid: string;
  readonly storage: string;
  readonly database: string;
  readonly usedBytes: number;
  readonly usedInodes: number;
}

const DELETES = 8;

const refuse = (message: string): never => {
  throw new VolumeOpenError('FormatRefused', message);
};

/** Destroys the volume of this UUID; the number of objects deleted. FormatRefused, with nothing done, when it may not be. */
export function destroyVolume(metaUrl: string, uuid: string, options: DestroyOptions): Promise<number> {
  return withVolume(metaUrl, options, async (engine, format) => {
    if (uuid !== format.uuid) refuse(`UUID ${JSON.stringify(uuid)} != expected ${JSON.stringify(format.uuid)}`);
    const objects = openVolumeStore(format, { environment: options.environment });
    try {
      if (options.force !== true) {
        await refuseSessions(engine);
        const [usedBytes, usedInodes] = await engine.look(async (reader) =>
          Promise.all([reader.counter('usedSpace'), reader.counter('totalInodes')]),
        );
        const storage = `${objects.description}${format.name}/`;
        const what = { name: format.name, uuid, storage, database: engine.description, usedBytes, usedInodes };
        if (!(await options.confirm(what))) refuse('aborted; nothing was destroyed');
      }
      const deleted = await deleteAll(objects, `${format.name}/`, options);
      await engine.clear();
      return deleted;
    } finally {
      await objects.close();
    }
  });
}

async function refuseSessions(engine: MetaEngine): Promise<void> {
  const now = Date.now() / 1000;
  const sessions = (await engine.look(async (reader) => reader.sessions())).filter(({ expire }) => expire > now);
  if (sessions.length === 0) return;
  const ids = sessions.map(({ id }) => id).join(', ');
  refuse(`${sessions.length} sessions are active, please disconnect them first: ${ids} (\`status\` shows them)`);
}

/** Deletes all objects of a prefix, a few at a time. */
async function deleteAll(objects: ObjectStore, prefix: string, options: DestroyOptions): Promise<number> {
  let deleted = 0;
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    for await (const remove of removals(objects, prefix)) {
      while (running.size >= DELETES) await Promise.race(running);
      if (failures.length > 0) break;
      const one: Promise<void> = remove()
        .then(() => {
          deleted += 1;
          options.onProgress?.('deleted objects', deleted);
        })
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => running.delete(one));
      running.add(one);
    }
  } catch (error) {
    const gone = error instanceof ObjectRefusedError && error.code === 'NoSuchBucket';
    if (!gone || options.force !== true) throw error;
    options.log.warn('the bucket is gone; there are no objects to delete', { storage: objects.description });
  }
  await Promise.all(running);
  if (failures.length > 0) {
    throw new VolumeOpenError(
      'StorageUnusable',
      `an object of ${objects.description} cannot be deleted; run it again`,
      {
        cause: failures[0],
      },
    );
  }
  return deleted;
}

/** How to remove each object of a prefix, and what killed writers left there. */
async function* removals(objects: ObjectStore, prefix: string): AsyncGenerator<() => Promise<void>> {
  for await (const { key } of objects.list(prefix)) yield () => objects.delete(key);
  for await (const part of unfinishedIn(objects, prefix)) yield () => part.remove();
}
