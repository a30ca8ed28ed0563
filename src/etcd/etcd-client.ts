// A client of etcd v3: ranges, transactions with comparisons, and watches, over gRPC. It signs in when the URL names a user, and asks
// the next node of the cluster when one is away.
import { ChannelCredentials, type ClientOptions, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { KeyValue } from '../../proto/gen/third_party/etcd/kv.ts';
import {
  AuthClient,
  Compare_CompareResult,
  Compare_CompareTarget,
  KVClient,
  RangeRequest,
  type RangeResponse,
  type RequestOp,
  TxnRequest,
  type TxnResponse,
  WatchClient,
} from '../../proto/gen/third_party/etcd/rpc.ts';
import { EtcdError, etcdErrorOf, isExpiredToken } from './etcd-error.ts';
import type { EtcdAddress } from './etcd-url.ts';
import { type WatchEvents, watchRange } from './etcd-watch.ts';

/** Longest wait for an answer, unless the caller says otherwise. */
export const DEFAULT_ETCD_TIMEOUT_MS = 10_000;
/** Largest answer: a page of large values. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const KEEPALIVE_MS = 10_000;

/** An entry as it is stored. */
export interface EtcdEntry {
  readonly key: Buffer;
  readonly value: Buffer;
  /** When it was written last, and first; how often since then. */
  readonly modRevision: bigint;
  readonly createRevision: bigint;
  readonly version: bigint;
}

/** Keys from `start` until before `end`; without an end, the one key `start`. */
export interface EtcdRange {
  readonly start: Uint8Array;
  readonly end?: Uint8Array;
}

export interface RangeOptions {
  /** 0 = all. */
  readonly limit?: number;
  /** The state at that revision; the newest when absent. Refused once it was compacted. */
  readonly revision?: bigint;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  /** May be a little old; saves asking the majority. */
  readonly serializable?: boolean;
  readonly descending?: boolean;
  /** Only entries written at this revision or later. */
  readonly minModRevision?: bigint;
}

export interface RangeAnswer {
  readonly entries: readonly EtcdEntry[];
  /** There are further ones behind the limit. */
  readonly more: boolean;
  readonly count: number;
  /** Of the whole store, when it was read. */
  readonly revision: bigint;
}

/**
 * What must hold for a transaction: the key was last written at that revision; 0 = it does not exist. With an `end`, that holds for
 * every key from `key` until before it: 0 = there is none.
 */
export interface EtcdCondition {
  readonly key: Uint8Array;
  readonly end?: Uint8Array;
  readonly modRevision: bigint;
}

export type EtcdOperation = { readonly put: Uint8Array; readonly value: Uint8Array } | { readonly remove: EtcdRange };

export interface TransactionAnswer {
  /** All conditions held, and the operations were carried out. */
  readonly succeeded: boolean;
  readonly revision: bigint;
}

interface Node {
  readonly kv: KVClient;
  readonly watch: WatchClient;
  readonly auth: AuthClient;
}

export class EtcdClient {
  readonly #address: EtcdAddress;
  readonly #timeoutMs: number;
  readonly #nodes: readonly Node[];
  /** The node that answered last. */
  #current = 0;
  #token: Promise<string> | undefined;

  /** Connects when first asked. */
  constructor(address: EtcdAddress, options: { readonly timeoutMs?: number } = {}) {
    this.#address = address;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_ETCD_TIMEOUT_MS;
    const channel = channelCredentials(address);
    const grpc: ClientOptions = {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      ...(address.tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': address.tls.serverName }),
    };
    this.#nodes = address.endpoints.map((endpoint) => {
      const kv = new KVClient(endpoint, channel, grpc);
      const shared = { ...grpc, channelOverride: kv.getChannel() };
      return {
        kv,
        watch: new WatchClient(endpoint, channel, shared),
        auth: new AuthClient(endpoint, channel, shared),
      };
    });
  }

  /** Entries in the order of their keys. Throws EtcdError. */
  async range({ start, end }: EtcdRange, options: RangeOptions = {}): Promise<RangeAnswer> {
    const request = RangeRequest.fromPartial({
      key: Buffer.from(start),
      rangeEnd: Buffer.from(end ?? []),
      limit: BigInt(options.limit ?? 0),
      revision: options.revision ?? 0n,
      serializable: options.serializable === true,
      keysOnly: options.keysOnly === true,
      countOnly: options.countOnly === true,
      sortOrder: options.descending === true ? 2 : 0,
      minModRevision: options.minModRevision ?? 0n,
    });
    const answer = await this.#call<RangeResponse>('safe', ({ kv }, metadata, deadline, done) =>
      kv.range(request, metadata, { deadline }, done),
    );
    return {
      entries: answer.kvs.map(entryOf),
      more: answer.more,
      count: Number(answer.count),
      revision: answer.header?.revision ?? 0n,
    };
  }

  /** One entry; undefined when there is none. Throws EtcdError. */
  async get(key: Uint8Array, options: RangeOptions = {}): Promise<EtcdEntry | undefined> {
    return (await this.range({ start: key }, options)).entries[0];
  }

  /** Entries of some ranges as of one moment, each in the order of its keys. Throws EtcdError. */
  async ranges(ranges: readonly EtcdRange[]): Promise<EtcdEntry[][]> {
    const request = TxnRequest.fromPartial({
      success: ranges.map(({ start, end }) => ({
        request: { $case: 'requestRange', value: { key: Buffer.from(start), rangeEnd: Buffer.from(end ?? []) } },
      })),
    });
    // Nothing is written: it may be asked again.
    const answer = await this.#call<TxnResponse>('safe', ({ kv }, metadata, deadline, done) =>
      kv.txn(request, metadata, { deadline }, done),
    );
    return answer.responses.map(({ response }) =>
      response?.$case === 'responseRange' ? response.value.kvs.map(entryOf) : [],
    );
  }

  /**
   * Carries out all operations at once if all conditions hold, and none of them otherwise. Throws EtcdError; after an
   * 'unavailable' one nobody knows whether it was carried out. A server takes 128 operations at most unless told otherwise.
   */
  async transaction(
    conditions: readonly EtcdCondition[],
    operations: readonly EtcdOperation[],
  ): Promise<TransactionAnswer> {
    const request = TxnRequest.fromPartial({
      compare: conditions.map(({ key, end, modRevision }) => ({
        result: Compare_CompareResult.EQUAL,
        target: Compare_CompareTarget.MOD,
        key: Buffer.from(key),
        rangeEnd: Buffer.from(end ?? []),
        targetUnion: { $case: 'modRevision', value: modRevision },
      })),
      success: operations.map(operationOf),
    });
    const answer = await this.#call<TxnResponse>('once', ({ kv }, metadata, deadline, done) =>
      kv.txn(request, metadata, { deadline }, done),
    );
    return { succeeded: answer.succeeded, revision: answer.header?.revision ?? 0n };
  }

  /**
   * Tells of every change of the keys from `fromRevision` on, in order, over lost connections and changes of node. Ends when
   * `stop` is called; see WatchEvents for what else may happen.
   */
  watch(range: EtcdRange, fromRevision: bigint, events: WatchEvents): { stop(): void } {
    return watchRange(
      async (turn) => {
        const metadata = await this.#metadata();
        const node = this.#nodes[(this.#current + turn) % this.#nodes.length] as Node;
        return node.watch.watch(metadata);
      },
      range,
      fromRevision,
      { ...events, onRefused: (error) => (isExpiredToken(error) ? this.#forgetToken() : undefined) },
    );
  }

  /** Idempotent. */
  close(): void {
    for (const { kv, watch, auth } of this.#nodes) for (const client of [kv, watch, auth]) client.close();
  }

  /** 'safe': asked again at the next node when one is away. 'once': only when it surely was not carried out. */
  async #call<T>(
    repetition: 'safe' | 'once',
    send: (
      node: Node,
      metadata: Metadata,
      deadline: number,
      done: (error: ServiceError | null, answer: T) => void,
    ) => void,
  ): Promise<T> {
    let lastError: EtcdError | undefined;
    // Once around the cluster, and once more where the first one was only asked for a new token.
    for (let tries = 0; tries <= this.#nodes.length; tries++) {
      const at = this.#current;
      const node = this.#nodes[at] as Node;
      try {
        if (repetition === 'once') await this.#reachable(node);
        const metadata = await this.#metadata();
        return await new Promise<T>((resolve, reject) => {
          send(node, metadata, Date.now() + this.#timeoutMs, (error, answer) =>
            error === null ? resolve(answer) : reject(error),
          );
        });
      } catch (error) {
        if (error instanceof NotReached) {
          lastError = new EtcdError('unavailable', 'etcd cannot be reached', { cause: error });
          this.#next(at);
          continue;
        }
        if (error instanceof EtcdError) throw error;
        const failure = error as ServiceError;
        lastError = etcdErrorOf(failure);
        if (this.#address.user !== undefined && isExpiredToken(failure) && tries === 0) {
          this.#forgetToken();
          continue;
        }
        if (lastError.kind === 'refused' || repetition === 'once') throw lastError;
        this.#next(at);
      }
    }
    throw lastError ?? new EtcdError('unavailable', 'etcd cannot be reached');
  }

  /** Waits until the node is connected. Throws NotReached. */
  #reachable({ kv }: Node): Promise<void> {
    return new Promise((resolve, reject) => {
      kv.waitForReady(Date.now() + this.#timeoutMs / 2, (error) =>
        error === undefined ? resolve() : reject(new NotReached('the node did not answer in time', { cause: error })),
      );
    });
  }

  /** Others may have moved on already. */
  #next(from: number): void {
    if (this.#current === from) this.#current = (from + 1) % this.#nodes.length;
  }

  async #metadata(): Promise<Metadata> {
    const metadata = new Metadata();
    if (this.#address.user === undefined) return metadata;
    this.#token ??= this.#signIn(this.#address.user);
    try {
      metadata.set('token', await this.#token);
    } catch (error) {
      this.#token = undefined;
      throw error;
    }
    return metadata;
  }

  #forgetToken(): void {
    this.#token = undefined;
  }

  async #signIn(user: { name: string; password: string }): Promise<string> {
    let lastError: unknown;
    for (let turn = 0; turn < this.#nodes.length; turn++) {
      const { auth } = this.#nodes[(this.#current + turn) % this.#nodes.length] as Node;
      try {
        return await new Promise<string>((resolve, reject) => {
          const deadline = Date.now() + this.#timeoutMs;
          auth.authenticate(user, new Metadata(), { deadline }, (error, answer) =>
            error === null ? resolve(answer.token) : reject(etcdErrorOf(error)),
          );
        });
      } catch (error) {
        lastError = error;
        if (error instanceof EtcdError && error.kind === 'refused') break;
      }
    }
    throw lastError;
  }
}

class NotReached extends Error {}

/** The end of the range of all keys that begin with `prefix`. */
export function prefixEnd(prefix: Uint8Array): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] as number;
    if (byte < 0xff) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  // All keys there are.
  return Buffer.from([0]);
}

export function entryOf({ key, value, modRevision, createRevision, version }: KeyValue): EtcdEntry {
  return { key, value, modRevision, createRevision, version };
}

function operationOf(operation: EtcdOperation): RequestOp {
  if ('put' in operation) {
    const put = { key: Buffer.from(operation.put), value: Buffer.from(operation.value), lease: 0n, prevKv: false };
    return { request: { $case: 'requestPut', value: put } };
  }
  const { start, end } = operation.remove;
  const range = { key: Buffer.from(start), rangeEnd: Buffer.from(end ?? []), prevKv: false };
  return { request: { $case: 'requestDeleteRange', value: range } };
}

function channelCredentials({ tls }: EtcdAddress): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return ChannelCredentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.certificate ?? null, {
    rejectUnauthorized: !tls.anyCertificate,
  });
}
