// Each kind of question of the contract, answered in messages, and audited. The doors (unary calls, streams) only carry these.
import type {
  AuthorizeBatchRequest,
  AuthorizeBatchResponse,
  AuthorizeRequest,
  AuthorizeResponse,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { AuditSink } from '../audit/audit-log.ts';
import { AskFault } from '../identity/ask-fault.ts';
import type { AccessDecision, Answer, Ask, Authorizer } from '../identity/authorizer.ts';
import { denialMessage } from '../identity/denial-message.ts';
import type { FrameChains } from '../identity/frames.ts';
import type { Identified } from '../identity/principal.ts';
import { decisiveIndex, RecordedDecision } from './audited-decision.ts';
import type { Caller } from './callers.ts';
import { decisionMessage, principalMessage, refusalMessage } from './messages.ts';

type OrPromise<T> = T | Promise<T>;

export class Asks {
  readonly #authorizer: Authorizer;
  readonly #audit: AuditSink | undefined;
  readonly #nowMs: () => number;
  readonly #auditRequired: boolean;

  /** @param options.auditRequired an answer is given only when its audit line is kept */
  constructor(
    authorizer: Authorizer,
    audit: AuditSink | undefined,
    nowMs: () => number,
    { auditRequired = false }: { auditRequired?: boolean } = {},
  ) {
    this.#authorizer = authorizer;
    this.#audit = audit;
    this.#nowMs = nowMs;
    this.#auditRequired = auditRequired;
  }

  /** `frames`: the chains of the stream it came over; a unary call has none and can open none. */
  authorize(request: AuthorizeRequest, frames: FrameChains | undefined, caller?: Caller): OrPromise<AuthorizeResponse> {
    requireStream(request, frames);
    return andThen(this.answer(ofCaller(request, caller), 'together'), (answer) =>
      this.#authorized(request, answer, frames),
    );
  }

  batch(
    request: AuthorizeBatchRequest,
    frames: FrameChains | undefined,
    caller?: Caller,
  ): OrPromise<AuthorizeBatchResponse> {
    requireStream(request, frames);
    return andThen(this.answer(ofCaller(request, caller)), (answer) =>
      answer.kind === 'refused'
        ? {
            refusal: refusalMessage(answer.refusal),
            decisions: [],
            principal: undefined,
            policyRevision: answer.revision,
            frameHandle: '',
          }
        : {
            refusal: undefined,
            decisions: answer.decisions.map((decision, index) => this.#message(decision, request, answer, index)),
            principal: principalMessage(answer.identified, this.#authorizer.account),
            policyRevision: answer.revision,
            frameHandle: this.#openFrames(request, answer, frames),
          },
    );
  }

  /**
   * The answer itself, audited: for doors that are not gRPC's. Throws (or rejects with) AskFault.
   * @param decided whether the accesses are one decision, all of which must be allowed, or one each
   */
  answer(ask: Ask, decided: 'together' | 'each' = 'each'): OrPromise<Answer> {
    const started = performance.now();
    const answer = this.#authorizer.answer(ask);
    return answer instanceof Promise
      ? answer.then((known) => this.#record(ask, known, decided, started))
      : this.#record(ask, answer, decided, started);
  }

  /** As `answer`, for somebody whom the door has identified itself. Throws (or rejects with) AskFault. */
  answerFor(identified: Identified, ask: Omit<Ask, 'credentials' | 'service'>): OrPromise<Answer> {
    const started = performance.now();
    const answer = this.#authorizer.answerFor(identified, ask);
    return this.#record({ ...ask, credentials: undefined }, answer, 'each', started);
  }

  #authorized(request: AuthorizeRequest, answer: Answer, frames: FrameChains | undefined): AuthorizeResponse {
    const policyRevision = answer.revision;
    if (answer.kind === 'refused') {
      return { decision: refusalMessage(answer.refusal), principal: undefined, frameHandle: '', policyRevision };
    }
    const principal = principalMessage(answer.identified, this.#authorizer.account);
    // All must be allowed: the first that is not decides, and facts are asked for once for all accesses.
    const index = decisiveIndex(answer.decisions.map(({ outcome }) => outcome));
    const decisive = answer.decisions[index];
    if (decisive === undefined) throw new Error('a question without accesses was decided');
    const decision =
      decisive.outcome === 'NeedsFacts'
        ? decisionMessage(needsFacts(answer.decisions, decisive))
        : this.#message(decisive, request, answer, index);
    const frameHandle = decisive.outcome === 'Allow' ? this.#openFrames(request, answer, frames) : '';
    return { decision, principal, frameHandle, policyRevision };
  }

  #openFrames(
    request: { readonly openFrames: boolean },
    answer: Extract<Answer, { kind: 'decided' }>,
    frames: FrameChains | undefined,
  ): string {
    if (!request.openFrames || frames === undefined) return '';
    const seed = answer.signature?.frames;
    if (seed === undefined) throw AskFault.malformed('the signed payload hash does not speak of signed frames');
    const handle = frames.open(seed, this.#nowMs());
    if (handle === undefined) throw new AskFault('exhausted', 'too many bodies are in flight on this stream');
    return handle;
  }

  /** A decision as it is told to who asked. */
  #message(
    decision: AccessDecision,
    { accesses }: Pick<Ask, 'accesses'>,
    { identified }: Extract<Answer, { kind: 'decided' }>,
    index: number,
  ): ReturnType<typeof decisionMessage> {
    const access = accesses[index];
    if (access === undefined || decision.outcome === 'Allow' || decision.outcome === 'NeedsFacts') {
      return decisionMessage(decision);
    }
    const message = denialMessage(identified, this.#authorizer.account, access, decision);
    return decisionMessage({ ...decision, message });
  }

  #record(ask: Ask, answer: Answer, decided: 'together' | 'each', started: number): OrPromise<Answer> {
    const audit = this.#audit;
    if (audit === undefined) return answer;
    const { context, asksOnly = false } = ask;
    const { account } = this.#authorizer;
    const timeMs = this.#nowMs();
    const latencyMs = performance.now() - started;
    // Written out: on a busy stream, this is done for every decision.
    const recorded = (accesses: Ask['accesses'], first: number): RecordedDecision =>
      new RecordedDecision({ answer, context, accesses, first, account, timeMs, latencyMs, asksOnly });
    if (!this.#auditRequired && (decided === 'together' || ask.accesses.length === 1)) {
      audit.write(recorded(ask.accesses, 0));
      return answer;
    }
    const decisions =
      decided === 'together' || answer.kind === 'refused'
        ? [recorded(ask.accesses, 0)]
        : ask.accesses.map((access, first) => recorded([access], first));
    if (!this.#auditRequired) {
      for (const decision of decisions) audit.write(decision);
      return answer;
    }
    return Promise.all(decisions.map((decision) => audit.keep(decision))).then(
      () => answer,
      () => {
        throw new AskFault('unavailable', 'the decision cannot be audited at the moment, so it is not given');
      },
    );
  }
}

/** The question as its caller may ask it. Throws AskFault. */
function ofCaller(request: AuthorizeRequest | AuthorizeBatchRequest, caller: Caller | undefined): Ask {
  if (caller === undefined) return request;
  caller.check(request);
  return { ...request, caller };
}

function requireStream(request: { readonly openFrames: boolean }, frames: FrameChains | undefined): void {
  if (request.openFrames && frames === undefined) {
    throw AskFault.malformed('a frame handle lives on a stream: ask over AuthorizeStream');
  }
}

/** One decision that asks for the facts of all accesses that need some. */
function needsFacts(decisions: readonly AccessDecision[], first: AccessDecision): AccessDecision {
  const needing = decisions.filter(({ outcome }) => outcome === 'NeedsFacts');
  return { ...first, neededFacts: [...new Set(needing.flatMap(({ neededFacts }) => neededFacts))] };
}

/** Goes on at once when the value is there, and without a turn of the loop. */
export function andThen<A, B>(value: OrPromise<A>, next: (value: A) => B): OrPromise<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}
