// The engine over a transactional key-value store: transactions run again when what they rely on changed, reads when the store
// could not be reached. A store is a driver: etcd is one.
import { setTimeout as delay } from 'node:timers/promises';
import { CommitUnknownError, VolumeError } from '../../volume.ts';
import { MetaConflict, type MetaEngine, type MetaReader, type MetaTransaction } from '../engine.ts';
import { KvPathReader, PathHints } from './kv-path-reader.ts';
import type { KvStore } from './kv-store.ts';
import { KvSnapshot, KvTransaction } from './kv-transaction.ts';

/** Tries of a transaction before lasting conflicts are a fault; the number of the Go client. */
const MAX_TRIES = 50;
/** The wait before try n is up to n² milliseconds, at most this. */
const MAX_WAIT_MS = 400;
/** How long a store that cannot be reached is tried again before that is a fault. */
const MAX_UNREACHABLE_MS = 15_000;
/** Keys that the removal of one entry changes, at most. */
const KEYS_A_REMOVAL = 10;

export class KvEngine implements MetaEngine {
  readonly description: string;
  readonly removalBatch: number;
  readonly #store: KvStore;
  readonly #readOnly: boolean;
  readonly #hints = new PathHints();
  #commits: Promise<unknown> = Promise.resolve();

  constructor(store: KvStore, options: { readonly readOnly?: boolean }) {
    this.#store = store;
    this.description = store.description;
    this.removalBatch = Math.max(1, Math.floor(store.maxCommit / KEYS_A_REMOVAL));
    this.#readOnly = options.readOnly === true;
  }

  // Keys come with what is written to them.
  async prepareForWriting(): Promise<void> {}

  look<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.#again(() => body(new KvPathReader(this.#store, this.#hints)));
  }

  read<T>(body: (reader: MetaReader) => Promise<T>): Promise<T> {
    return this.#again(async () => {
      const snapshot = new KvSnapshot(this.#store);
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
      const transaction = new KvTransaction(this.#store);
      const result = await body(transaction);
      try {
        await this.#inTurn(() => transaction.commit());
      } catch (error) {
        if (this.#store.classify(error) !== 'unknown') throw error;
        throw new CommitUnknownError(`no answer to a commit in ${this.description}: ${reasonOf(error)}`, {
          cause: error,
        });
      }
      return result;
    });
  }

  /** One commit at a time: all of them add to the counters of usage, and would only fail each other. */
  #inTurn(commit: () => Promise<void>): Promise<void> {
    const turn = this.#commits.then(commit);
    // Whoever commits hears of the failure; the next only waits for the end.
    this.#commits = turn.catch(() => undefined);
    return turn;
  }

  clear(): Promise<void> {
    return this.#store.clear();
  }

  async close(): Promise<void> {
    this.#store.close();
  }

  /** Runs a body again while what fails may succeed later. */
  async #again<T>(body: () => Promise<T>): Promise<T> {
    let lostSince: number | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        return await body();
      } catch (error) {
        const conflict = error instanceof MetaConflict;
        const known = error instanceof VolumeError;
        // Reads are as good when they are done twice.
        const lost = !known && !conflict && this.#store.classify(error) !== 'other';
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
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
