// One walk over the files that records are kept in: what is there is listed, and what is not as it was is read, many files at a time.
import { createHash } from 'node:crypto';
import { type Attributes, type FileReader, type Volume, VolumeError, type VolumePath } from '../../juicefs/volume.ts';
import type { BucketRecord, ServerDocument, Unreadable } from './iam-store.ts';

import { type BucketExtras, parseBucketExtras, parseBucketMetadata } from './record-parsers.ts';
import { isUnreadableFile, readWhole, textOf, type VolumeDecryptor } from './volume-files.ts';
import { BUCKET_EXTRAS, BUCKETS, type FileTable, METADATA_FILE, PLACES, SERVER_DIRECTORIES } from './volume-layout.ts';

/** Files opened in one go, and directories looked into. */
const BATCH = 500;
/** Of those, read at once. */
const CONCURRENCY = 64;

export type VolumeOfWalk = Pick<Volume, 'list' | 'stat' | 'openInodes' | 'childrenNamed'>;

/** A file as it was when it was read. */
export interface ReadFile {
  readonly stamp: string;
  readonly record: unknown;
}

/** A file that holds a record, as it is now. */
interface FoundFile {
  /** What the record is of. */
  readonly name: string;
  readonly path: VolumePath;
  readonly attributes: Attributes;
}

type Parse<T> = (bytes: Uint8Array | Unreadable, path: VolumePath, attributes: Attributes) => T | Promise<T>;

export class RecordWalk {
  /** Every file that holds a record, by its path. */
  readonly seen = new Map<string, ReadFile>();
  readonly #volume: VolumeOfWalk;
  readonly #before: ReadonlyMap<string, ReadFile>;
  readonly #decrypt: VolumeDecryptor | undefined;
  readonly #signal: AbortSignal | undefined;

  /** `before`: what an earlier walk has seen. */
  constructor(
    volume: VolumeOfWalk,
    before: ReadonlyMap<string, ReadFile>,
    decrypt: VolumeDecryptor | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#volume = volume;
    this.#before = before;
    this.#decrypt = decrypt;
    this.#signal = signal;
  }

  /** The records of a table. */
  async records<T>(table: FileTable, parse: (text: string) => T | Unreadable): Promise<Map<string, T | Unreadable>> {
    const { directory, file } = PLACES[table];
    return file === undefined
      ? this.#read(this.#jsonFiles(directory), this.#parsed(parse))
      : this.#read(this.#filesNamed(directory, file), this.#parsed(parse));
  }

  buckets(): Promise<Map<string, BucketRecord | Unreadable>> {
    return this.#read<BucketRecord | Unreadable>(this.#filesNamed(BUCKETS, METADATA_FILE), (bytes) =>
      isUnreadableFile(bytes) ? bytes : parseBucketMetadata(bytes),
    );
  }

  bucketExtras(): Promise<Map<string, BucketExtras | Unreadable>> {
    return this.#read(this.#jsonFiles(BUCKET_EXTRAS), this.#parsed(parseBucketExtras));
  }

  async serverDocuments(): Promise<Map<string, ServerDocument | Unreadable>> {
    const found = new Map<string, ServerDocument | Unreadable>();
    for (const { directory, nameOf } of SERVER_DIRECTORIES) {
      const documents = await this.#read(
        this.#files(directory, nameOf),
        this.#parsed((text, { mtimeNs }) => ({ text, modifiedMs: Number(mtimeNs / 1_000_000n) })),
      );
      for (const [name, document] of documents) found.set(name, document);
    }
    return found;
  }

  /** Identifies the files that were seen, by path, inode, time and size. */
  revision(): string {
    const hash = createHash('sha256');
    for (const [path, { stamp }] of [...this.seen].sort(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(`${path}\0${stamp}\n`);
    return hash.digest('hex').slice(0, 16);
  }

  #jsonFiles(directory: VolumePath): AsyncIterable<FoundFile[]> {
    return this.#files(directory, (file) => (file.endsWith('.json') ? file.slice(0, -'.json'.length) : undefined));
  }

  /** The files of a directory that `nameOf` has a name for. */
  async *#files(
    directory: VolumePath,
    nameOf: (file: string) => string | undefined,
  ): AsyncGenerator<FoundFile[], undefined> {
    let batch: FoundFile[] = [];
    for await (const { name: file, attributes } of this.#list(directory)) {
      const name = attributes.type === 'file' ? nameOf(file) : undefined;
      if (name === undefined) continue;
      batch.push({ name, path: [...directory, file], attributes });
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    yield batch;
  }

  /** The file of that name in each directory of a directory. */
  async *#filesNamed(directory: VolumePath, file: string): AsyncGenerator<FoundFile[], undefined> {
    let batch: { name: string; inode: bigint }[] = [];
    for await (const { name, attributes } of this.#list(directory)) {
      if (attributes.type !== 'directory') continue;
      batch.push({ name, inode: attributes.inode });
      if (batch.length < BATCH) continue;
      yield this.#in(directory, batch, file);
      batch = [];
    }
    yield this.#in(directory, batch, file);
  }

  async #in(
    directory: VolumePath,
    within: readonly { readonly name: string; readonly inode: bigint }[],
    file: string,
  ): Promise<FoundFile[]> {
    const children = await this.#volume.childrenNamed(
      within.map(({ inode }) => inode),
      file,
    );
    const found: FoundFile[] = [];
    for (const [at, { name }] of within.entries()) {
      const path = [...directory, name, file];
      const child = children[at];
      const attributes = child?.type === 'symlink' ? await this.#follow(path) : child;
      if (attributes?.type === 'file') found.push({ name, path, attributes });
    }
    return found;
  }

  /** Undefined when the link leads nowhere. */
  async #follow(path: VolumePath): Promise<Attributes | undefined> {
    try {
      return await this.#volume.stat(path);
    } catch (error) {
      if (error instanceof VolumeError && (error.code === 'ENOENT' || error.code === 'ELOOP')) return undefined;
      throw error;
    }
  }

  /** A directory that is not there is empty. */
  async *#list(directory: VolumePath): AsyncIterable<{ name: string; attributes: Attributes }> {
    try {
      yield* this.#volume.list(directory);
    } catch (error) {
      if (!(error instanceof VolumeError) || error.code !== 'ENOENT') throw error;
    }
  }

  #parsed<T>(parse: (text: string, attributes: Attributes) => T | Unreadable): Parse<T | Unreadable> {
    return async (bytes, path, attributes) => {
      const text = await textOf(path, bytes, this.#decrypt);
      return typeof text === 'string' ? parse(text, attributes) : text;
    };
  }

  /** The records of files, in their order. */
  async #read<T>(files: AsyncIterable<FoundFile[]>, parse: Parse<T>): Promise<Map<string, T>> {
    const records = new Map<string, T>();
    for await (const batch of files) {
      this.#signal?.throwIfAborted();
      const read = await this.#readChanged(
        batch.filter((file) => this.#unchanged(file) === undefined),
        parse,
      );
      for (const file of batch) {
        // one that went meanwhile is none
        const current = this.#unchanged(file) ?? read.get(file);
        if (current === undefined) continue;
        this.seen.set(file.path.join('/'), current);
        records.set(file.name, current.record as T);
      }
    }
    return records;
  }

  /** What is known of a file, if it is still that file. */
  #unchanged({ path, attributes }: FoundFile): ReadFile | undefined {
    const before = this.#before.get(path.join('/'));
    return before?.stamp === stampOf(attributes) ? before : undefined;
  }

  async #readChanged<T>(files: readonly FoundFile[], parse: Parse<T>): Promise<Map<FoundFile, ReadFile>> {
    const read = new Map<FoundFile, ReadFile>();
    if (files.length === 0) return read;
    const readers = await this.#volume.openInodes(files.map(({ attributes }) => attributes.inode));
    let next = 0;
    const worker = async (): Promise<void> => {
      for (;;) {
        const at = next++;
        const [file, reader] = [files[at], readers[at]];
        if (file === undefined) return;
        if (reader !== undefined) read.set(file, await this.#readOne(file, reader, parse));
      }
    };
    try {
      await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    } finally {
      for (const reader of readers) await reader?.close();
    }
    return read;
  }

  async #readOne<T>({ path }: FoundFile, reader: FileReader, parse: Parse<T>): Promise<ReadFile> {
    const { attributes } = reader;
    const bytes = await readWhole(reader, this.#signal);
    // What could not be read is tried again, the same file though it be.
    const stamp = isUnreadableFile(bytes) ? '' : stampOf(attributes);
    return { stamp, record: await parse(bytes, path, attributes) };
  }
}

function stampOf(attributes: Attributes): string {
  return `${attributes.inode}:${attributes.mtimeNs}:${attributes.size}`;
}
