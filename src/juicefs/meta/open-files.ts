// Which inodes this process holds open for reading, and which of them lost their last link meanwhile.

/** A file is being looked for, to be opened. */
export interface Opening {
  /** Registers a reader of the inode that was found; false, and no reader, when it was removed here since the opening began. */
  add(inode: bigint): boolean;
  /** The opening is over, whatever came of it. */
  end(): void;
}

export class OpenFiles {
  readonly #counts = new Map<bigint, number>();
  /** What was removed since each opening that is under way began. */
  readonly #openings = new Set<Set<bigint>>();
  readonly #waiting = new Map<bigint, (() => void)[]>();

  /** Registers a reader; to be done before the file's slices are read. */
  add(inode: bigint): void {
    this.#counts.set(inode, (this.#counts.get(inode) ?? 0) + 1);
  }

  /** Begins to open a file whose inode is not known yet. */
  begin(): Opening {
    const removed = new Set<bigint>();
    this.#openings.add(removed);
    return {
      add: (inode) => {
        if (removed.has(inode)) return false;
        this.add(inode);
        return true;
      },
      end: () => this.#openings.delete(removed),
    };
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
    for (const removed of this.#openings) removed.add(inode);
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
