// The one client of the sidecar. It asks, and it believes only a complete answer to what it asked; everything else is
// ServiceUnavailable, so that nothing passes while the sidecar is away, late or confused.
import { Metadata } from '@grpc/grpc-js';
import type {
  AuthorizationClient,
  AuthorizeBatchRequest,
  AuthorizeBatchResponse,
  AuthorizeRequest,
  AuthorizeResponse,
  Decision,
  Principal,
  RequestContext,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type Answer, type Answered, type Ask, DecisionStream, NoAnswer } from '../../client/decision-stream.ts';
import { openDecisionCall, openSidecarChannel } from '../../client/sidecar-channel.ts';
import type { ClientTls } from '../../client/tls.ts';
import { S3Error } from '../s3/errors.ts';
import type { FrameChannel } from '../s3/frame-verifier.ts';
import { type BucketConfigurationRpc, createBucketConfigurationRpc } from './bucket-configuration-rpc.ts';

/** The decision on one request. */
export interface AuthorizeAnswer {
  readonly decision: Decision;
  readonly principal: Principal | undefined;
  /** Given when frames were asked for and the request is allowed. */
  readonly frames: FrameChannel | undefined;
}

/** The decisions on independent accesses: one each, in the order asked; none when the credentials did not stand. */
export interface BatchAnswer {
  readonly refusal: Decision | undefined;
  readonly decisions: readonly Decision[];
  readonly principal: Principal | undefined;
  /** Given when frames were asked for and the credentials stood. */
  readonly frames: FrameChannel | undefined;
}

/** What the gateway needs of the sidecar. Every method that asks throws S3Error ServiceUnavailable when there is no answer. */
export interface AuthzClient {
  authorize(request: AuthorizeRequest): Promise<AuthorizeAnswer>;
  authorizeBatch(request: AuthorizeBatchRequest): Promise<BatchAnswer>;
  /** Bucket configuration, read and changed by the sidecar. */
  readonly buckets: BucketConfigurationRpc;
  /** Whether the sidecar can be reached within the time. */
  isReachable(withinMs: number): Promise<boolean>;
  close(): void;
}

export interface AuthzClientOptions {
  /** `unix:PATH` or `HOST:PORT`. */
  readonly address: string;
  /** Longest wait for an answer, milliseconds. */
  readonly timeoutMs?: number;
  /** Sent as a bearer token; a sidecar over TCP may want one. */
  readonly token?: string | undefined;
  readonly tls?: ClientTls | undefined;
  readonly logger?: { warn(fields: object, message: string): void; info(message: string): void };
}

export const DEFAULT_AUTHZ_TIMEOUT_MS = 2_000;
/** Added to the measured parts of a question for its fields' own bytes. */
const OVERHEAD_BYTES = 64;

/** Connects when first asked. */
export function createAuthzClient(options: AuthzClientOptions): AuthzClient {
  return new StreamingAuthzClient(options);
}

class StreamingAuthzClient implements AuthzClient {
  readonly #client: AuthorizationClient;
  readonly #stream: DecisionStream;
  readonly buckets: BucketConfigurationRpc;

  constructor({ address, timeoutMs = DEFAULT_AUTHZ_TIMEOUT_MS, token, tls, logger }: AuthzClientOptions) {
    this.#client = openSidecarChannel({ address, tls, timeoutMs });
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    this.buckets = createBucketConfigurationRpc(this.#client.getChannel(), metadata, timeoutMs);
    this.#stream = new DecisionStream({
      open: () => openDecisionCall(this.#client, metadata),
      timeoutMs,
      onLost: (error) => logger?.warn({ err: error }, 'the authorization sidecar is away; requests are refused'),
      onRestored: () => logger?.info('the authorization sidecar is back'),
    });
  }

  async authorize(request: AuthorizeRequest): Promise<AuthorizeAnswer> {
    const { answer, generation } = await this.#ask({ $case: 'authorize', value: request }, weigh(request));
    const { decision, principal, frameHandle } = expect(answer, 'authorize') satisfies AuthorizeResponse;
    if (decision === undefined) throw unavailable(new NoAnswer('the answer holds no decision'));
    const frames = frameHandle === '' ? undefined : this.#frameChannel(frameHandle, generation);
    return { decision, principal, frames };
  }

  async authorizeBatch(request: AuthorizeBatchRequest): Promise<BatchAnswer> {
    const { answer, generation } = await this.#ask({ $case: 'batch', value: request }, weigh(request));
    const { refusal, decisions, principal, frameHandle } = expect(answer, 'batch') satisfies AuthorizeBatchResponse;
    if (refusal === undefined && decisions.length !== request.accesses.length) {
      throw unavailable(new NoAnswer(`asked about ${request.accesses.length}, told about ${decisions.length}`));
    }
    const frames = frameHandle === '' ? undefined : this.#frameChannel(frameHandle, generation);
    return { refusal, decisions, principal, frames };
  }

  isReachable(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#client.waitForReady(Date.now() + withinMs, (error) => resolve(error === undefined));
    });
  }

  close(): void {
    this.#stream.close();
    this.#client.close();
  }

  #frameChannel(handle: string, generation: number): FrameChannel {
    return {
      verify: async (frames, last) => {
        // a handle does not outlive its stream
        if (this.#stream.generation !== generation) throw unavailable(new NoAnswer('the stream of the handle broke'));
        const { answer } = await this.#ask(
          { $case: 'frames', value: { handle, frames: [...frames], close: last } },
          OVERHEAD_BYTES * (1 + 3 * frames.length),
        );
        const { valid, reason } = expect(answer, 'frames');
        if (!valid && reason !== 'SignatureDoesNotMatch') {
          throw unavailable(new NoAnswer(`the frames could not be verified: ${reason}`));
        }
        return valid;
      },
      release: () => {
        if (this.#stream.generation !== generation) return;
        // whether it is heard matters to nobody: the sidecar forgets handles of its own accord as well
        this.#ask({ $case: 'frames', value: { handle, frames: [], close: true } }, OVERHEAD_BYTES).catch(
          () => undefined,
        );
      },
    };
  }

  async #ask(ask: Ask, bytes: number): Promise<Answered> {
    try {
      return await this.#stream.ask(ask, bytes);
    } catch (error) {
      throw unavailable(error);
    }
  }
}

type AnswerOf<Case extends Answer['$case']> = Extract<Answer, { $case: Case }>['value'];

/** The answer to what was asked; anything else, a fault of the sidecar included, is no answer. */
function expect<Case extends Answer['$case']>(answer: Answer, wanted: Case): AnswerOf<Case> {
  if (answer.$case === wanted) return answer.value as AnswerOf<Case>;
  const why = answer.$case === 'fault' ? `fault ${answer.value.code}: ${answer.value.message}` : `a ${answer.$case}`;
  throw unavailable(new NoAnswer(`asked for ${wanted}, got ${why}`));
}

function unavailable(cause: unknown): S3Error {
  return new S3Error('ServiceUnavailable', 'The request could not be decided at the moment. Try again.', { cause });
}

/** Bytes of a question, roughly and rather too many. */
function weigh(request: AuthorizeRequest | AuthorizeBatchRequest): number {
  const presented = request.credentials?.presented?.value;
  let bytes = OVERHEAD_BYTES;
  for (const value of Object.values(presented ?? {})) {
    if (typeof value === 'string' || value instanceof Uint8Array) bytes += 2 * value.length;
  }
  for (const access of request.accesses) {
    bytes += OVERHEAD_BYTES + access.action.length + 3 * access.resource.length + weighKeys(access.context);
  }
  return bytes + weighContext(request.context);
}

function weighContext(context: RequestContext | undefined): number {
  if (context === undefined) return 0;
  return OVERHEAD_BYTES + 3 * (context.userAgent.length + context.referer.length) + weighKeys(context.keys);
}

function weighKeys(keys: RequestContext['keys']): number {
  let bytes = 0;
  for (const [key, { values }] of Object.entries(keys)) {
    bytes += key.length + values.reduce((sum, value) => sum + 3 * value.length, OVERHEAD_BYTES);
  }
  return bytes;
}
