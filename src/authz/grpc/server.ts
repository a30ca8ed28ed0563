// The gRPC server: the contract's services, health and reflection, their limits, and the way it ends.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { AuthorizationService, AuthorizeStreamResponse } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { BucketConfigurationService } from '../../../proto/gen/portcullis/authz/v1/bucket_configuration.ts';
import { PolicySimulationService } from '../../../proto/gen/portcullis/authz/v1/policy_simulation.ts';
import { messageSerializer } from '../../wire/message-serializer.ts';
import { callerGuard, certificateName } from './caller-guard.ts';
import { type CallerSettings, Callers } from './callers.ts';
import { bind, isLocal, type ListenAddress, ListenError, parseListenAddress } from './listen.ts';
import {
  authorizationService,
  bucketConfigurationService,
  policySimulationService,
  type ServiceOptions,
} from './services.ts';

/** Largest message either way. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Streams of one connection. */
const MAX_STREAMS = 1_000;
/** How long calls in flight may take once the server ends. */
export const DRAIN_MS = 5_000;

const PROTO_FOLDER = 'portcullis/authz/v1';
/** Services by the name of the file that describes them. */
const SERVICES = {
  authorization: 'portcullis.authz.v1.Authorization',
  bucket_configuration: 'portcullis.authz.v1.BucketConfiguration',
  policy_simulation: 'portcullis.authz.v1.PolicySimulation',
} as const;

/** The service as described, with answers of the stream written into one buffer that is used again. */
const AUTHORIZATION: typeof AuthorizationService = {
  ...AuthorizationService,
  authorizeStream: {
    ...AuthorizationService.authorizeStream,
    responseSerialize: messageSerializer((message: AuthorizeStreamResponse, writer) =>
      AuthorizeStreamResponse.encode(message, writer),
    ),
  },
};

export interface GrpcServerOptions extends Omit<ServiceOptions, 'callerOf'> {
  readonly listen: string;
  /** What callers must show; undefined = nothing, which only a local address may. */
  readonly token: string | undefined;
  /** Callers with a scope of their own. */
  readonly callers?: readonly CallerSettings[];
  /** Over TCP only; with authorities of callers, each has to show a certificate. */
  readonly tls?: GrpcTls | undefined;
  /** Whether documents that come with a question are evaluated. Default true. */
  readonly policySimulation?: boolean;
}

/** PEM texts. */
export interface GrpcTls {
  readonly cert: string;
  readonly key: string;
  readonly callerCa?: string | undefined;
}

export interface RunningGrpcServer {
  /** `unix:PATH` or `HOST:PORT`, with the port that was chosen. */
  readonly address: string;
  /** Takes no new calls, lets those in flight end, cuts what remains after DRAIN_MS. Idempotent. */
  stop(): Promise<void>;
}

/** Starts serving. Throws ListenError. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<RunningGrpcServer> {
  const address = parseListenAddress(options.listen);
  const { token, callers: settings = [], tls } = options;
  if (!isLocal(address) && token === undefined && settings.length === 0) {
    throw new ListenError(
      `--listen ${options.listen} is reachable from other machines; add --token-file or --callers, or listen on unix:PATH or 127.0.0.1`,
    );
  }
  const callers = token === undefined && settings.length === 0 ? undefined : new Callers(settings, token);
  const callerOf: ServiceOptions['callerOf'] = (call) => {
    const found = callers?.find({ metadata: call.metadata, certificate: certificateName(call) });
    return found === 'everything' ? undefined : found;
  };
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_concurrent_streams': MAX_STREAMS,
    ...(callers === undefined ? {} : { interceptors: [callerGuard(callers)] }),
  });
  const streams = new Set<() => void>();
  server.addService(AUTHORIZATION, authorizationService({ ...options, callerOf }, streams));
  server.addService(BucketConfigurationService, bucketConfigurationService({ ...options, callerOf }, streams));
  const { policy_simulation, ...needed } = SERVICES;
  const served = options.policySimulation === false ? needed : { ...needed, policy_simulation };
  if (options.policySimulation !== false)
    server.addService(PolicySimulationService, policySimulationService({ ...options, callerOf }));
  const services = Object.values(served);
  const health = new HealthImplementation(Object.fromEntries(['', ...services].map((name) => [name, 'SERVING'])));
  health.addToServer(server);
  const protos = Object.keys(served).map((name) => `${PROTO_FOLDER}/${name}.proto`);
  const definition = await load(protos, { includeDirs: [protoDirectory()] });
  new ReflectionService(definition, { services }).addToServer(server);
  const bound = await bind(server, address, serverCredentials(address, tls));

  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    for (const name of ['', ...services]) health.setStatus(name, 'NOT_SERVING');
    const timer = setTimeout(() => server.forceShutdown(), DRAIN_MS);
    const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    for (const end of streams) end();
    await ended;
    clearTimeout(timer);
  };
  return {
    address: bound,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** Throws ListenError for a key and certificate that do not go together. */
function serverCredentials(address: ListenAddress, tls: GrpcTls | undefined): ServerCredentials {
  if (tls === undefined || address.kind === 'unix') return ServerCredentials.createInsecure();
  const { cert, key, callerCa } = tls;
  try {
    return ServerCredentials.createSsl(
      callerCa === undefined ? null : Buffer.from(callerCa),
      [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }],
      callerCa !== undefined,
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ListenError(`--tls-cert and --tls-key cannot be used: ${why}`, { cause });
  }
}

/** The folder of the .proto files, beside the sources or beside what was built of them. */
function protoDirectory(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'proto', PROTO_FOLDER))) return join(folder, 'proto');
    if (folder === dirname(folder)) throw new Error('the .proto files of this package are missing');
  }
}
