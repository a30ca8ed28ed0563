// Bucket configuration over the connection to the sidecar. Every call throws S3Error ServiceUnavailable when there is no answer.
import { type Client, credentials, type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  type BucketChange,
  BucketConfigurationClient,
  type DeleteBucketPolicyRequest,
  type ForgetBucketRequest,
  type GetBucketConfigurationResponse,
  type PutBucketPolicyRequest,
} from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { S3Error } from '../s3/errors.ts';

/** Longest wait for a change: the sidecar writes it to its store. */
export const CHANGE_TIMEOUT_MS = 30_000;

export type ReadBucketConfiguration = Pick<
  GetBucketConfigurationResponse,
  'policyJson' | 'policyIsPublic' | 'notificationXml' | 'taggingXml'
>;

export interface BucketConfigurationRpc {
  read(bucket: string): Promise<ReadBucketConfiguration>;
  putPolicy(request: PutBucketPolicyRequest): Promise<BucketChange>;
  deletePolicy(request: DeleteBucketPolicyRequest): Promise<BucketChange>;
  forget(request: ForgetBucketRequest): Promise<BucketChange>;
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
    read: (bucket) => answered((done) => client.getBucketConfiguration({ bucket }, metadata, within(timeoutMs), done)),
    putPolicy: (request) =>
      change((done) => client.putBucketPolicy(request, metadata, within(CHANGE_TIMEOUT_MS), done)),
    deletePolicy: (request) =>
      change((done) => client.deleteBucketPolicy(request, metadata, within(CHANGE_TIMEOUT_MS), done)),
    forget: (request) => change((done) => client.forgetBucket(request, metadata, within(CHANGE_TIMEOUT_MS), done)),
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
