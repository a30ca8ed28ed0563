// The connection to a sidecar and the stream of questions on it, as every client of it opens them.
import type { Metadata } from '@grpc/grpc-js';
import {
  AuthorizationClient,
  AuthorizationService,
  AuthorizeStreamRequest,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { messageSerializer } from '../wire/message-serializer.ts';
import type { DecisionCall } from './decision-stream.ts';
import { sidecarTarget } from './sidecar-address.ts';
import { type ClientTls, channelCredentials } from './tls.ts';

const KEEPALIVE_MS = 10_000;
const RECONNECT_MS = { first: 50, last: 1_000 };

export interface SidecarChannelOptions {
  /** `unix:PATH` (absolute) or `HOST:PORT`. */
  readonly address: string;
  readonly tls?: ClientTls | undefined;
  /** Longest wait for an answer to a sign of life, milliseconds. */
  readonly timeoutMs: number;
}

/** Connects when first used. Throws TypeError for an address that is none. */
export function openSidecarChannel({ address, tls, timeoutMs }: SidecarChannelOptions): AuthorizationClient {
  return new AuthorizationClient(sidecarTarget(address), channelCredentials(tls), {
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MS.first,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS.last,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': timeoutMs,
    // one stream a process: nothing is gained by sharing connections between clients
    'grpc.use_local_subchannel_pool': 1,
  });
}

const { authorizeStream: STREAM } = AuthorizationService;
const serialize = messageSerializer((message: AuthorizeStreamRequest, writer) =>
  AuthorizeStreamRequest.encode(message, writer),
);

/** Opens a stream of questions; it may fail at any time. */
export function openDecisionCall(client: AuthorizationClient, metadata: Metadata): DecisionCall {
  return client.makeBidiStreamRequest(STREAM.path, serialize, STREAM.responseDeserialize, metadata);
}
