// The engine over Redis: transactions that are checked when they commit and run again when something changed under them, and
// reads that run again when a server went away.
import { setTimeout as delay } from 'node:timers/promises';
import { CommitUnknownError, VolumeError } from '../../volume.ts';
import { VolumeOpenError } from '../../volume-error.ts';
import { MetaConflict, type MetaEngine, type MetaReader, type MetaTransaction } from '../engine.ts';
import { parseRedisUrl } from './redis-address.ts';
import { ConnectionLost, RedisConnection, TryAgain } from './redis-connection.ts';
import { RedisKeys, VOLUME_KEY } from './redis-keys.ts';
import { RedisListing } from './redis-listing.ts';
import { RedisReader, type RedisVolume } from './redis-reader.ts';
import { asArray, asBuffer } from './redis-reply.ts';
import { RedisSnapshot, RedisTransaction } from './redis-transaction.ts';

/** Tries of a transaction before lasting conflicts are a fault; the number of the Go client. */
const MAX_TRIES = 50;
/** The wait before try n is up to n² milliseconds, at most this. */
const MAX_WAIT_MS = 400;
/** How long a server that cannot be reached, or is not ready, is tried again before that is a fault. A failover fits in. */
const MAX_UNREACHABLE_MS = 15_000;

export interface RedisSecrets {
  /** For an address without a password. */
  readonly password: string | undefined;
  readonly sentinelPassword: string | undefined;
}

/** Opens the engine of a `redis://`, `rediss://` or `unix://` URL. */
export async function openRedis(
  url: string,
  secrets: RedisSecrets,
  options: { readonly readOnly?: boolean },
): Promise<MetaEngine> {
  const parsed = parseRedisUrl(url);
  const address = { ...parsed, password: parsed.password ?? secrets.password };
  const connection = new RedisConnection(address, secrets.sentinelPassword);
  try {
    await connection.open();
  } catch (cause) {
    connection.close();
    const message = `cannot use the database ${address.description}: ${reasonOf(cause)}`;
    throw new VolumeOpenError('DatabaseUnreachable', message, { cause });
  }
  return new RedisEngine(connection, address.description, options.readOnly === true);
}

class RedisEngine implements MetaEngine {
  readonly description: string;
  readonly #volume: RedisVolume;
  readonly #readOnly: boolean;

  constructor(connection: RedisConnection, description: string, readOnly: boolean) {
    this.description = description;
    this.#readOnly = readOnly;
    this.#volume = { connection, keys: new RedisKeys(connection.prefix), listing: new RedisListing() };
  }

  // Keys come with what is written to them.
  async prepareForWriting(): Promise<void> {}

  look<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.#again(() => body(new RedisReader(this.#volume)));
  }

  read<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.#again(async () => {
      const snapshot = new RedisSnapshot(this.#volume);
      const result = await body(snapshot);
      await snapshot.commit();
      return result;
    });
  }

  // A state would have to be proven by comparing all that was read.
  survey<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.look(body);
  }

  write<T>(body: (tx: MetaTransaction) => Promise<T>): Promise<T> {
    if (this.#readOnly) throw new VolumeError('EROFS', 'the volume is open for reading only');
    return this.#again(async () => {
      const transaction = new RedisTransaction(this.#volume);
      const result = await body(transaction);
      try {
        await transaction.commit();
      } catch (error) {
        if (!(error instanceof ConnectionLost) || !error.sent) throw error;
        throw new CommitUnknownError(`the connection to Redis was lost during a commit: ${error.message}`, {
          cause: error,
        });
      }
      return result;
    });
  }

  async clear(): Promise<void> {
    const { connection, keys } = this.#volume;
    const match = `${keys.prefix.replaceAll(/[[\]*?\\]/g, '\\$&')}*`;
    for (let cursor = '0', done = false; !done; done = cursor === '0') {
      const [next, page] = asArray(await connection.call('SCAN', cursor, 'MATCH', match, 'COUNT', 1000));
      cursor = String(next);
      const found = asArray(page).map(asBuffer);
      const ours = found.filter((key) => VOLUME_KEY.test(key.toString('latin1').slice(keys.prefix.length)));
      if (ours.length > 0) await connection.call('DEL', ...ours);
    }
  }

  async close(): Promise<void> {
    this.#volume.connection.close();
  }

  /** Runs a body again while what fails may succeed later. */
  async #again<T>(body: () => Promise<T>): Promise<T> {
    let lostSince: number | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await body();
      } catch (error) {
        const conflict = error instanceof MetaConflict;
        const lost = error instanceof ConnectionLost || error instanceof TryAgain;
        if (!conflict && !lost) throw error;
        if (lost) lostSince ??= Date.now();
        else lostSince = undefined;
        if (conflict && attempt >= MAX_TRIES) {
          const message = `other clients were in the way through ${attempt} tries: ${error.message}`;
          throw new VolumeError('EBUSY', message, { cause: error });
        }
        if (lostSince !== undefined && Date.now() - lostSince >= MAX_UNREACHABLE_MS) {
          const message = `the database ${this.description} is not reachable: ${reasonOf(error)}`;
          throw new VolumeError('EIO', message, { cause: error });
        }
      }
      await delay(Math.min(attempt * attempt, MAX_WAIT_MS) * Math.random());
    }
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^EIO: /, '').replaceAll(/\s*\n\s*/g, ' ');
}
