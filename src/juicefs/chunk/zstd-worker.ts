// The thread that runs zstd's WebAssembly, so that a block of some 10 ms does not hold up requests. It starts with the first
// block, does one after the other, and never keeps the process alive.
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

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

export class ZstdWorker {
  readonly #level: number;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 0;

  constructor(level: number) {
    this.#level = level;
  }

  run({ task, bytes, size }: ZstdJob): Promise<Uint8Array> {
    const worker = this.#start();
    const id = this.#next++;
    // A copy of its own, as the thread takes the memory over.
    const copy = new Uint8Array(bytes);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, task, bytes: copy, size }, [copy.buffer]);
    });
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const module = createRequire(import.meta.url).resolve('@bokuweb/zstd-wasm');
    const worker = new Worker(PROGRAM, { eval: true, workerData: { module, level: this.#level } });
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
