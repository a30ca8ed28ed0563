// The thread that runs zstd's WebAssembly, so that a block of some 10 ms does not hold up requests. It starts with the first
// block, does one after the other, and never keeps the process alive.
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { Budget } from './byte-budget.ts';

export interface ZstdJob {
  readonly task: 'compress' | 'decompress';
  readonly bytes: Uint8Array;
  /** Bytes before compression. */
  readonly size: number;
}

interface Answer {
  readonly id: number;
  readonly bytes?: Uint8Array;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** What the thread runs; plain JavaScript, as it is started from text wherever this file was bundled to. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const zstd = require(workerData.module);
const ready = zstd.init();
parentPort.on('message', async ({ id, task, bytes, size }) => {
  try {
    await ready;
    const result = task === 'compress'
      ? zstd.compress(bytes, workerData.level)
      : zstd.decompress(bytes, { defaultHeapSize: Math.max(size, 1) });
    parentPort.postMessage({ id, bytes: result }, [result.buffer]);
  } catch (error) {
    parentPort.postMessage({ id, error: String(error && error.message || error) });
  }
});
`;

/** Blocks handed to the thread at a time: the one it works on, and the next. Others wait without a copy of theirs. */
const MAX_HANDED_OVER = 2;
/** The thread itself holds little; blocks and WebAssembly's memory are outside this. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

export class ZstdWorker {
  readonly #handedOver = new Budget(MAX_HANDED_OVER);
  readonly #slots: Uint8Array[] = [];
  readonly #level: number;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 0;

  constructor(level: number) {
    this.#level = level;
  }

  async run(job: ZstdJob): Promise<Uint8Array> {
    await this.#handedOver.acquire(1);
    try {
      return await this.#handOver(job);
    } finally {
      this.#handedOver.release(1);
    }
  }

  async #handOver({ task, bytes, size }: ZstdJob): Promise<Uint8Array> {
    const worker = this.#start();
    const id = this.#next++;
    // Handed over in memory that both sides see and that is used again: a copy for each block would pile up until collected.
    const slot = this.#takeSlot(bytes.length);
    slot.set(bytes);
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, task, bytes: slot.subarray(0, bytes.length), size });
      });
    } finally {
      this.#slots.push(slot);
    }
  }

  #takeSlot(bytes: number): Uint8Array {
    const slot = this.#slots.pop();
    return slot !== undefined && slot.length >= bytes ? slot : new Uint8Array(new SharedArrayBuffer(bytes));
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const module = createRequire(import.meta.url).resolve('@bokuweb/zstd-wasm');
    const worker = new Worker(PROGRAM, {
      eval: true,
      workerData: { module, level: this.#level },
      resourceLimits: RESOURCE_LIMITS,
    });
    worker.unref();
    worker.on('message', ({ id, bytes, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
      if (bytes !== undefined) waiting?.resolve(bytes);
      else waiting?.reject(new Error(`zstd failed: ${error ?? 'without a reason'}`));
    });
    const end = (reason: Error): void => {
      // The next block starts another thread.
      if (this.#worker === worker) this.#worker = undefined;
      const left = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of left) reject(reason);
    };
    worker.on('error', (cause) => end(new Error('the zstd thread failed', { cause })));
    worker.on('exit', (code) => end(new Error(`the zstd thread ended with code ${code}`)));
    this.#worker = worker;
    return worker;
  }
}
