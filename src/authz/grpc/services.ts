// The gRPC services: each method carries its message to the one that answers it, and an error to a status.
import type { ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import type { AuthorizationServer } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type {
  BucketConfigurationServer,
  GetBucketConfigurationResponse,
  WatchConfigurationRequest,
  WatchConfigurationResponse,
} from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import type { PolicySimulationServer } from '../../../proto/gen/portcullis/authz/v1/policy_simulation.ts';
import { AskFault } from '../identity/ask-fault.ts';
import type { Authorizer } from '../identity/authorizer.ts';
import { isUnreadable } from '../store/iam-store.ts';
import type { Asks } from './asks.ts';
import { serveStream } from './authorize-stream.ts';
import type { BucketChanges } from './bucket-changes.ts';
import { bucketState, ConfigurationFeed } from './configuration-feed.ts';
import type { Explainer } from './explain.ts';
import {
  deriveRequestConditions,
  inspectDocument,
  listAdmittedKeys,
  matchText,
  simulate,
} from './policy-simulation.ts';
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
    authorizeBatch: unary((request) => asks.batch(request, undefined), onError),
    authorizeStream: (call) => serveStream(call, { asks, nowMs, onError, open }),
    explain: unary((request) => explainer.explain(request), onError),
  };
}

/** @param open filled with how to end each open stream */
export function bucketConfigurationService(options: ServiceOptions, open: Set<() => void>): BucketConfigurationServer {
  const { authorizer, bucketChanges, onError } = options;
  return {
    getBucketConfiguration: unary(({ bucket }) => bucketConfiguration(authorizer, bucket), onError),
    watchConfiguration: (call) => watchConfiguration(call, authorizer, open),
    reportEventTargets: unary(({ gateway, targets }) => {
      bucketChanges.eventTargets.report(gateway, targets);
      return {};
    }, onError),
    putBucketDocument: unary(async (asked) => {
      const { bucket, credentials, context, name, document, key, newObject } = asked;
      const object = key === '' ? undefined : { key, isNew: newObject };
      return { change: await bucketChanges.put({ bucket, credentials, context }, name, document, object) };
    }, onError),
    deleteBucketDocument: unary(async (asked) => ({ change: await bucketChanges.delete(asked, asked.name) }), onError),
    createBucketConfiguration: unary(
      async (asked) => ({ change: await bucketChanges.create(asked, asked.location, asked.lockEnabled) }),
      onError,
    ),
    forgetBucket: unary(async (asked) => ({ change: await bucketChanges.forget(asked) }), onError),
  };
}

export function policySimulationService({ nowMs, onError }: ServiceOptions): PolicySimulationServer {
  return {
    simulate: unary((asked) => simulate(asked, nowMs()), onError),
    inspectDocument: unary(inspectDocument, onError),
    listAdmittedKeys: unary(listAdmittedKeys, onError),
    deriveConditions: unary(({ http }) => deriveRequestConditions(http, nowMs()), onError),
    matchText: unary(matchText, onError),
  };
}

function bucketConfiguration(authorizer: Authorizer, bucket: string): GetBucketConfigurationResponse {
  if (bucket === '' || bucket.includes('/')) throw AskFault.malformed('a bucket is not named');
  const { snapshot } = authorizer;
  const record = snapshot.bucket(bucket);
  if (record !== undefined && isUnreadable(record)) {
    throw new Error(`the configuration of bucket ${bucket} cannot be read: ${record.unreadable}`);
  }
  return { state: bucketState(bucket, record), revision: snapshot.revision };
}

/** A watcher that reads slowly gets the latest state, not every one between: nothing piles up here. */
function watchConfiguration(
  call: ServerWritableStream<WatchConfigurationRequest, WatchConfigurationResponse>,
  authorizer: Authorizer,
  open: Set<() => void>,
): void {
  const feed = new ConfigurationFeed(call.request);
  let waiting = false;
  let ended = false;
  const send = (messages: readonly WatchConfigurationResponse[]): void => {
    let more = true;
    for (const message of messages) more = call.write(message);
    if (more) return;
    waiting = true;
    call.once('drain', () => {
      waiting = false;
      tell();
    });
  };
  const tell = (): void => {
    if (!waiting && !ended) send(feed.next(authorizer.snapshot));
  };
  const unsubscribe = authorizer.onChange(tell);
  const end = (): void => {
    if (ended) return;
    ended = true;
    open.delete(end);
    unsubscribe();
    call.end();
  };
  open.add(end);
  for (const event of ['cancelled', 'close', 'error']) call.on(event, end);
  send(feed.first(authorizer.snapshot));
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
