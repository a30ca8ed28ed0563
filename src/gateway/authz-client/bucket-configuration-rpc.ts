// Bucket configuration over the connection to the sidecar. Every call throws S3Error ServiceUnavailable when there is no answer.
import { type Client, credentials, type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  type BucketChange,
  BucketConfigurationClient,
  type BucketState,
  type CreateBucketConfigurationRequest,
  type DeleteBucketDocumentRequest,
  type ForgetBucketRequest,
  type GetBucketConfigurationResponse,
  type PutBucketDocumentRequest,
  type ReportEventTargetsRequest,
  type WatchConfigurationResponse,
} from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { S3Error } from '../s3/errors.ts';

/** Longest wait for a change: the sidecar writes it to its store. */
export const CHANGE_TIMEOUT_MS = 30_000;

export interface BucketConfigurationRpc {
  read(bucket: string): Promise<BucketState>;
  putDocument(request: PutBucketDocumentRequest): Promise<BucketChange>;
  deleteDocument(request: DeleteBucketDocumentRequest): Promise<BucketChange>;
  create(request: CreateBucketConfigurationRequest): Promise<BucketChange>;
  forget(request: ForgetBucketRequest): Promise<BucketChange>;
  /** Tells the sidecar how event targets are. */
  reportEventTargets(request: ReportEventTargetsRequest): Promise<void>;
  /** Everything, then changes, until the signal aborts or the connection breaks (it throws then). `documents`: those wanted. */
  watch(documents: readonly string[], signal: AbortSignal): AsyncIterable<WatchConfigurationResponse>;
}

type Callback<T> = (error: ServiceError | null, response: T) => void;

/** @param channel the connection; it stays its owner's */
export function createBucketConfigurationRpc(
  channel: ReturnType<Client['getChannel']>,
  metadata: Metadata,
  timeoutMs: number,
): BucketConfigurationRpc {
  const client = new BucketConfigurationClient('', credentials.createInsecure(), { channelOverride: channel });
  const within = (ms: number) => ({ deadline: Date.now() + ms });
  const change = async (
    call: (done: Callback<{ change: BucketChange | undefined }>) => void,
  ): Promise<BucketChange> => {
    const { change: made } = await answered(call);
    if (made === undefined) throw unavailable(new Error('the answer does not say what became of the change'));
    return made;
  };
  return {
    async read(bucket) {
      const { state } = await answered<GetBucketConfigurationResponse>((done) =>
        client.getBucketConfiguration({ bucket }, metadata, within(timeoutMs), done),
      );
      if (state === undefined) throw unavailable(new Error('the answer holds no configuration'));
      return state;
    },
    putDocument: (request) =>
      change((done) => client.putBucketDocument(request, metadata, within(CHANGE_TIMEOUT_MS), done)),
    deleteDocument: (request) =>
      change((done) => client.deleteBucketDocument(request, metadata, within(CHANGE_TIMEOUT_MS), done)),
    create: (request) =>
      change((done) => client.createBucketConfiguration(request, metadata, within(CHANGE_TIMEOUT_MS), done)),
    forget: (request) => change((done) => client.forgetBucket(request, metadata, within(CHANGE_TIMEOUT_MS), done)),
    async reportEventTargets(request) {
      await answered((done) => client.reportEventTargets(request, metadata, within(timeoutMs), done));
    },
    async *watch(documents, signal) {
      signal.throwIfAborted();
      const call = client.watchConfiguration({ documents: [...documents] }, metadata);
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel);
      try {
        for await (const message of call) yield message as WatchConfigurationResponse;
      } finally {
        signal.removeEventListener('abort', cancel);
        call.cancel();
      }
    },
  };
}

function answered<T>(call: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, response) => {
      if (error === null) resolve(response);
      else if (error.code === status.INVALID_ARGUMENT) {
        reject(new S3Error('InvalidRequest', undefined, { cause: error }));
      } else reject(unavailable(error));
    });
  });
}

function unavailable(cause: unknown): S3Error {
  return new S3Error('ServiceUnavailable', undefined, { cause });
}
