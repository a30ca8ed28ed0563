// A transaction on a SQLite connection, and trying again while another process holds the database.
import { setTimeout as delay } from 'node:timers/promises';
import { VolumeError } from '../../volume.ts';
import { MetaConflict } from '../engine.ts';
import { asVolumeError, isBusy, type SqliteConnection } from './sqlite-connection.ts';

/** Tries of a transaction before a busy database is a fault; the number of the Go client. */
const MAX_TRIES = 50;
/** The wait before try n is about n² milliseconds, at most this. */
const MAX_WAIT_MS = 400;

/** Runs a body between `begin` and a commit; what it throws undoes it. */
export async function inTransaction<T>(
  connection: SqliteConnection,
  begin: string,
  body: () => Promise<T>,
): Promise<T> {
  connection.db.exec(begin);
  try {
    const result = await body();
    connection.db.exec('COMMIT');
    return result;
  } catch (error) {
    if (connection.db.isTransaction) connection.db.exec('ROLLBACK');
    throw error;
  }
}

/** Runs a body again while the database is busy or what it read has changed. */
export async function retryWhileBusy<T>(body: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await body();
    } catch (error) {
      if (!isBusy(error) && !(error instanceof MetaConflict)) throw asVolumeError(error);
      if (attempt >= MAX_TRIES) {
        throw new VolumeError('EBUSY', `the database was locked by others through ${attempt} tries`, { cause: error });
      }
    }
    await delay(Math.min(attempt * attempt, MAX_WAIT_MS) * (0.5 + Math.random()));
  }
}
