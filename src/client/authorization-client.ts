// Asks a sidecar over one long-lived stream: questions of one turn of the event loop go out together, each has a deadline, a question that
// a broken stream took along is asked again while there is time, and without a whole answer nothing is allowed.
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type {
  AuthorizeRequest,
  ExplainResponse,
  AuthorizationClient as RpcClient,
} from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type Ask, DecisionStream, NoAnswer, type Answer as StreamAnswer } from './decision-stream.ts';
import { type Explanation, explanationOf } from './explanation.ts';
import {
  credentialsOf,
  type DecisionAnswer,
  decisionOf,
  type Principal,
  principalOf,
  type Question,
  requestOf,
  type Who,
} from './messages.ts';
import { openDecisionCall, openSidecarChannel } from './sidecar-channel.ts';
import type { ClientTls } from './tls.ts';
import { AuthorizationUnavailable, QuestionRefused } from './unavailable.ts';

export type { Access, Outcome, Question, StatementRef, Who } from './messages.ts';

export interface AuthorizationClientOptions {
  /** `unix:PATH` (absolute) or `HOST:PORT`. */
  readonly address: string;
  /** Shown as a bearer token. Over TCP to another machine it belongs into TLS. */
  readonly token?: string;
  readonly tls?: ClientTls;
  /** Longest wait for an answer, all tries together, milliseconds. */
  readonly timeoutMs?: number;
  /** How often a question is asked again that got no answer, while there is time. */
  readonly retries?: number;
  /** Told when the sidecar cannot be reached any more, and when it answers again. */
  readonly onLost?: (error: Error) => void;
  readonly onRestored?: () => void;
}

export interface CallOptions {
  /** Instead of the client's. */
  readonly timeoutMs?: number;
  /** Gives the question up. */
  readonly signal?: AbortSignal;
}

/** The answer to a question whose accesses must all be allowed. */
export interface Answer extends DecisionAnswer {
  readonly principal: Principal | undefined;
  /** Of the identities and policies that were read. */
  readonly revision: string;
}

export interface BatchAnswer {
  /** One an access, same order. When the credentials did not stand, each is 'Unauthenticated'. */
  readonly decisions: readonly DecisionAnswer[];
  readonly principal: Principal | undefined;
  readonly revision: string;
}

export const DEFAULT_TIMEOUT_MS = 2_000;
export const DEFAULT_RETRIES = 2;
const RETRY_PAUSE_MS = 50;

/** Makes a client; it connects when first asked. Throws TypeError for an address that is none. */
export function connect(options: AuthorizationClientOptions): AuthorizationClient {
  return new AuthorizationClient(options);
}

export class AuthorizationClient {
  readonly #rpc: RpcClient;
  readonly #metadata = new Metadata();
  readonly #stream: DecisionStream;
  readonly #timeoutMs: number;
  readonly #retries: number;

  constructor(options: AuthorizationClientOptions) {
    const { address, token, tls, timeoutMs = DEFAULT_TIMEOUT_MS, retries = DEFAULT_RETRIES } = options;
    this.#timeoutMs = timeoutMs;
    this.#retries = retries;
    this.#rpc = openSidecarChannel({ address, tls, timeoutMs });
    if (token !== undefined) this.#metadata.set('authorization', `Bearer ${token}`);
    this.#stream = new DecisionStream({
      open: () => openDecisionCall(this.#rpc, this.#metadata),
      timeoutMs,
      onLost: (error) => options.onLost?.(error),
      onRestored: () => options.onRestored?.(),
    });
  }

  /**
   * Whether all accesses of a question are allowed, and why. Rejects with AuthorizationUnavailable when there is no answer in time, with
   * QuestionRefused when the sidecar does not take the question.
   */
  async authorize(question: Question, options: CallOptions = {}): Promise<Answer> {
    const request = requestOf(question);
    const answer = await this.#ask({ $case: 'authorize', value: request }, options);
    const { decision, principal, policyRevision } = expectAnswer(answer, 'authorize');
    return { ...decisionOf(decision), principal: principalOf(principal), revision: policyRevision };
  }

  /** As `authorize`, in one word. Never rejects for want of an answer: then it is false. */
  async allows(question: Question, options: CallOptions = {}): Promise<boolean> {
    try {
      return (await this.authorize(question, options)).allowed;
    } catch (error) {
      if (error instanceof AuthorizationUnavailable) return false;
      throw error;
    }
  }

  /** Each access on its own. Rejects as `authorize` does. */
  async authorizeBatch(question: Question, options: CallOptions = {}): Promise<BatchAnswer> {
    const request = requestOf(question);
    const answer = await this.#ask({ $case: 'batch', value: request }, options);
    const { refusal, decisions, principal, policyRevision: revision } = expectAnswer(answer, 'batch');
    if (refusal !== undefined) {
      // whatever a refusal says, it is none of an allow
      const refused = { ...decisionOf(refusal), allowed: false };
      return { decisions: question.accesses.map(() => refused), principal: undefined, revision };
    }
    if (decisions.length !== question.accesses.length) {
      throw new AuthorizationUnavailable(
        `asked about ${question.accesses.length} accesses, told about ${decisions.length}`,
      );
    }
    return { decisions: decisions.map(decisionOf), principal: principalOf(principal), revision };
  }

  /** The decision of `authorize` with every statement that was considered. `asker` must be allowed admin:*. */
  async explain(question: Question, asker: Who | undefined, options: CallOptions = {}): Promise<Explanation> {
    const deadline = Date.now() + (options.timeoutMs ?? this.#timeoutMs);
    const message = {
      request: requestOf(question),
      asker: asker === undefined ? undefined : credentialsOf(asker),
    };
    const response = await new Promise<ExplainResponse>((resolve, reject) => {
      const call = this.#rpc.explain(message, this.#metadata, { deadline }, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(errorOf(error));
      });
      options.signal?.addEventListener('abort', () => call.cancel(), { once: true });
    });
    return explanationOf(response);
  }

  /** Resolves when the sidecar can be reached, to false when it cannot within the time. */
  reachable(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#rpc.waitForReady(Date.now() + withinMs, (error) => resolve(error === undefined));
    });
  }

  /** Ends the stream; what still waits is rejected. */
  close(): void {
    this.#stream.close();
    this.#rpc.close();
  }

  async #ask(
    ask: Extract<Ask, { $case: 'authorize' | 'batch' }>,
    { timeoutMs = this.#timeoutMs, signal }: CallOptions,
  ): Promise<StreamAnswer> {
    const endsAt = performance.now() + timeoutMs;
    for (let tries = 0; ; tries++) {
      if (signal?.aborted === true) throw new AuthorizationUnavailable('the question was given up');
      const left = endsAt - performance.now();
      try {
        const { answer } = await aborted(this.#stream.ask(ask, weigh(ask.value), Math.max(left, 0)), signal);
        return answer;
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        const pause = RETRY_PAUSE_MS * 2 ** tries;
        // a question changes nothing, so it may be asked twice
        if (tries >= this.#retries || endsAt - performance.now() <= pause) {
          throw new AuthorizationUnavailable(error.message, { cause: error });
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

type ValueOf<Case extends StreamAnswer['$case']> = Extract<StreamAnswer, { $case: Case }>['value'];

/** The answer to what was asked; anything else is none. */
function expectAnswer<Case extends StreamAnswer['$case']>(answer: StreamAnswer, wanted: Case): ValueOf<Case> {
  if (answer.$case === wanted) return answer.value as ValueOf<Case>;
  if (answer.$case !== 'fault') throw new AuthorizationUnavailable(`asked for ${wanted}, got a ${answer.$case}`);
  const { code, message } = answer.value;
  if (isOfAsker(code)) throw new QuestionRefused(code, message);
  throw new AuthorizationUnavailable(`the sidecar failed: ${message}`);
}

function errorOf(error: ServiceError): Error {
  return isOfAsker(error.code)
    ? new QuestionRefused(error.code, error.details)
    : new AuthorizationUnavailable(error.details, { cause: error });
}

/** Statuses that asking again does not change. */
function isOfAsker(code: number): boolean {
  return (
    code === status.INVALID_ARGUMENT ||
    code === status.PERMISSION_DENIED ||
    code === status.UNAUTHENTICATED ||
    code === status.RESOURCE_EXHAUSTED
  );
}

function aborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new AuthorizationUnavailable('the question was given up'));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Bytes of a question, roughly and rather too many. */
function weigh(request: AuthorizeRequest | { readonly accesses: AuthorizeRequest['accesses'] }): number {
  let bytes = 4_096;
  for (const { action, resource, context } of request.accesses) {
    bytes += 64 + action.length + 3 * resource.length;
    for (const [key, { values }] of Object.entries(context)) {
      bytes += key.length + values.reduce((sum, value) => sum + 3 * value.length, 64);
    }
  }
  return bytes;
}
