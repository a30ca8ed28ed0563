// The store that `juicefs gateway` uses: plain files in the volume under /.minio.sys (IAM-LAYOUT). Files are read again only when
// their inode, time or size changed, so that a refresh costs little more than looking.
import { createHash } from 'node:crypto';
import { type Attributes, type Volume, VolumeError, type VolumePath } from '../../juicefs/volume.ts';
import type { BucketRecord, GroupRecord, IamRecords, IamStore, IdentityRecord, Unreadable } from './iam-store.ts';
import type { FileDecryptor } from './kms-file.ts';
import { parseBucketMetadata, parseGroup, parseIdentity, parseMapping } from './record-parsers.ts';

/** Largest file that is read. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Files looked at at once. */
const CONCURRENCY = 16;

const META: VolumePath = ['.minio.sys'];
const IAM: VolumePath = [...META, 'config', 'iam'];

type VolumeOfStore = Pick<Volume, 'stat' | 'list' | 'open' | 'close' | 'name'>;

interface CachedFile {
  readonly stamp: string;
  readonly record: unknown;
}

export class VolumeIamStore implements IamStore {
  readonly name: string;
  readonly #volume: VolumeOfStore;
  readonly #decrypt: FileDecryptor | undefined;
  #cache = new Map<string, CachedFile>();
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
      users: await pass.directories<IdentityRecord>([...IAM, 'users'], 'identity.json', parseIdentity),
      serviceAccounts: await pass.directories<IdentityRecord>(
        [...IAM, 'service-accounts'],
        'identity.json',
        parseIdentity,
      ),
      sessions: await pass.directories<IdentityRecord>([...IAM, 'sts'], 'identity.json', parseIdentity),
      groups: await pass.directories<GroupRecord>([...IAM, 'groups'], 'members.json', parseGroup),
      policies: await pass.directories<string>([...IAM, 'policies'], 'policy.json', (text) => text),
      userPolicies: await pass.files([...IAM, 'policydb', 'users']),
      groupPolicies: await pass.files([...IAM, 'policydb', 'groups']),
      buckets: await pass.buckets([...META, 'buckets']),
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

  async close(): Promise<void> {
    await this.#volume.close();
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

  /** `<directory>/<name>/<file>` for every name. */
  async directories<T>(
    directory: VolumePath,
    file: string,
    parse: (text: string) => T | Unreadable,
  ): Promise<Map<string, T | Unreadable>> {
    const names: string[] = [];
    for await (const entry of this.#list(directory)) if (entry.attributes.type === 'directory') names.push(entry.name);
    const records = new Map<string, T | Unreadable>();
    await this.#each(names, async (name) => {
      const path = [...directory, name, file];
      const record = await this.#record(path, undefined, (bytes) => this.#text(path, bytes, parse));
      if (record !== undefined) records.set(name, record as T | Unreadable);
    });
    return records;
  }

  /** `<directory>/<name>.json` for every name: policy mappings. */
  async files(directory: VolumePath): Promise<Map<string, readonly string[] | Unreadable>> {
    const found: { name: string; attributes: Attributes }[] = [];
    for await (const entry of this.#list(directory)) {
      if (entry.attributes.type === 'file' && entry.name.endsWith('.json')) found.push(entry);
    }
    const records = new Map<string, readonly string[] | Unreadable>();
    await this.#each(found, async ({ name, attributes }) => {
      const path = [...directory, name];
      const record = await this.#record(path, attributes, (bytes) => this.#text(path, bytes, parseMapping));
      if (record !== undefined) records.set(name.slice(0, -'.json'.length), record as readonly string[] | Unreadable);
    });
    return records;
  }

  async buckets(directory: VolumePath): Promise<Map<string, BucketRecord | Unreadable>> {
    const names: string[] = [];
    for await (const entry of this.#list(directory)) if (entry.attributes.type === 'directory') names.push(entry.name);
    const records = new Map<string, BucketRecord | Unreadable>();
    await this.#each(names, async (name) => {
      const record = await this.#record([...directory, name, '.metadata.bin'], undefined, parseBucketMetadata);
      if (record !== undefined) records.set(name, record as BucketRecord | Unreadable);
    });
    return records;
  }

  /** Identifies the files that were seen, by path, inode, time and size. */
  revision(): string {
    const hash = createHash('sha256');
    for (const [path, { stamp }] of [...this.seen].sort(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(`${path}\0${stamp}\n`);
    return hash.digest('hex').slice(0, 16);
  }

  #text<T>(path: VolumePath, bytes: Uint8Array, parse: (text: string) => T | Unreadable): T | Unreadable {
    try {
      return parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    if (this.#decrypt === undefined) {
      return {
        unreadable: 'it is encrypted; start the service with the MINIO_KMS_SECRET_KEY that it was written with',
      };
    }
    const plain = this.#decrypt(path.join('/'), bytes);
    return typeof plain === 'string' ? parse(plain) : plain;
  }

  /** The record of one file, out of the cache when the file is the same. Undefined when there is no such file. */
  async #record(
    path: VolumePath,
    known: Attributes | undefined,
    parse: (bytes: Uint8Array) => unknown,
  ): Promise<unknown> {
    const id = path.join('/');
    try {
      const attributes = known ?? (await this.#volume.stat(path));
      if (attributes.type !== 'file') return undefined;
      const stamp = stampOf(attributes);
      const before = this.#before.get(id);
      const file = before?.stamp === stamp ? before : await this.#read(path, parse);
      this.seen.set(id, file);
      return file.record;
    } catch (error) {
      if (error instanceof VolumeError && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #read(path: VolumePath, parse: (bytes: Uint8Array) => unknown): Promise<CachedFile> {
    const reader = await this.#volume.open(path);
    try {
      const stamp = stampOf(reader.attributes);
      const { size } = reader.attributes;
      if (size > MAX_FILE_BYTES) return { stamp, record: { unreadable: `it is larger than ${MAX_FILE_BYTES} bytes` } };
      const pieces: Uint8Array[] = [];
      for await (const piece of reader.read(0, size, this.#signal)) pieces.push(Uint8Array.from(piece));
      return { stamp, record: parse(Buffer.concat(pieces)) };
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

  async #each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < items.length) {
        this.#signal?.throwIfAborted();
        await work(items[next++] as T);
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker));
  }
}

function stampOf(attributes: Attributes): string {
  return `${attributes.inode}:${attributes.mtimeNs}:${attributes.size}`;
}
