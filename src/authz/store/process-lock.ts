// Work that is done one after the other.

/** Keeps others from changing something meanwhile. */
export interface StoreLock {
  hold<T>(work: () => Promise<T>): Promise<T>;
}

/** Keeps the other changes of this process out, in the order in which they came. */
export class ProcessLock implements StoreLock {
  #tail: Promise<unknown> = Promise.resolve();

  hold<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work);
    this.#tail = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }
}
