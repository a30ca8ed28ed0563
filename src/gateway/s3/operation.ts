// What an S3 operation is: how it is read, what it asks, and what it does once that is granted.
import type { Volume, VolumePath } from '../../juicefs/volume.ts';
import { S3Error } from './errors.ts';
import type { DecidedObjects } from './facts.ts';
import type { FormFields } from './form-body.ts';
import type { ObjectEvent } from './object-event.ts';
import type { BucketName, ObjectKey } from './object-name.ts';

/** A request as it was matched: nothing of its body has been read. */
export interface S3Request {
  readonly method: string;
  readonly requestId: string;
  /** Lower-case names; several headers of one name joined by ','. */
  readonly headers: ReadonlyMap<string, string>;
  /** Decoded query parameters; the first of several of one name. */
  readonly query: ReadonlyMap<string, string>;
  /** All query parameters, in order. */
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
  /** Undefined for requests to the service itself. Already a valid name (parse threw otherwise). */
  readonly bucket: BucketName | undefined;
  readonly key: ObjectKey | undefined;
  /** The path as it stood in the request line, for the Resource of error answers. */
  readonly rawPath: string;
  /** Bytes of the payload as the client declared it (x-amz-decoded-content-length, or Content-Length); undefined if it did not. */
  readonly contentLength: number | undefined;
  /**
   * The body of one of the operations whose question lies in it (`Operation.documentLimit`), whole, its hash checked against
   * x-amz-content-sha256, Content-MD5 and checksums. Empty for all others.
   */
  readonly document: Buffer;
  /** The fields of a form upload (`Operation.body` 'form'); undefined for all others. */
  readonly form?: FormFields;
  readonly features: GatewayFeatures;
}

/** The switches of `juicefs gateway` that change what operations answer. */
export interface GatewayFeatures {
  readonly multiBuckets: boolean;
  /** The one bucket of single-bucket mode: the volume's name or --bucket-name. */
  readonly singleBucket: string;
  readonly keepEtag: boolean;
  readonly objectTag: boolean;
  readonly objectMeta: boolean;
  readonly headDir: boolean;
  readonly hideDirObject: boolean;
  readonly readOnly: boolean;
}

/** One use of one resource that the operation needs; context keys are spelled as policies write them. */
export interface Question {
  readonly action: string; // 's3:GetObject'
  readonly bucket?: BucketName;
  readonly key?: ObjectKey;
  readonly context?: Readonly<Record<string, readonly string[]>>;
}

/** How the accesses of an operation are decided. */
export type AskMode =
  /** All must be allowed, else the request is refused. */
  | 'all'
  /** Each is answered on its own; the handler gets the decisions (DeleteObjects). */
  | 'each';

declare const grantBrand: unique symbol;
/**
 * Proof that the sidecar allowed what `input` needs. Only `dispatch.ts` mints it; a handler cannot be called without one.
 */
export interface Grant<In> {
  readonly [grantBrand]: true;
  readonly input: In;
  readonly request: S3Request;
  readonly principal: GrantedPrincipal;
  /** For AskMode 'each': for each question, whether it was allowed. All true otherwise. */
  readonly allowed: readonly boolean[];
  /** For each question: what the caller is told of its refusal, undefined for an allow. */
  readonly refusals: readonly (S3Error | undefined)[];
  /** For each question: whether it is refused by more than that no statement allows it. */
  readonly denied: readonly boolean[];
  /** The objects whose facts the decision read: the handler acts on those very inodes, or not at all. */
  readonly decided: DecidedObjects;
  /**
   * Asks about further accesses of the same request with the same credentials (ListBuckets: each bucket). Same order; false for
   * anything but an allow. At most `BATCH_LIMIT` are put into one question; longer lists are asked in turns.
   */
  decideEach(questions: readonly Question[]): Promise<readonly boolean[]>;
  /** As `decideEach`, for a handler that answers with the refusal: undefined for an allow, else what the caller is told. */
  refusalsOf(questions: readonly Question[]): Promise<readonly (S3Error | undefined)[]>;
  /**
   * The verified payload: bytes are handed out as they arrive, but `Payload.verified` must be awaited before anything becomes
   * visible. Undefined for operations without a body.
   */
  readonly payload: Payload | undefined;
  /** Bucket configuration, by the credentials of this request: the sidecar decides about each change itself, and stores it. */
  readonly configuration: GrantedConfiguration;
}

/** The documents of a bucket's configuration; the sidecar keeps no others. */
export type BucketDocumentName =
  | 'policy'
  | 'notification'
  | 'lifecycle'
  | 'objectLock'
  | 'versioning'
  | 'encryption'
  | 'tagging'
  | 'quota'
  | 'replication'
  | 'acl'
  | 'objectAcl'
  | 'owner'
  | 'location'
  | 'cors'
  | 'logging'
  | 'ownershipControls'
  | 'publicAccessBlock'
  | 'requestPayment'
  | 'website';

/** The object that a document of the bucket's objects is about. */
export interface ConfiguredObject {
  readonly key: ObjectKey;
  /** The request is just making it. */
  readonly isNew: boolean;
}

export interface GrantedConfiguration {
  read(bucket: BucketName): Promise<BucketConfiguration>;
  /** Sets a document, which is not empty. Throws S3Error: AccessDenied, MalformedPolicy, MalformedXML, EntityTooLarge. */
  set(bucket: BucketName, name: BucketDocumentName, document: Buffer, object?: ConfiguredObject): Promise<void>;
  /** Fine when there is none. */
  remove(bucket: BucketName, name: BucketDocumentName): Promise<void>;
  /** For a bucket that was just made: it starts without configuration. */
  create(bucket: BucketName, options: { readonly location: string; readonly lockEnabled: boolean }): Promise<void>;
  /** For a bucket that was deleted. */
  forget(bucket: BucketName): Promise<void>;
}

/** What is configured for a bucket. */
export interface BucketConfiguration {
  /** Unix milliseconds; 0 = not recorded. */
  readonly createdMs: bigint;
  readonly lockEnabled: boolean;
  /** By name; what is not there is not configured. */
  readonly documents: { readonly [name in BucketDocumentName]?: string };
  readonly policyIsPublic: boolean;
}

export interface GrantedPrincipal {
  readonly type: 'Anonymous' | 'Root' | 'User' | 'ServiceAccount' | 'Session';
  readonly accessKey: string;
  /** The user whose rights it has, and to whom belongs what it makes; '' for root, whose everything is, and for the anonymous. */
  readonly user: string;
}

/** The body of an upload, out of whatever transfer form it came in (plain, aws-chunked signed or unsigned, with trailer). */
export interface Payload {
  /** The decoded bytes. Ends with an S3Error when the body is short, long or malformed. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** The checksum that the client sends along, by header or trailer. */
  readonly declaredChecksum: ChecksumAlgorithm | undefined;
  /** Has this checksum computed as well, if the client sends none; before the stream is read. */
  compute(algorithm: ChecksumAlgorithm): void;
  /**
   * Call after the stream has ended. Resolves when length, x-amz-content-sha256, Content-MD5, checksum header or trailer, and all
   * frame signatures stand; throws the S3Error otherwise. Answers the digests that were computed on the way.
   */
  verified(): Promise<PayloadDigests>;
}

export interface PayloadDigests {
  readonly size: number;
  readonly md5Hex: string;
  /** The checksum that the client sent and that stood, or that was to be computed: header name without prefix ('crc32') and its base64. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

export type ChecksumAlgorithm = 'crc32' | 'crc32c' | 'crc64nvme' | 'sha1' | 'sha256';

/** What a handler answers. `body` strings are XML or text; streams are sent as they come. */
export interface S3Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | AsyncIterable<Uint8Array>;
  /** Bytes of a streamed body, for Content-Length. Required with a stream, but for one that goes on until its reader leaves. */
  readonly contentLength?: number | 'endless';
  /** What was done, for whoever is to be notified; the answer goes out once that is seen to. */
  readonly events?: readonly ObjectEvent[];
  /** What is still being done while the answer goes out already. */
  readonly later?: LaterEvents;
}

/** What a work does that is answered before it is done. The end of the answer waits for `told`. */
export interface LaterEvents {
  /** Never rejects. */
  readonly done: Promise<readonly ObjectEvent[]>;
  /** To be called once that is seen to. */
  readonly told: () => void;
}

/** Where operations find the volume and say where buckets and keys lie in it. */
export interface OperationContext {
  readonly volume: Volume;
  readonly features: GatewayFeatures;
  readonly signal: AbortSignal; // aborted when the client goes away or the request's deadline passes
  /** Path of a bucket's directory: ['bucket'] with --multi-buckets, [] otherwise. */
  bucketPath(bucket: BucketName): VolumePath;
  objectPath(bucket: BucketName, key: ObjectKey): VolumePath;
}

/** How requests are told apart: all given members must hold. */
export interface RouteMatch {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly target: 'service' | 'bucket' | 'object';
  /** Query parameters that must be present (any value), e.g. ['uploads']. More specific rows win. */
  readonly query?: readonly string[];
  /** Query parameters that must have this value, e.g. { 'list-type': '2' }. */
  readonly queryValue?: Readonly<Record<string, string>>;
  /** Headers that must be present, e.g. ['x-amz-copy-source']. */
  readonly header?: readonly string[];
}

/**
 * An input that asks for what is not there (encryption, locks). It is decided on like any other, and refused when that is done: who may
 * not is told that, and nothing else.
 */
export interface MaybeRefused {
  readonly refusal?: S3Error | undefined;
}

/** What `check` throws, as an input's refusal. */
export function refusalIn(check: () => void): S3Error | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
}

/** One S3 operation: a row of the operation table, one file each in src/gateway/operations. */
export interface Operation<In> {
  readonly name: string; // as AWS names it: 'ListObjectsV2'
  readonly match: RouteMatch;
  /**
   * 'payload': a body is streamed to the handler; 'document': read whole before the question, at most `documentLimit` bytes; 'form': its
   * fields are read before the question, its file is the payload; 'none': must be empty.
   */
  readonly body: 'none' | 'payload' | 'document' | 'form';
  readonly documentLimit?: number;
  /**
   * What x-amz-checksum-* headers of the request speak of: its body (default), or the finished object and thus nothing that can
   * be checked against the body (CompleteMultipartUpload).
   */
  readonly checksumHeaders?: 'body' | 'object';
  readonly ask?: AskMode; // default 'all'
  /** No storage access, no body (but `document`). Throws S3Error. */
  parse(request: S3Request): In;
  /** At least one, by type; CopyObject asks two. */
  questions(input: In, request: S3Request): readonly [Question, ...Question[]];
  handle(grant: Grant<In>, context: OperationContext): Promise<S3Reply>;
}

/** Keeps `In` tied together while rows of different inputs stand in one table. */
export function defineOperation<In>(operation: Operation<In>): Operation<In> {
  return operation;
}
