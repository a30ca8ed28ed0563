// Many small changes of a volume that nobody uses yet, written in transactions of a few hundred.
import type { MetaEngine, MetaTransaction } from '../meta/engine.ts';

type SmallChange = (tx: MetaTransaction) => Promise<void>;

const BATCH = 500;

export class ChangeBatch {
  readonly #engine: MetaEngine;
  readonly #size: number;
  readonly #waiting: SmallChange[] = [];

  constructor(engine: MetaEngine) {
    this.#engine = engine;
    // Where a transaction takes few keys: a change here has at most three, the removal of an entry many more.
    this.#size = Math.min(BATCH, 2 * (engine.removalBatch ?? BATCH));
  }

  /** Written once enough have come together, or by `flush`. A change may be run more than once. */
  async add(change: SmallChange): Promise<void> {
    this.#waiting.push(change);
    if (this.#waiting.length >= this.#size) await this.flush();
  }

  async flush(): Promise<void> {
    const changes = this.#waiting.splice(0);
    if (changes.length === 0) return;
    await this.#engine.write(async (tx) => {
      for (const change of changes) await change(tx);
    });
  }
}
