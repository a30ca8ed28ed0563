// The places where audit lines are kept: a file that is rotated, standard output, a webhook.
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { LineWriter } from './buffered-sink.ts';

export interface RotationOptions {
  /** A file that would grow beyond it is put aside, as FILE.1, and the older ones one further. */
  readonly maxBytes: number;
  /** Files put aside that are kept. */
  readonly keep: number;
}

export const DEFAULT_ROTATION: RotationOptions = { maxBytes: 100 * 1024 * 1024, keep: 10 };

/** Appends to a file, made 0600. */
export class RotatedFileWriter implements LineWriter {
  readonly #path: string;
  readonly #rotation: RotationOptions;
  #file: FileHandle | undefined;
  #size = 0;

  private constructor(path: string, rotation: RotationOptions) {
    this.#path = path;
    this.#rotation = rotation;
  }

  /** Throws what opening the file throws. */
  static async open(path: string, rotation: RotationOptions = DEFAULT_ROTATION): Promise<RotatedFileWriter> {
    const writer = new RotatedFileWriter(path, rotation);
    await writer.#open();
    return writer;
  }

  async write(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(lines.join(''));
    if (this.#size > 0 && this.#size + bytes.length > this.#rotation.maxBytes) await this.#rotate();
    const file = this.#file ?? (await this.#open());
    try {
      await file.appendFile(bytes);
      this.#size += bytes.length;
    } catch (error) {
      // The next attempt opens it anew: the disk may have been replaced.
      await this.#closeFile();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#closeFile();
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.#path, 'a', 0o600);
    this.#file = file;
    this.#size = (await file.stat()).size;
    return file;
  }

  async #rotate(): Promise<void> {
    await this.#closeFile();
    const { keep } = this.#rotation;
    await rm(`${this.#path}.${keep}`, { force: true });
    for (let number = keep - 1; number >= 1; number--) {
      await moveIfThere(`${this.#path}.${number}`, `${this.#path}.${number + 1}`);
    }
    if (keep > 0) await moveIfThere(this.#path, `${this.#path}.1`);
    else await rm(this.#path, { force: true });
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#size = 0;
    await file?.close();
  }
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

/** Standard output, shared with whatever else is written there. */
export class StandardOutputWriter implements LineWriter {
  write(lines: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(lines.join(''), (error) => (error ? reject(error) : resolve()));
    });
  }

  async close(): Promise<void> {}
}

/** Longest wait for a webhook. */
export const WEBHOOK_TIMEOUT_MS = 5_000;

/** Posts lines as `application/x-ndjson`; any status below 300 keeps them. */
export class WebhookWriter implements LineWriter {
  readonly #url: URL;
  readonly #token: string | undefined;

  /** @param token shown as a bearer token */
  constructor(url: URL, token: string | undefined) {
    this.#url = url;
    this.#token = token;
  }

  async write(lines: readonly string[]): Promise<void> {
    const response = await fetch(this.#url, {
      method: 'POST',
      body: lines.join(''),
      redirect: 'error',
      headers: {
        'content-type': 'application/x-ndjson',
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the webhook answered ${response.status}`);
  }

  async close(): Promise<void> {}
}
