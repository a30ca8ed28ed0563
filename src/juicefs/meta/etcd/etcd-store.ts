// etcd as the store of a volume: `etcd://[user:password@]host:port[,host:port]/PATH`. As with the Go client, every key begins
// with the path of the URL and a byte that no text contains.
import { EtcdClient, type EtcdEntry, type EtcdOperation } from '../../../etcd/etcd-client.ts';
import { EtcdError } from '../../../etcd/etcd-error.ts';
import { EtcdUrlError, parseEtcdUrl } from '../../../etcd/etcd-url.ts';
import { VolumeOpenError } from '../../volume-error.ts';
import type { MetaEngine } from '../engine.ts';
import { KvEngine } from '../kv/kv-engine.ts';
import {
  afterPrefix,
  type KvCondition,
  type KvEntry,
  type KvRange,
  type KvStore,
  type KvWrite,
} from '../kv/kv-store.ts';

/** What an etcd server takes in one transaction, unless it was started with another --max-txn-ops. */
const MAX_TRANSACTION_OPERATIONS = 128;

/** Opens the engine of an `etcd://` URL, without its scheme. */
export async function openEtcd(
  address: string,
  fallbackPassword: string | undefined,
  options: { readonly readOnly?: boolean },
): Promise<MetaEngine> {
  const store = new EtcdStore(address, fallbackPassword);
  try {
    await store.get([Buffer.from('setting')]);
  } catch (cause) {
    store.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VolumeOpenError('DatabaseUnreachable', `cannot use the database ${store.description}: ${reason}`, {
      cause,
    });
  }
  return new KvEngine(store, options);
}

class EtcdStore implements KvStore {
  readonly description: string;
  readonly maxCommit = MAX_TRANSACTION_OPERATIONS;
  readonly #client: EtcdClient;
  readonly #prefix: Buffer;

  constructor(address: string, fallbackPassword: string | undefined) {
    const parsed = parse(`etcd://${address}`);
    const { user } = parsed;
    const password = user === undefined || user.password !== '' ? user?.password : fallbackPassword;
    this.#client = new EtcdClient(
      user === undefined ? parsed : { ...parsed, user: { ...user, password: password ?? '' } },
    );
    this.#prefix = Buffer.concat([Buffer.from(parsed.prefix), Buffer.of(0xfd)]);
    this.description = `etcd://${parsed.endpoints.join(',')}${parsed.prefix}`;
  }

  #key(key: Uint8Array): Buffer {
    return Buffer.concat([this.#prefix, key]);
  }

  #range({ start, end }: KvRange): { start: Buffer; end: Buffer } {
    // All keys that begin with nothing: all of the volume.
    const last = end.length === 2 && end[0] === 0xff && end[1] === 0xff ? afterPrefix(this.#prefix) : this.#key(end);
    return { start: this.#key(start), end: last };
  }

  async get(keys: readonly Buffer[]): Promise<(KvEntry | undefined)[]> {
    return Promise.all(
      keys.map(async (key) => {
        const entry = await this.#client.get(this.#key(key));
        return entry === undefined ? undefined : this.#entry(entry);
      }),
    );
  }

  async scan(range: KvRange, limit: number): Promise<readonly KvEntry[]> {
    const { entries } = await this.#client.range(this.#range(range), { limit });
    return entries.map((entry) => this.#entry(entry));
  }

  async together(ranges: readonly KvRange[]): Promise<readonly (readonly KvEntry[])[]> {
    const found = await this.#client.ranges(ranges.map((range) => this.#range(range)));
    return found.map((entries) => entries.map((entry) => this.#entry(entry)));
  }

  #entry({ key, value, modRevision }: EtcdEntry): KvEntry {
    return { key: key.subarray(this.#prefix.length), value, version: modRevision };
  }

  async hasAny(range: KvRange): Promise<boolean> {
    const { entries } = await this.#client.range(this.#range(range), { limit: 1, keysOnly: true });
    return entries.length > 0;
  }

  async commit(conditions: readonly KvCondition[], writes: readonly KvWrite[]): Promise<boolean> {
    const compared = conditions.map((condition) => {
      if ('key' in condition) return { key: this.#key(condition.key), modRevision: condition.version };
      const { start, end } = this.#range(condition.empty);
      return { key: start, end, modRevision: 0n };
    });
    const operations = writes.map(
      ({ key, value }): EtcdOperation =>
        value === undefined ? { remove: { start: this.#key(key) } } : { put: this.#key(key), value },
    );
    return (await this.#client.transaction(compared, operations)).succeeded;
  }

  async clear(): Promise<void> {
    await this.#client.transaction([], [{ remove: { start: this.#prefix, end: afterPrefix(this.#prefix) } }]);
  }

  classify(error: unknown): 'lost' | 'unknown' | 'other' {
    if (!(error instanceof EtcdError) || error.kind !== 'unavailable') return 'other';
    // Said by the client when no node was reached: then nothing was sent.
    return error.message.includes('cannot be reached') ? 'lost' : 'unknown';
  }

  close(): void {
    this.#client.close();
  }
}

function parse(url: string): ReturnType<typeof parseEtcdUrl> {
  try {
    return parseEtcdUrl(url);
  } catch (error) {
    if (!(error instanceof EtcdUrlError)) throw error;
    throw new VolumeOpenError('InvalidUrl', error.message);
  }
}
