// What the gateway answers itself, under the paths that MinIO gives it: health for load balancers and orchestrators, and metrics.
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Volume } from '../juicefs/volume.ts';
import type { AuthzClient } from './authz-client/index.ts';
import { SERVER_NAME } from './reply-writer.ts';
import { errorReply, newRequestId, shownError } from './s3/error-reply.ts';
import { S3Error } from './s3/errors.ts';
import { requestContext } from './s3/request-context.ts';
import type { RequestOrigin } from './s3/source-address.ts';
import { readVerdict, refusalOf } from './s3/verdict.ts';

/** How long a health probe waits for the sidecar, and for the volume. */
export const READY_PROBE_MS = 1_000;

const LIVE = '/minio/health/live';
const READY = '/minio/health/ready';
const CLUSTER = ['/minio/health/cluster', '/minio/health/cluster/read'];
const METRICS = ['/minio/v2/metrics/cluster', '/minio/v2/metrics/node', '/minio/prometheus/metrics'];
const PATHS: ReadonlySet<string> = new Set([LIVE, READY, ...CLUSTER, ...METRICS]);

const METRICS_ACTION = 'admin:Prometheus';
/** Prometheus' text format. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface OwnPathsOptions {
  readonly authz: AuthzClient;
  readonly volume: Volume;
  /** The metrics of all workers, as text. */
  readonly metrics: () => Promise<string>;
  /** Nobody is asked who they are. */
  readonly publicMetrics: boolean;
  readonly isClosing: () => boolean;
  readonly originOf: (request: FastifyRequest) => RequestOrigin;
}

/** True for a request target that is one of the gateway's own. */
export function isOwnPath(url: string): boolean {
  return PATHS.has(url.split('?', 1)[0] ?? '');
}

/** Adds the routes. */
export function addOwnPaths(app: FastifyInstance, options: OwnPathsOptions): void {
  const { authz, volume, isClosing } = options;
  const isReady = async (): Promise<boolean> => !isClosing() && (await authz.isReachable(READY_PROBE_MS));
  const health = (path: string, isWell: () => Promise<boolean>): void => {
    app.get(path, async (_request, reply) => reply.code((await isWell()) ? 200 : 503).send(''));
  };
  health(LIVE, async () => true);
  health(READY, isReady);
  for (const path of CLUSTER) health(path, async () => (await isReady()) && (await answers(volume)));
  for (const path of METRICS) {
    app.get(path, async (request, reply) => {
      if (!options.publicMetrics) await requireMetricsReader(options, request, String(reply.getHeader(REQUEST_ID)));
      return reply.type(METRICS_TYPE).send(await gathered(options));
    });
  }
  app.setErrorHandler((error, request, reply) => refuse(shownError(error), request, reply));
  app.setNotFoundHandler((request, reply) => refuse(new S3Error('MethodNotAllowed'), request, reply));
}

const REQUEST_ID = 'x-amz-request-id';

/** Headers of every answer here. */
export function ownHeaders(): Readonly<Record<string, string>> {
  return { server: SERVER_NAME, [REQUEST_ID]: newRequestId() };
}

/** Throws S3Error unless whoever shows the bearer token may read metrics. */
async function requireMetricsReader(
  { authz, originOf }: OwnPathsOptions,
  request: FastifyRequest,
  requestId: string,
): Promise<void> {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw new S3Error('AccessDenied', 'Metrics are read with a bearer token.');
  const { decision } = await authz.authorize({
    credentials: { presented: { $case: 'bearer', value: { token } } },
    accesses: [{ action: METRICS_ACTION, resource: 'arn:aws:s3:::', context: {}, resourceAccount: '' }],
    context: requestContext(requestId, originOf(request), plainHeaders(request.headers)),
    openFrames: false,
  });
  const verdict = readVerdict(decision);
  if (verdict.kind !== 'allowed') throw refusalOf(verdict);
}

async function gathered({ metrics }: OwnPathsOptions): Promise<string> {
  try {
    return await metrics();
  } catch (cause) {
    throw new S3Error('ServiceUnavailable', 'The metrics could not be gathered at the moment.', { cause });
  }
}

function plainHeaders(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  return new Map(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

async function answers(volume: Volume): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), READY_PROBE_MS);
  });
  const found = volume.stat([]).then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
  }
}

function refuse(error: S3Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const rawPath = request.url.split('?', 1)[0] ?? '';
  const answer = errorReply(error, {
    requestId: String(reply.getHeader(REQUEST_ID)),
    rawPath,
    bucket: undefined,
    key: undefined,
  });
  return reply.code(answer.status).type('application/xml').send(String(answer.body));
}
