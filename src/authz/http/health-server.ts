// Health over HTTP, for a sidecar without administration: everything else is answered with what it is, not implemented.
import { fastify } from 'fastify';
import { ListenError } from '../grpc/listen.ts';

export interface RunningHealthServer {
  readonly address: string; // HOST:PORT, with the port that was chosen
  /** Idempotent. */
  stop(): Promise<void>;
}

export interface HealthServerOptions {
  readonly host: string;
  readonly port: number;
  /** True while decisions are made. */
  readonly isReady: () => boolean;
}

/** Starts serving. Throws ListenError. */
export async function startHealthServer(options: HealthServerOptions): Promise<RunningHealthServer> {
  const app = fastify({ forceCloseConnections: 'idle' });
  app.get('/minio/health/live', async (_request, reply) => reply.code(200).send());
  app.get('/minio/health/ready', async (_request, reply) => reply.code(options.isReady() ? 200 : 503).send());
  app.setNotFoundHandler(async (request, reply) => {
    const message = 'This service answers decisions over gRPC; it does not serve STS or administration over HTTP.';
    return reply.code(501).send({ code: 'NotImplemented', message, resource: request.url.split('?')[0] });
  });
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ListenError(`--http-listen: cannot listen on ${options.host}:${options.port}: ${why}`, { cause });
  }
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : options.port;
  return {
    address: `${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    stop: () => app.close(),
  };
}
