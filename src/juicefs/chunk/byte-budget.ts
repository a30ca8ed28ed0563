// A total of bytes that many tasks share, and a number of tasks at a time. First come, first served.

interface Waiter {
  readonly amount: number;
  readonly grant: () => void;
}

/** Counts what is in use of a fixed total. */
export class Budget {
  readonly #total: number;
  #used = 0;
  readonly #waiters: Waiter[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  /** Waits until the amount fits, and takes it. More than the total counts as the total, so that nothing waits for ever. */
  async acquire(amount: number): Promise<void> {
    const wanted = Math.min(amount, this.#total);
    if (this.#waiters.length === 0 && this.#used + wanted <= this.#total) {
      this.#used += wanted;
      return;
    }
    await new Promise<void>((grant) => {
      this.#waiters.push({ amount: wanted, grant });
    });
  }

  /** Takes the amount if it fits now, and leaves that much of the total to others. */
  tryAcquire(amount: number, leaving = 0): boolean {
    if (this.#waiters.length > 0 || this.#used + amount > this.#total - leaving) return false;
    this.#used += amount;
    return true;
  }

  release(amount: number): void {
    this.#used -= Math.min(amount, this.#total);
    for (let next = this.#waiters[0]; next !== undefined; next = this.#waiters[0]) {
      if (this.#used + next.amount > this.#total) return;
      this.#waiters.shift();
      this.#used += next.amount;
      next.grant();
    }
  }
}
