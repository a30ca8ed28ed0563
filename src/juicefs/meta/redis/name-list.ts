// The names of a large directory in order, in one piece of memory: Redis has no order of its own, so one scan collects them
// and the pages of a listing are cut from that.

const INITIAL_BYTES = 1 << 16;
const INITIAL_NAMES = 1 << 10;

export class NameList {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #used = 0;
  /** Where each name begins; one more than there are names. */
  #starts = new Uint32Array(INITIAL_NAMES);
  #count = 0;
  #order: Uint32Array | undefined;

  get length(): number {
    return this.#order?.length ?? this.#count;
  }

  /** Memory it takes, in bytes. */
  get size(): number {
    return this.#bytes.length + this.#starts.byteLength + (this.#order?.byteLength ?? 0);
  }

  add(name: Uint8Array): void {
    if (this.#used + name.length > this.#bytes.length) {
      const more = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + name.length));
      this.#bytes.copy(more, 0, 0, this.#used);
      this.#bytes = more;
    }
    if (this.#count + 1 >= this.#starts.length) {
      const more = new Uint32Array(this.#starts.length * 2);
      more.set(this.#starts);
      this.#starts = more;
    }
    this.#bytes.set(name, this.#used);
    this.#used += name.length;
    this.#starts[++this.#count] = this.#used;
  }

  /** Puts the names in bytewise order, each once (a scan may give one twice). */
  sort(): void {
    const order = new Uint32Array(this.#count)
      .map((_, i) => i)
      .sort((a, b) => Buffer.compare(this.#raw(a), this.#raw(b)));
    let kept = 0;
    for (const index of order) {
      const last = kept === 0 ? undefined : order[kept - 1];
      if (last !== undefined && this.#raw(last).equals(this.#raw(index))) continue;
      order[kept++] = index;
    }
    this.#order = order.slice(0, kept);
  }

  /** The name at a place of the order. */
  at(place: number): Buffer | undefined {
    const index = this.#order?.[place];
    return index === undefined ? undefined : this.#raw(index);
  }

  /** The first place whose name is greater than this one, or not less with `orEqual`. */
  placeAfter(name: Uint8Array, orEqual: boolean): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const comparison = Buffer.compare(this.at(middle) ?? Buffer.of(), name);
      if (comparison < 0 || (comparison === 0 && !orEqual)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #raw(index: number): Buffer {
    return this.#bytes.subarray(this.#starts[index], this.#starts[index + 1]);
  }
}
