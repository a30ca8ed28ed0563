// The configuration of buckets and of the service as gateways are told of it: one bucket when asked, or all and then every change.
import type {
  BucketState,
  ServerState,
  WatchConfigurationRequest,
  WatchConfigurationResponse,
} from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { isPublicAcl } from '../administration/bucket-access-control.ts';
import { gatewayDocuments } from '../administration/gateway-documents.ts';
import { isPublicPolicy } from '../identity/public-policy.ts';
import type { IamSnapshot } from '../identity/snapshot.ts';
import {
  type BucketRecord,
  bucketDocument,
  type IamRecords,
  isUnreadable,
  type Unreadable,
} from '../store/iam-store.ts';

/** A message is closed once it holds this many buckets, or bytes of documents. */
const BUCKETS_A_MESSAGE = 256;
const BYTES_A_MESSAGE = 1024 * 1024;

/** The state of a bucket. A damaged one is said to be so, without documents. */
export function bucketState(bucket: string, record: BucketRecord | Unreadable | undefined): BucketState {
  const readable = record === undefined || isUnreadable(record) ? undefined : record;
  return {
    bucket,
    createdMs: BigInt(readable?.createdMs ?? 0),
    lockEnabled: readable?.lockEnabled ?? false,
    documents: Object.fromEntries(readable?.documents ?? []),
    policyIsPublic: isPublicPolicy(bucketDocument(record, 'policy')) || isPublicAcl(bucketDocument(record, 'acl')),
    isUnreadable: record !== undefined && isUnreadable(record),
  };
}

/** One watcher: what it was told so far, and what it is to be told next. */
export class ConfigurationFeed {
  readonly #wanted: ReadonlySet<string> | undefined;
  #told: Pick<IamRecords, 'buckets' | 'server'> = { buckets: new Map(), server: new Map() };
  /** As it was told; undefined = not yet. */
  #server: string | undefined;

  constructor({ documents }: WatchConfigurationRequest) {
    this.#wanted = documents.length === 0 ? undefined : new Set(documents);
  }

  /** Everything there is. */
  first({ records, revision }: IamSnapshot): WatchConfigurationResponse[] {
    const messages = this.#messages(this.#changed(records), this.#serverState(records), revision);
    const last = messages.at(-1);
    this.#told = records;
    if (last === undefined) return [{ buckets: [], server: undefined, complete: true, revision }];
    return [...messages.slice(0, -1), { ...last, complete: true }];
  }

  /** What changed since the last call. */
  next({ records, revision }: IamSnapshot): WatchConfigurationResponse[] {
    const messages = this.#messages(this.#changed(records), this.#serverState(records), revision);
    this.#told = records;
    return messages;
  }

  #changed({ buckets }: IamRecords): BucketState[] {
    const before = this.#told.buckets;
    if (before === buckets) return [];
    const changed: BucketState[] = [];
    for (const [bucket, record] of buckets) {
      const was = before.get(bucket);
      if (was === record || this.#sameWanted(was, record)) continue;
      changed.push(this.#state(bucket, record));
    }
    for (const [bucket, was] of before) {
      if (!buckets.has(bucket) && !this.#sameWanted(was, undefined)) changed.push(this.#state(bucket, undefined));
    }
    return changed;
  }

  #state(bucket: string, record: BucketRecord | Unreadable | undefined): BucketState {
    const state = bucketState(bucket, record);
    const wanted = this.#wanted;
    if (wanted === undefined) return state;
    return {
      ...state,
      documents: Object.fromEntries(Object.entries(state.documents).filter(([name]) => wanted.has(name))),
    };
  }

  #sameWanted(a: BucketRecord | Unreadable | undefined, b: BucketRecord | Unreadable | undefined): boolean {
    return this.#essence(a) === this.#essence(b);
  }

  /** What a watcher would notice of a bucket, as text; '' = nothing. */
  #essence(record: BucketRecord | Unreadable | undefined): string {
    if (record === undefined) return '';
    if (isUnreadable(record)) return record.unreadable;
    const wanted = [...record.documents].filter(([name]) => this.#wanted?.has(name) ?? true);
    if (wanted.length === 0 && this.#wanted !== undefined) return '';
    return JSON.stringify([record.createdMs, record.lockEnabled, wanted.sort(([x], [y]) => (x < y ? -1 : 1))]);
  }

  #serverState(records: IamRecords): ServerState | undefined {
    if (this.#server !== undefined && this.#told.server === records.server) return undefined;
    const documents = gatewayDocuments(records.server);
    const text = JSON.stringify(documents);
    if (text === this.#server) return undefined;
    this.#server = text;
    return { documents: { ...documents } };
  }

  #messages(
    buckets: readonly BucketState[],
    server: ServerState | undefined,
    revision: string,
  ): WatchConfigurationResponse[] {
    const pages: BucketState[][] = [];
    let page: BucketState[] = [];
    let bytes = 0;
    for (const state of buckets) {
      page.push(state);
      for (const text of Object.values(state.documents)) bytes += text.length;
      if (page.length === BUCKETS_A_MESSAGE || bytes >= BYTES_A_MESSAGE) {
        pages.push(page);
        page = [];
        bytes = 0;
      }
    }
    if (page.length > 0 || (server !== undefined && pages.length === 0)) pages.push(page);
    return pages.map((states, index) => ({
      buckets: states,
      server: index === 0 ? server : undefined,
      complete: false,
      revision,
    }));
  }
}
