// Facts about objects that a decision may hang on (their tags): read only when the sidecar names them, told to it in a second
// question, and tied to the very inode that they were read from.
import { S3Error } from './errors.ts';
import type { BucketName, ObjectKey } from './object-name.ts';

/** What was read of an object. */
export interface ObjectFacts {
  /** The object's inode; null when there is no object. */
  readonly inode: bigint | null;
  /** Values of the condition keys that were asked for; none = the object does not have them. */
  readonly context: Readonly<Record<string, readonly string[]>>;
}

/** Reads the facts of an object that condition keys name. Keys that are not facts get no value. */
export type ReadFacts = (bucket: BucketName, key: ObjectKey, keys: readonly string[]) => Promise<ObjectFacts>;

/** The objects that a decision was made on, by the inodes whose facts it read. */
export class DecidedObjects {
  readonly #inodes = new Map<string, bigint | null>();

  set(bucket: BucketName, key: ObjectKey, inode: bigint | null): void {
    this.#inodes.set(`${bucket}/${key}`, inode);
  }

  /** The inode that the decision is about; null: there was none; undefined: the decision read nothing of the object. */
  inodeOf(bucket: BucketName, key: ObjectKey): bigint | null | undefined {
    return this.#inodes.get(`${bucket}/${key}`);
  }

  /** Throws StaleDecision unless what stands there now is what the decision was made on. */
  require(bucket: BucketName, key: ObjectKey, inode: bigint | undefined): void {
    const decided = this.inodeOf(bucket, key);
    if (decided !== undefined && decided !== (inode ?? null)) throw new StaleDecision();
  }
}

/** The object was replaced between the decision and the act: what is there now has not been decided on. */
export class StaleDecision extends S3Error {
  constructor() {
    super('OperationAborted', 'The object changed while the request was decided. Try again.');
    this.name = 'StaleDecision';
  }
}
