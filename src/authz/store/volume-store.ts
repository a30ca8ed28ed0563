// The store that `juicefs gateway` uses: plain files in the volume under /.minio.sys (IAM-LAYOUT). Files are read again only when
// their inode, time or size changed, so that a refresh costs little more than looking.
import { createHash } from 'node:crypto';
import { type Attributes, type Volume, VolumeError, type VolumePath } from '../../juicefs/volume.ts';
import type {
  BucketRecord,
  GroupRecord,
  IamRecords,
  IamStore,
  IdentityRecord,
  ServerDocument,
  StoreUsage,
  Unreadable,
} from './iam-store.ts';
import type { FileDecryptor } from './kms-file.ts';
import {
  type BucketExtras,
  parseBucketExtras,
  parseBucketMetadata,
  parseGroup,
  parseIdentity,
  parseMapping,
  withExtras,
} from './record-parsers.ts';
import { isUnreadableFile, readWhole, textOf } from './volume-files.ts';
import { BUCKET_EXTRAS, BUCKETS, bucketPath, type FileTable, PLACES, SERVER_DIRECTORIES } from './volume-layout.ts';

/** Files looked at at once. */
const CONCURRENCY = 64;

type VolumeOfStore = Pick<Volume, 'stat' | 'list' | 'open' | 'usage' | 'close' | 'name' | 'uuid'>;

interface CachedFile {
  readonly stamp: string;
  readonly record: unknown;
}

/** A bucket of two files; the same object while neither changed. */
interface Combined {
  readonly metadata: unknown;
  readonly extras: unknown;
  readonly record: BucketRecord | Unreadable;
}

export class VolumeIamStore implements IamStore {
  readonly name: string;
  readonly #volume: VolumeOfStore;
  readonly #decrypt: FileDecryptor | undefined;
  #cache = new Map<string, CachedFile>();
  #combined = new Map<string, Combined>();
  #last: IamRecords | undefined;

  /** Owns the volume from now on. `decrypt` reads files under /config of a volume with a KMS key. */
  constructor(volume: VolumeOfStore, decrypt?: FileDecryptor) {
    this.name = `volume ${volume.name}`;
    this.#volume = volume;
    this.#decrypt = decrypt;
  }

  async load(signal?: AbortSignal): Promise<IamRecords> {
    const pass = new Pass(this.#volume, this.#cache, this.#decrypt, signal);
    const records = {
      users: await pass.records<IdentityRecord>('users', parseIdentity),
      serviceAccounts: await pass.records<IdentityRecord>('serviceAccounts', parseIdentity),
      sessions: await pass.records<IdentityRecord>('sessions', parseIdentity),
      groups: await pass.records<GroupRecord>('groups', parseGroup),
      policies: await pass.records<string>('policies', (text) => text),
      userPolicies: await pass.records<readonly string[]>('userPolicies', parseMapping),
      groupPolicies: await pass.records<readonly string[]>('groupPolicies', parseMapping),
      buckets: this.#combine(await pass.buckets(), await pass.bucketExtras()),
      server: await pass.serverDocuments(),
    };
    this.#cache = pass.seen;
    const revision = pass.revision();
    if (this.#last?.revision !== revision) this.#last = { revision, ...records };
    return this.#last;
  }

  /** The volume's engine tells nobody; changes of others are seen at the next load. */
  watch(): () => void {
    return () => undefined;
  }

  async usage(): Promise<StoreUsage> {
    const { usedBytes, usedInodes } = await this.#volume.usage();
    return { id: this.#volume.uuid, bytes: usedBytes, files: usedInodes };
  }

  async close(): Promise<void> {
    await this.#volume.close();
  }

  #combine(
    metadata: ReadonlyMap<string, BucketRecord | Unreadable>,
    extras: ReadonlyMap<string, BucketExtras | Unreadable>,
  ): Map<string, BucketRecord | Unreadable> {
    const next = new Map<string, Combined>();
    for (const [bucket, record] of metadata) {
      const more = extras.get(bucket);
      const before = this.#combined.get(bucket);
      const same = before !== undefined && before.metadata === record && before.extras === more;
      next.set(bucket, same ? before : { metadata: record, extras: more, record: withExtras(record, more) });
    }
    this.#combined = next;
    return new Map([...next].map(([bucket, { record }]) => [bucket, record]));
  }
}

/** One walk over the files. */
class Pass {
  readonly seen = new Map<string, CachedFile>();
  readonly #volume: VolumeOfStore;
  readonly #before: ReadonlyMap<string, CachedFile>;
  readonly #decrypt: FileDecryptor | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(
    volume: VolumeOfStore,
    before: ReadonlyMap<string, CachedFile>,
    decrypt: FileDecryptor | undefined,
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
    if (file === undefined) {
      return this.#files(
        directory,
        (name) => (name.endsWith('.json') ? name.slice(0, -'.json'.length) : undefined),
        parse,
      );
    }
    const names = await this.#directories(directory);
    return this.#each(names, async (name) => {
      const path = [...directory, name, file];
      return [name, await this.#file(path, undefined, (bytes) => this.#parsed(path, bytes, parse))];
    });
  }

  async buckets(): Promise<Map<string, BucketRecord | Unreadable>> {
    const names = await this.#directories(BUCKETS);
    return this.#each(names, async (name) => [
      name,
      await this.#file<BucketRecord | Unreadable>(bucketPath(name), undefined, (bytes) =>
        isUnreadableFile(bytes) ? bytes : parseBucketMetadata(bytes),
      ),
    ]);
  }

  bucketExtras(): Promise<Map<string, BucketExtras | Unreadable>> {
    return this.#files(
      BUCKET_EXTRAS,
      (name) => (name.endsWith('.json') ? name.slice(0, -'.json'.length) : undefined),
      parseBucketExtras,
    );
  }

  async serverDocuments(): Promise<Map<string, ServerDocument | Unreadable>> {
    const found = new Map<string, ServerDocument | Unreadable>();
    for (const { directory, nameOf } of SERVER_DIRECTORIES) {
      const documents = await this.#files(directory, nameOf, (text, { mtimeNs }) => ({
        text,
        modifiedMs: Number(mtimeNs / 1_000_000n),
      }));
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

  async #directories(directory: VolumePath): Promise<string[]> {
    const names: string[] = [];
    for await (const { name, attributes } of this.#list(directory))
      if (attributes.type === 'directory') names.push(name);
    return names;
  }

  /** The files of a directory that `nameOf` has a name for. */
  async #files<T>(
    directory: VolumePath,
    nameOf: (file: string) => string | undefined,
    parse: (text: string, attributes: Attributes) => T | Unreadable,
  ): Promise<Map<string, T | Unreadable>> {
    const found: { name: string; file: string; attributes: Attributes }[] = [];
    for await (const { name: file, attributes } of this.#list(directory)) {
      const name = attributes.type === 'file' ? nameOf(file) : undefined;
      if (name !== undefined) found.push({ name, file, attributes });
    }
    return this.#each(found, async ({ name, file, attributes }) => {
      const path = [...directory, file];
      return [
        name,
        await this.#file(path, attributes, (bytes, read) => this.#parsed(path, bytes, (text) => parse(text, read))),
      ];
    });
  }

  #parsed<T>(
    path: VolumePath,
    bytes: Uint8Array | Unreadable,
    parse: (text: string) => T | Unreadable,
  ): T | Unreadable {
    const text = textOf(path, bytes, this.#decrypt);
    return typeof text === 'string' ? parse(text) : text;
  }

  /** The record of one file, out of the cache when the file is the same. Undefined when there is no such file. */
  async #file<T>(
    path: VolumePath,
    known: Attributes | undefined,
    parse: (bytes: Uint8Array | Unreadable, attributes: Attributes) => T,
  ): Promise<T | undefined> {
    const id = path.join('/');
    try {
      const before = this.#before.get(id);
      const file = before === undefined ? undefined : await this.#unchanged(before, path, known);
      const current = file ?? (await this.#read(path, parse));
      this.seen.set(id, current);
      return current.record as T;
    } catch (error) {
      if (error instanceof VolumeError && (error.code === 'ENOENT' || error.code === 'EISDIR')) return undefined;
      throw error;
    }
  }

  /** What is known of a file, if it is still that file. */
  async #unchanged(
    before: CachedFile,
    path: VolumePath,
    known: Attributes | undefined,
  ): Promise<CachedFile | undefined> {
    return before.stamp === stampOf(known ?? (await this.#volume.stat(path))) ? before : undefined;
  }

  async #read(
    path: VolumePath,
    parse: (bytes: Uint8Array | Unreadable, attributes: Attributes) => unknown,
  ): Promise<CachedFile> {
    const reader = await this.#volume.open(path);
    try {
      const { attributes } = reader;
      return { stamp: stampOf(attributes), record: parse(await readWhole(reader, this.#signal), attributes) };
    } finally {
      await reader.close();
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

  /** The named results of work on each item, in the order of the items; undefined ones left out. */
  async #each<I, T>(items: readonly I[], work: (item: I) => Promise<[string, T | undefined]>): Promise<Map<string, T>> {
    const results: [string, T | undefined][] = new Array(items.length);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < items.length) {
        this.#signal?.throwIfAborted();
        const at = next++;
        results[at] = await work(items[at] as I);
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker));
    const found = new Map<string, T>();
    for (const [name, result] of results) if (result !== undefined) found.set(name, result);
    return found;
  }
}

function stampOf(attributes: Attributes): string {
  return `${attributes.inode}:${attributes.mtimeNs}:${attributes.size}`;
}
