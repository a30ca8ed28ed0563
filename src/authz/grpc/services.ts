// The gRPC services: each method carries its message to the one that answers it, and an error to a status.
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { AuthorizationServer } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type {
  BucketConfigurationServer,
  GetBucketConfigurationResponse,
} from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { isPublicPolicy } from '../administration/public-policy.ts';
import { AskFault } from '../identity/ask-fault.ts';
import type { Authorizer } from '../identity/authorizer.ts';
import { isUnreadable } from '../store/iam-store.ts';
import type { Asks } from './asks.ts';
import { serveStream } from './authorize-stream.ts';
import type { BucketChanges } from './bucket-changes.ts';
import type { Explainer } from './explain.ts';
import { statusOf } from './status.ts';

export interface ServiceOptions {
  readonly asks: Asks;
  readonly explainer: Explainer;
  readonly authorizer: Authorizer;
  readonly bucketChanges: BucketChanges;
  readonly nowMs: () => number;
  /** Told of outages and bugs. */
  readonly onError: (error: unknown) => void;
}

/** @param open filled with how to end each open stream */
export function authorizationService(
  { asks, explainer, nowMs, onError }: ServiceOptions,
  open: Set<() => void>,
): AuthorizationServer {
  return {
    authorize: unary((request) => asks.authorize(request, undefined), onError),
    authorizeBatch: unary((request) => asks.batch(request), onError),
    authorizeStream: (call) => serveStream(call, { asks, nowMs, onError, open }),
    explain: unary((request) => explainer.explain(request), onError),
  };
}

export function bucketConfigurationService(options: ServiceOptions): BucketConfigurationServer {
  const { authorizer, bucketChanges, onError } = options;
  return {
    getBucketConfiguration: unary(({ bucket }) => bucketConfiguration(authorizer, bucket), onError),
    putBucketPolicy: unary(
      async (asked) => ({ change: await bucketChanges.putPolicy(asked, asked.policyJson) }),
      onError,
    ),
    deleteBucketPolicy: unary(async (asked) => ({ change: await bucketChanges.deletePolicy(asked) }), onError),
    forgetBucket: unary(async (asked) => ({ change: await bucketChanges.forget(asked) }), onError),
  };
}

function bucketConfiguration(authorizer: Authorizer, bucket: string): GetBucketConfigurationResponse {
  if (bucket === '' || bucket.includes('/')) throw AskFault.malformed('a bucket is not named');
  const { snapshot } = authorizer;
  const record = snapshot.bucket(bucket);
  if (record !== undefined && isUnreadable(record)) {
    throw new Error(`the configuration of bucket ${bucket} cannot be read: ${record.unreadable}`);
  }
  return {
    bucket,
    createdMs: BigInt(record?.createdMs ?? 0),
    policyJson: Buffer.from(record?.policyJson ?? ''),
    notificationXml: Buffer.from(record?.notificationXml ?? []),
    taggingXml: Buffer.from(record?.taggingXml ?? []),
    revision: snapshot.revision,
    policyIsPublic: isPublicPolicy(record?.policyJson ?? ''),
  };
}

function unary<Request, Response>(
  answer: (request: Request) => Response | Promise<Response>,
  onError: (error: unknown) => void,
): (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => void {
  return (call, callback) => {
    const fail = (error: unknown): void => {
      const { code, details, unexpected } = statusOf(error);
      if (unexpected) onError(error);
      callback({ code, details });
    };
    try {
      const response = answer(call.request);
      if (response instanceof Promise) response.then((value) => callback(null, value), fail);
      else callback(null, response);
    } catch (error) {
      fail(error);
    }
  };
}
