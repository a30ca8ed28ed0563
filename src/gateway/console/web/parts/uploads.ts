// The queue of uploads: some files at a time, large ones in parts, each of which can be paused, taken up again and tried again.
// Files are read from disk as they are sent, so that the page's memory does not grow with them.

import { ApiError, keepSession, messageOf, PAGE_HEADERS, readError } from '../api/request.ts';
import { abortUpload, finishUpload, objectUrl, startUpload } from '../api/s3.ts';

export type UploadState = 'waiting' | 'sending' | 'paused' | 'done' | 'failed';

export interface Upload {
  readonly id: number;
  readonly bucket: string;
  readonly key: string;
  readonly file: File;
  state: UploadState;
  sent: number; // bytes
  error: string | undefined;
  /** It failed because the gateway could not be reached: it goes on by itself when the network is back. */
  isCutOff: boolean;
}

/** Files sent at a time; parts of one file sent at a time. */
const FILES_AT_ONCE = 4;
const PARTS_AT_ONCE = 3;
/** Larger files go up in parts; a file has at most 10,000 of them. */
export const PART_BYTES = 16 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** Tries of one piece, and the wait after a failure, milliseconds. */
const TRIES = 4;
const RETRY_MS = 800;

interface Work {
  readonly upload: Upload;
  abort: AbortController;
  uploadId: string | undefined;
  readonly parts: Map<number, string>; // number → ETag
}

/** Figures of all uploads: how many in which state, and how far. */
export interface UploadSummary {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly paused: number;
  /** Waiting or being sent. */
  readonly active: number;
  readonly bytes: number;
  readonly sent: number;
}

export class UploadQueue extends EventTarget {
  readonly #work: Work[] = [];
  readonly #list: Upload[] = [];
  /** Index of the first that may be waiting; everything before is not. */
  #next = 0;
  #sending = 0;
  #id = 0;
  #isAnnounced = false;

  constructor() {
    super();
    addEventListener('online', () => this.resumeAll(({ state, isCutOff }) => state === 'failed' && isCutOff));
    // Leaving the page ends what is under way, which nobody wants by accident.
    addEventListener('beforeunload', (event) => {
      if (this.summary().active > 0) event.preventDefault();
    });
  }

  /** All of them, in the order in which they were added. */
  get uploads(): readonly Upload[] {
    return this.#list;
  }

  /** Figures of all, without making a list of them. */
  summary(): UploadSummary {
    const sum = { total: this.#work.length, done: 0, failed: 0, paused: 0, active: 0, bytes: 0, sent: 0 };
    for (const { upload } of this.#work) {
      sum.bytes += upload.file.size;
      sum.sent += upload.state === 'done' ? upload.file.size : upload.sent;
      if (upload.state === 'done') sum.done += 1;
      else if (upload.state === 'failed') sum.failed += 1;
      else if (upload.state === 'paused') sum.paused += 1;
      else sum.active += 1;
    }
    return sum;
  }

  add(bucket: string, files: Iterable<{ readonly key: string; readonly file: File }>): void {
    for (const { key, file } of files) {
      const upload: Upload = {
        id: ++this.#id,
        bucket,
        key,
        file,
        state: 'waiting',
        sent: 0,
        error: undefined,
        isCutOff: false,
      };
      this.#list.push(upload);
      this.#work.push({ upload, abort: new AbortController(), uploadId: undefined, parts: new Map() });
    }
    this.#advance();
  }

  pause(upload: Upload): void {
    if (upload.state !== 'waiting' && upload.state !== 'sending') return;
    upload.state = 'paused';
    this.#workOf(upload)?.abort.abort();
    this.#changed();
  }

  /** Goes on with what was paused or has failed, from the parts that are there already. */
  resume(upload: Upload): void {
    this.resumeAll((each) => each === upload);
  }

  /** Goes on with all of some that were paused or have failed. */
  resumeAll(isMeant: (upload: Upload) => boolean): void {
    this.#work.forEach((work, index) => {
      const { upload } = work;
      if ((upload.state !== 'paused' && upload.state !== 'failed') || !isMeant(upload)) return;
      work.abort = new AbortController();
      upload.state = 'waiting';
      upload.error = undefined;
      upload.isCutOff = false;
      this.#next = Math.min(this.#next, index);
    });
    this.#advance();
  }

  pauseAll(): void {
    for (const { upload, abort } of this.#work) {
      if (upload.state !== 'waiting' && upload.state !== 'sending') continue;
      upload.state = 'paused';
      abort.abort();
    }
    this.#changed();
  }

  /** Forgets an upload; parts that were sent are removed from the store. */
  cancel(upload: Upload): void {
    const work = this.#workOf(upload);
    if (work === undefined) return;
    work.abort.abort();
    this.#keep((each) => each !== work);
    if (work.uploadId !== undefined && upload.state !== 'done') {
      // What cannot be removed now is removed by the store's own clean-up.
      abortUpload(upload.bucket, upload.key, work.uploadId).catch(() => undefined);
    }
    this.#changed();
  }

  clearDone(): void {
    this.#keep(({ upload }) => upload.state !== 'done');
    this.#changed();
  }

  /** Stops and forgets everything: whoever sat here is gone. */
  clear(): void {
    for (const { abort } of this.#work) abort.abort();
    this.#keep(() => false);
    this.#changed();
  }

  #keep(isKept: (work: Work) => boolean): void {
    const rest = this.#work.filter(isKept);
    this.#work.length = 0;
    this.#list.length = 0;
    for (const work of rest) {
      this.#work.push(work);
      this.#list.push(work.upload);
    }
    this.#next = 0;
  }

  #workOf(upload: Upload): Work | undefined {
    return this.#work.find((work) => work.upload === upload);
  }

  #advance(): void {
    while (this.#sending < FILES_AT_ONCE) {
      while (this.#next < this.#work.length && this.#work[this.#next]?.upload.state !== 'waiting') this.#next += 1;
      const work = this.#work[this.#next];
      if (work === undefined) break;
      this.#sending += 1;
      work.upload.state = 'sending';
      this.#send(work).finally(() => {
        this.#sending -= 1;
        this.#advance();
      });
    }
    this.#changed();
  }

  async #send(work: Work): Promise<void> {
    const { upload, abort } = work;
    try {
      if (upload.file.size <= PART_BYTES) await this.#sendWhole(work);
      else await this.#sendPartsOf(work);
      upload.state = 'done';
      upload.sent = upload.file.size;
      this.dispatchEvent(new CustomEvent('uploaded', { detail: upload }));
    } catch (error) {
      if (abort.signal.aborted) return;
      upload.state = 'failed';
      upload.error = messageOf(error);
      upload.isCutOff = error instanceof ApiError && error.status === 0;
    } finally {
      this.#changed();
    }
  }

  async #sendWhole({ upload, abort }: Work): Promise<void> {
    const { bucket, key, file } = upload;
    await again(abort.signal, () =>
      put(objectUrl(bucket, key), file, {
        contentType: file.type,
        signal: abort.signal,
        onProgress: (sent) => {
          upload.sent = sent;
          this.#changed();
        },
      }),
    );
  }

  /** Begins anew, once, when the store has cleaned up what was there of an upload that lay for long. */
  async #sendPartsOf(work: Work): Promise<void> {
    const wasThere = work.uploadId !== undefined;
    try {
      await this.#sendParts(work);
    } catch (error) {
      if (!wasThere || !(error instanceof ApiError) || error.code !== 'NoSuchUpload') throw error;
      work.uploadId = undefined;
      work.parts.clear();
      await this.#sendParts(work);
    }
  }

  async #sendParts(work: Work): Promise<void> {
    const { upload, abort, parts } = work;
    const { bucket, key, file } = upload;
    // What one part cannot do stops the others: none of them goes on behind the back of whoever tries again.
    const failure = new AbortController();
    const signal = AbortSignal.any([abort.signal, failure.signal]);
    const size = Math.max(PART_BYTES, Math.ceil(file.size / MAX_PARTS));
    const count = Math.ceil(file.size / size);
    work.uploadId ??= await again(signal, () => startUpload(bucket, key, file.type));
    const uploadId = work.uploadId;
    const inFlight = new Map<number, number>();
    const report = (): void => {
      let sent = parts.size * size;
      for (const bytes of inFlight.values()) sent += bytes;
      upload.sent = Math.min(sent, file.size);
      this.#changed();
    };
    let next = 1;
    const lane = async (): Promise<void> => {
      for (let number = next++; number <= count; number = next++) {
        if (parts.has(number)) continue;
        const piece = file.slice((number - 1) * size, number * size);
        const etag = await again(signal, () =>
          put(objectUrl(bucket, key, { partNumber: String(number), uploadId }), piece, {
            contentType: '',
            signal,
            onProgress: (sent) => {
              inFlight.set(number, sent);
              report();
            },
          }),
        );
        inFlight.delete(number);
        parts.set(number, etag);
        report();
      }
    };
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, lane)).catch((error: unknown) => {
      failure.abort();
      throw error;
    });
    const list = [...parts].sort(([a], [b]) => a - b).map(([number, etag]) => ({ number, etag }));
    await again(signal, () => finishUpload(bucket, key, uploadId, list));
    work.uploadId = undefined;
  }

  /** At most one event a frame, however many pieces report. */
  #changed(): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    requestAnimationFrame(() => {
      this.#isAnnounced = false;
      this.dispatchEvent(new Event('change'));
    });
  }
}

/** Tries again what the network or an outage broke; what was refused stays refused. */
async function again<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      const mayPass = error instanceof ApiError && (error.status === 0 || error.status >= 500);
      if (!mayPass || attempt === TRIES || signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
    }
  }
}

interface PutOptions {
  readonly contentType: string;
  readonly signal: AbortSignal;
  readonly onProgress: (sent: number) => void;
}

/** Sends a body with its progress, which fetch does not tell; the ETag of what was stored. */
function put(url: string, body: Blob, { contentType, signal, onProgress }: PutOptions): Promise<string> {
  keepSession(url);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', url);
    for (const [name, value] of Object.entries(PAGE_HEADERS)) request.setRequestHeader(name, value);
    if (contentType !== '') request.setRequestHeader('content-type', contentType);
    const stop = (): void => request.abort();
    const finish = (): void => signal.removeEventListener('abort', stop);
    request.upload.onprogress = ({ loaded }) => onProgress(loaded);
    request.onload = () => {
      finish();
      if (request.status < 300) resolve(request.getResponseHeader('etag') ?? '');
      else reject(readError(request.status, request.responseText, request.getResponseHeader('x-amz-request-id') ?? ''));
    };
    request.onerror = () => {
      finish();
      reject(new ApiError(0, 'Unreachable', 'The gateway cannot be reached.'));
    };
    request.onabort = () => {
      finish();
      reject(new DOMException('stopped', 'AbortError'));
    };
    signal.addEventListener('abort', stop);
    request.send(body);
  });
}

/** The files of a drop, folders followed to their ends, each with its path. */
export async function* droppedFiles(items: DataTransferItemList): AsyncIterable<{ path: string; file: File }> {
  // The list is emptied when the event is over, so the entries are taken at once.
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  for (const entry of entries) yield* filesOf(entry, '');
}

async function* filesOf(entry: FileSystemEntry, parent: string): AsyncIterable<{ path: string; file: File }> {
  const path = `${parent}${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    yield { path, file };
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const each of some) yield* filesOf(each, `${path}/`);
  }
}
