// Numbers events in the order in which they come: the time in nanoseconds, and always greater than the last.

export class Sequencer {
  #last = 0n;

  /** The next number, as records write it. */
  next(time: Date): string {
    const now = BigInt(time.getTime()) * 1_000_000n;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last.toString(16).toUpperCase();
  }

  /** Numbers from now on are greater than one that was given before, perhaps by a process with another clock. */
  follow(sequencer: string): void {
    if (!/^[0-9A-F]{1,16}$/.test(sequencer)) return;
    const before = BigInt(`0x${sequencer}`);
    if (before > this.#last) this.#last = before;
  }
}
