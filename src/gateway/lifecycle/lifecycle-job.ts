// Ends what lifecycle rules say has ended: objects by prefix, tags, size and age, and uploads in parts that nobody finishes. Several
// gateways on one volume may do it at once: what one has removed is removed, and what was put meanwhile stays.
import type { ExistingFile, Volume, VolumePath } from '../../juicefs/volume.ts';
import type { AuthzClient } from '../authz-client/index.ts';
import { walkKeys } from '../operations/key-walk.ts';
import { hasExpired, type LifecycleRule, parseLifecycle, uploadHasExpired } from '../operations/lifecycle-rules.ts';
import { openUploadsIn } from '../operations/list-multipart-uploads.ts';
import { objectSize, TAGS_XATTR, textXattr } from '../operations/object-attributes.ts';
import { removeObject } from '../operations/remove-object.ts';
import { parseStoredTags } from '../operations/tag-set.ts';
import { isMissing } from '../operations/volume-errors.ts';
import { S3Error } from '../s3/errors.ts';
import {
  type BucketName,
  isBucketName,
  keyComponents,
  type ObjectKey,
  parseBucketName,
  parseObjectKey,
} from '../s3/object-name.ts';
import type { GatewayFeatures } from '../s3/operation.ts';
import type { GatewayLogger } from '../s3-handler.ts';

/** Between two runs. AWS: once a day. */
export const LIFECYCLE_INTERVAL_MS = 3_600_000;
/** Before the first run after a start. */
export const LIFECYCLE_FIRST_MS = 60_000;
/** Objects looked at together. */
const BATCH = 256;
/** Longest wait for the configurations. */
const READ_WITHIN_MS = 60_000;

export interface LifecycleJobOptions {
  readonly volume: Volume;
  readonly authz: { readonly buckets: Pick<AuthzClient['buckets'], 'watch'> };
  readonly features: Pick<GatewayFeatures, 'multiBuckets' | 'singleBucket' | 'hideDirObject'>;
  readonly logger: GatewayLogger;
  readonly nowMs?: () => number;
}

/** What one run ended. */
export interface LifecycleResult {
  readonly objects: number;
  readonly uploads: number;
}

export class LifecycleJob {
  readonly #options: LifecycleJobOptions;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: LifecycleJobOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule(LIFECYCLE_FIRST_MS);
  }

  async close(): Promise<void> {
    this.#abort.abort(new Error('the gateway is closing'));
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** One run over all buckets. A bucket that fails is told of in the log, and does not keep the others waiting. */
  async run(): Promise<LifecycleResult> {
    let [objects, uploads] = [0, 0];
    for (const [bucket, rules] of await this.#rules()) {
      try {
        const signal = this.#abort.signal;
        signal.throwIfAborted();
        objects += await this.#endObjects(bucket, rules);
        uploads += await this.#endUploads(bucket, rules);
      } catch (error) {
        if (this.#abort.signal.aborted) break;
        this.#options.logger.warn({ err: error, bucket }, 'the lifecycle rules of a bucket could not be carried out');
      }
    }
    return { objects, uploads };
  }

  #schedule(afterMs: number): void {
    this.#timer = setTimeout(() => {
      this.#running = this.run().then(
        ({ objects, uploads }) => {
          if (objects + uploads > 0) this.#options.logger.info({ objects, uploads }, 'lifecycle rules ended objects');
        },
        (error: unknown) => this.#options.logger.warn({ err: error }, 'the lifecycle rules could not be read'),
      );
      void this.#running.then(() => {
        if (!this.#abort.signal.aborted) this.#schedule(LIFECYCLE_INTERVAL_MS);
      });
    }, afterMs);
    this.#timer.unref();
  }

  /** The rules of all buckets that have any. */
  async #rules(): Promise<Map<BucketName, readonly LifecycleRule[]>> {
    const { authz, features, logger } = this.#options;
    const rules = new Map<BucketName, readonly LifecycleRule[]>();
    const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(READ_WITHIN_MS)]);
    for await (const { buckets, complete } of authz.buckets.watch(['lifecycle'], signal)) {
      for (const { bucket, documents } of buckets) {
        const { lifecycle } = documents;
        if (lifecycle === undefined || !isBucketName(bucket)) continue;
        if (!features.multiBuckets && bucket !== features.singleBucket) continue;
        try {
          rules.set(parseBucketName(bucket), parseLifecycle(Buffer.from(lifecycle)));
        } catch (error) {
          logger.warn({ err: error, bucket }, 'the lifecycle configuration of a bucket cannot be read');
        }
      }
      if (complete) break;
    }
    return rules;
  }

  #bucketPath(bucket: BucketName): VolumePath {
    return this.#options.features.multiBuckets ? [bucket] : [];
  }

  get #nowMs(): number {
    return this.#options.nowMs?.() ?? Date.now();
  }

  async #endObjects(bucket: BucketName, rules: readonly LifecycleRule[]): Promise<number> {
    const ending = rules.filter(({ enabled, days, dateMs }) => enabled && (days !== undefined || dateMs !== undefined));
    if (ending.length === 0) return 0;
    const { volume, features } = this.#options;
    let ended = 0;
    let batch: { key: string; attributes: ExistingFile['attributes'] }[] = [];
    const walked = walkKeys({
      volume,
      bucketPath: this.#bucketPath(bucket),
      prefix: commonHead(ending.map(({ prefix }) => prefix)),
      after: '',
      hideDirectories: features.hideDirObject,
      descend: () => true,
      pageSize: BATCH,
      signal: this.#abort.signal,
    });
    for await (const object of walked) {
      batch.push(object);
      if (batch.length < BATCH) continue;
      ended += await this.#endBatch(bucket, ending, batch);
      batch = [];
    }
    return ended + (await this.#endBatch(bucket, ending, batch));
  }

  async #endBatch(
    bucket: BucketName,
    rules: readonly LifecycleRule[],
    batch: readonly { key: string; attributes: ExistingFile['attributes'] }[],
  ): Promise<number> {
    if (batch.length === 0) return 0;
    const { volume } = this.#options;
    const withTags = rules.some(({ tags }) => tags.length > 0);
    const xattrs = withTags ? await volume.xattrsOf(batch.map(({ attributes }) => attributes.inode)) : [];
    let ended = 0;
    for (const [i, { key, attributes }] of batch.entries()) {
      const object = {
        key,
        size: objectSize(attributes),
        modifiedMs: Number(attributes.mtimeNs / 1_000_000n),
        tags: parseStoredTags(textXattr(xattrs[i] ?? new Map(), TAGS_XATTR)),
      };
      if (!rules.some((rule) => hasExpired(rule, object, this.#nowMs))) continue;
      const name = keyOrNone(key);
      if (name !== undefined && (await this.#remove(bucket, name, attributes))) ended++;
    }
    return ended;
  }

  /** Removes the object if it is still the one that was looked at. */
  async #remove(bucket: BucketName, key: ObjectKey, seen: ExistingFile['attributes']): Promise<boolean> {
    const { volume } = this.#options;
    const bucketPath = this.#bucketPath(bucket);
    const path = [...bucketPath, ...keyComponents(key)];
    let removed = false;
    try {
      await removeObject({ volume, bucketPath, path }, key, (existing) => {
        removed = existing?.attributes.inode === seen.inode && existing.attributes.mtimeNs === seen.mtimeNs;
        if (!removed) throw new Replaced();
      });
    } catch (error) {
      if (!(error instanceof Replaced) && !isMissing(error)) throw error;
    }
    return removed;
  }

  async #endUploads(bucket: BucketName, rules: readonly LifecycleRule[]): Promise<number> {
    const { volume, features } = this.#options;
    if (!rules.some(({ enabled, abortDays }) => enabled && abortDays !== undefined)) return 0;
    const root = features.multiBuckets ? ['.sys', bucket, 'uploads'] : ['.sys', 'uploads'];
    let ended = 0;
    for await (const { key, attributes, path } of openUploadsIn(volume, root, this.#abort.signal)) {
      const begunMs = Number(attributes.atimeNs / 1_000_000n);
      if (!rules.some((rule) => uploadHasExpired(rule, key, begunMs, this.#nowMs))) continue;
      await volume.removeTree(path, { skipTrash: true });
      ended++;
    }
    return ended;
  }
}

/** The key; undefined for what a file system may hold and no request can name, such as bytes that are no UTF-8. */
function keyOrNone(text: string): ObjectKey | undefined {
  try {
    return parseObjectKey(text);
  } catch (error) {
    if (error instanceof S3Error) return undefined;
    throw error;
  }
}

/** Thrown by the guard: another object stands there now. */
class Replaced extends Error {}

/** What all texts begin with. */
function commonHead(texts: readonly string[]): string {
  let head = texts[0] ?? '';
  for (const text of texts) {
    while (!text.startsWith(head)) head = head.slice(0, -1);
  }
  return head.toWellFormed() === head ? head : '';
}
