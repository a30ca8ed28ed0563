// Identities, policies and bucket configuration at rest: what every store owes to the service. Records are as they lie there;
// what they mean (who may act, with which rights) is decided by the snapshot that is built from them.

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

export interface BucketRecord {
  readonly createdMs: number; // 0 = not recorded
  readonly policyJson: string; // '' = none
  readonly notificationXml: Uint8Array;
  readonly taggingXml: Uint8Array;
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
  /** Idempotent. */
  close(): Promise<void>;
}
