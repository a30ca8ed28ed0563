// Writing transactions that wait for the database at the same time are committed together: to commit costs more than most of them do.
// Each is a savepoint of its own, so that one that fails takes nothing with it, and nobody hears of success before the commit.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { VolumeError } from '../../volume.ts';
import { MetaConflict } from '../engine.ts';
import { asVolumeError, isBusy, type SqliteConnection } from './sqlite-connection.ts';
import { inTransaction, retryWhileBusy } from './sqlite-transactions.ts';

/** Transactions committed together, at most; and how long they may take before what else waits is left to the next commit. */
const MAX_TOGETHER = 64;
const MAX_TOGETHER_MS = 8;

interface Waiting {
  /** Does the work; what it answers tells of success. */
  readonly run: () => Promise<() => void>;
  readonly reject: (error: unknown) => void;
}

/** The failure of one ended the transaction of all. */
class TransactionLost extends Error {}

export class GroupedWrites {
  readonly #connection: SqliteConnection;
  #waiting: Waiting[] = [];

  constructor(connection: SqliteConnection) {
    this.#connection = connection;
  }

  /** Adds a transaction to those that wait; true when it is the first of them, so that `commit` is to be called. */
  add<T>(body: () => Promise<T>, resolve: (value: T) => void, reject: (error: unknown) => void): boolean {
    const run = async (): Promise<() => void> => {
      const value = await body();
      return () => resolve(value);
    };
    return this.#waiting.push({ run, reject }) === 1;
  }

  /** Runs what waits, and what comes to wait meanwhile. Nothing else may write until it is done; never rejects. */
  async commit(): Promise<void> {
    while (this.#waiting.length > 0) {
      // What arrived together with the first comes along.
      await nextTurn();
      const group = this.#waiting.slice(0, MAX_TOGETHER);
      const done = group.length > 1 ? await this.#together(group) : 0;
      // Alone what came first, when it could not be done with others: so something is done each time.
      const [first] = group;
      if (done === 0 && first !== undefined) await this.#alone(first);
      this.#waiting.splice(0, Math.max(done, 1));
    }
  }

  /** How many of them were done; 0 when the first must be done alone. */
  async #together(group: readonly Waiting[]): Promise<number> {
    let outcomes: (() => void)[] = [];
    const again: Waiting[] = [];
    try {
      await retryWhileBusy(() => {
        outcomes = [];
        again.length = 0;
        return inTransaction(this.#connection, 'BEGIN IMMEDIATE', async () => {
          const started = performance.now();
          for (const one of group) {
            if (outcomes.length > 0 && performance.now() - started > MAX_TOGETHER_MS) break;
            outcomes.push(await this.#saved(one, again));
          }
        });
      });
    } catch (error) {
      if (!(error instanceof VolumeError && error.code === 'EBUSY')) return 0;
      for (const one of group) one.reject(error);
      return group.length;
    }
    for (const tell of outcomes) tell();
    for (const one of again) await this.#alone(one);
    return outcomes.length;
  }

  /** Does one within the transaction of many; what it left undone goes to `again` if it is worth another try. */
  async #saved(one: Waiting, again: Waiting[]): Promise<() => void> {
    const { db } = this.#connection;
    db.exec('SAVEPOINT one');
    try {
      const tell = await one.run();
      db.exec('RELEASE one');
      return tell;
    } catch (error) {
      if (!db.isTransaction) throw new TransactionLost('a failure ended the transaction', { cause: error });
      db.exec('ROLLBACK TO one');
      db.exec('RELEASE one');
      if (!isBusy(error) && !(error instanceof MetaConflict)) return () => one.reject(asVolumeError(error));
      again.push(one);
      return () => undefined;
    }
  }

  async #alone(one: Waiting): Promise<void> {
    try {
      const tell = await retryWhileBusy(() => inTransaction(this.#connection, 'BEGIN IMMEDIATE', one.run));
      tell();
    } catch (error) {
      one.reject(error);
    }
  }
}
