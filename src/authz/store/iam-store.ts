// Identities, policies and bucket configuration at rest: what every store owes to the service. Records are as they lie there;
// what they mean (who may act, with which rights) is decided by the snapshot that is built from them.
import type { BucketDocumentName } from './bucket-documents.ts';

/** A record that is there and cannot be read. Whoever depends on it is refused. */
export interface Unreadable {
  readonly unreadable: string; // why, without its content
}

export function isUnreadable(record: object | string): record is Unreadable {
  return typeof record === 'object' && 'unreadable' in record;
}

/** A user, service account or session. */
export interface IdentityRecord {
  readonly secretKey: string;
  readonly enabled: boolean;
  /** Undefined = does not expire. */
  readonly expiresAtMs: number | undefined;
  /** '' for users. */
  readonly sessionToken: string;
  /** '' for users. */
  readonly parent: string;
  /** What people call a service account. */
  readonly name?: string | undefined;
  readonly description?: string | undefined;
}

export interface GroupRecord {
  readonly enabled: boolean;
  readonly members: readonly string[];
}

/** The configuration of a bucket. */
export interface BucketRecord {
  readonly createdMs: number; // 0 = not recorded
  /** It was made with object lock. */
  readonly lockEnabled: boolean;
  /** What is configured, by name; documents that are not there are not configured, and none is empty. */
  readonly documents: ReadonlyMap<BucketDocumentName, string>;
}

/** A document of the service itself, such as its configuration, an entry of that one's history, or a secret key. */
export interface ServerDocument {
  readonly text: string;
  /** When it was written, Unix milliseconds. */
  readonly modifiedMs: number;
}

/** A document of a bucket; '' = not configured, unreadable or unknown bucket included. */
export function bucketDocument(record: BucketRecord | Unreadable | undefined, name: BucketDocumentName): string {
  if (record === undefined || isUnreadable(record)) return '';
  return record.documents.get(name) ?? '';
}

/** Everything a store holds, at one moment. Keys are access keys, names of groups, of policies, of buckets. */
export interface IamRecords {
  /** Changes whenever anything here does. */
  readonly revision: string;
  readonly users: ReadonlyMap<string, IdentityRecord | Unreadable>;
  readonly serviceAccounts: ReadonlyMap<string, IdentityRecord | Unreadable>;
  readonly sessions: ReadonlyMap<string, IdentityRecord | Unreadable>;
  readonly groups: ReadonlyMap<string, GroupRecord | Unreadable>;
  /** Custom policies: their JSON text. */
  readonly policies: ReadonlyMap<string, string | Unreadable>;
  /** Names of the policies attached to a user or group. */
  readonly userPolicies: ReadonlyMap<string, readonly string[] | Unreadable>;
  readonly groupPolicies: ReadonlyMap<string, readonly string[] | Unreadable>;
  readonly buckets: ReadonlyMap<string, BucketRecord | Unreadable>;
  /**
   * Documents of the service by name: 'config' (the JSON of all sub-systems, as MinIO's config.json), 'history/UUID' (its former
   * states as key=value text), and what else a part of the service keeps under a name of its own (a-z, 0-9, '-', '/').
   */
  readonly server: ReadonlyMap<string, ServerDocument | Unreadable>;
}

/** What the volume of a store holds, everybody's files. */
export interface StoreUsage {
  readonly id: string;
  readonly bytes: number;
  readonly files: number;
}

/** One place where identities are kept. */
export interface IamStore {
  /** For the log: what kind of store, no secret. */
  readonly name: string;
  /**
   * Reads everything, or only what changed since the last call; answers a new object with a new revision when anything did, and
   * may answer the same object when nothing did. Throws when the store cannot be reached; never answers a part of it.
   */
  load(signal?: AbortSignal): Promise<IamRecords>;
  /** Calls `onChange` when the store knows of a change made elsewhere; a store that cannot know never calls. Answers how to stop. */
  watch(onChange: () => void): () => void;
  /** Of a store in a volume. */
  usage?(): Promise<StoreUsage>;
  /** Idempotent. */
  close(): Promise<void>;
}
