// Which inodes this process holds open for reading, and which of them lost their last link meanwhile.

export class OpenFiles {
  readonly #counts = new Map<bigint, number>();
  readonly #waiting = new Map<bigint, (() => void)[]>();

  /** Registers a reader; to be done before the file's slices are read. */
  add(inode: bigint): void {
    this.#counts.set(inode, (this.#counts.get(inode) ?? 0) + 1);
  }

  /** The reader is done; runs what waited for the last one. */
  remove(inode: bigint): void {
    const count = (this.#counts.get(inode) ?? 0) - 1;
    if (count > 0) {
      this.#counts.set(inode, count);
      return;
    }
    this.#counts.delete(inode);
    const actions = this.#waiting.get(inode) ?? [];
    this.#waiting.delete(inode);
    for (const action of actions) action();
  }

  has(inode: bigint): boolean {
    return this.#counts.has(inode);
  }

  /** Runs an action once nobody here holds the inode open: at once, or at the last `remove`. */
  whenClosed(inode: bigint, action: () => void): void {
    if (!this.has(inode)) action();
    else this.#waiting.set(inode, [...(this.#waiting.get(inode) ?? []), action]);
  }

  /** Runs everything that still waits: the process is about to end. */
  closeAll(): void {
    const actions = [...this.#waiting.values()].flat();
    this.#counts.clear();
    this.#waiting.clear();
    for (const action of actions) action();
  }
}
