// The gRPC services: each method carries its message to the one that answers it, and an error to a status.
import {
  type Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
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
import type { AuthenticatedCall } from './caller-guard.ts';
import type { Caller } from './callers.ts';
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

/** Of a call, what tells whose it is. */
export type IncomingCall = AuthenticatedCall & { readonly metadata: Metadata };

export interface ServiceOptions {
  readonly asks: Asks;
  readonly explainer: Explainer;
  readonly authorizer: Authorizer;
  readonly bucketChanges: BucketChanges;
  /** Whose a call is; undefined = anybody's who may ask everything. */
  readonly callerOf: (call: IncomingCall) => Caller | undefined;
  readonly nowMs: () => number;
  /** Told of outages and bugs. */
  readonly onError: (error: unknown) => void;
}

/** @param open filled with how to end each open stream */
export function authorizationService(
  { asks, callerOf, explainer, nowMs, onError }: ServiceOptions,
  open: Set<() => void>,
): AuthorizationServer {
  return {
    authorize: unary((request, call) => asks.authorize(request, undefined, callerOf(call)), onError),
    authorizeBatch: unary((request, call) => asks.batch(request, undefined, callerOf(call)), onError),
    authorizeStream: (call) => serveStream(call, { asks, caller: callerOf(call), nowMs, onError, open }),
    explain: unary((request, call) => explainer.explain(request, callerOf(call)), onError),
  };
}

/** @param open filled with how to end each open stream */
export function bucketConfigurationService(options: ServiceOptions, open: Set<() => void>): BucketConfigurationServer {
  const { authorizer, bucketChanges, callerOf, onError } = options;
  /** As unary, for callers that are gateways. */
  const ofGateway = <Request, Response>(answer: (request: Request) => Response | Promise<Response>) =>
    unary<Request, Response>((request, call) => {
      if (callerOf(call)?.mayConfigure === false) throw notAGateway();
      return answer(request);
    }, onError);
  return {
    getBucketConfiguration: ofGateway(({ bucket }) => bucketConfiguration(authorizer, bucket)),
    watchConfiguration: (call) => {
      if (callerOf(call)?.mayConfigure === false)
        call.destroy(Object.assign(notAGateway(), { code: status.PERMISSION_DENIED }));
      else watchConfiguration(call, authorizer, open);
    },
    reportEventTargets: ofGateway(({ gateway, targets }) => {
      bucketChanges.eventTargets.report(gateway, targets);
      return {};
    }),
    putBucketDocument: ofGateway(async (asked) => {
      const { bucket, credentials, context, name, document, key, newObject } = asked;
      const object = key === '' ? undefined : { key, isNew: newObject };
      return { change: await bucketChanges.put({ bucket, credentials, context }, name, document, object) };
    }),
    deleteBucketDocument: ofGateway(async (asked) => ({ change: await bucketChanges.delete(asked, asked.name) })),
    createBucketConfiguration: ofGateway(async (asked) => ({
      change: await bucketChanges.create(asked, asked.location, asked.lockEnabled),
    })),
    forgetBucket: ofGateway(async (asked) => ({ change: await bucketChanges.forget(asked) })),
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

function notAGateway(): AskFault {
  return AskFault.notPermitted('this caller may not read or change the configuration of buckets');
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
  answer: (request: Request, call: ServerUnaryCall<Request, Response>) => Response | Promise<Response>,
  onError: (error: unknown) => void,
): (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => void {
  return (call, callback) => {
    const fail = (error: unknown): void => {
      const { code, details, unexpected } = statusOf(error);
      if (unexpected) onError(error);
      callback({ code, details });
    };
    try {
      const response = answer(call.request, call);
      if (response instanceof Promise) response.then((value) => callback(null, value), fail);
      else callback(null, response);
    } catch (error) {
      fail(error);
    }
  };
}
