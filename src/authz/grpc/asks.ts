// Each kind of question of the contract, answered in messages, and audited. The doors (unary calls, streams) only carry these.
import type {
  AuthorizeBatchRequest,
  AuthorizeBatchResponse,
  AuthorizeRequest,
  AuthorizeResponse,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import type { AuditEntry, AuditSink } from '../audit/audit-log.ts';
import { AskFault } from '../identity/ask-fault.ts';
import type { AccessDecision, Answer, Ask, Authorizer } from '../identity/authorizer.ts';
import type { FrameChains } from '../identity/frames.ts';
import type { Identified } from '../identity/principal.ts';
import { decisionMessage, principalMessage, refusalMessage } from './messages.ts';

type OrPromise<T> = T | Promise<T>;

export class Asks {
  readonly #authorizer: Authorizer;
  readonly #audit: AuditSink | undefined;
  readonly #nowMs: () => number;

  constructor(authorizer: Authorizer, audit: AuditSink | undefined, nowMs: () => number) {
    this.#authorizer = authorizer;
    this.#audit = audit;
    this.#nowMs = nowMs;
  }

  /** `frames`: the chains of the stream it came over; a unary call has none and can open none. */
  authorize(request: AuthorizeRequest, frames: FrameChains | undefined): OrPromise<AuthorizeResponse> {
    requireStream(request, frames);
    return andThen(this.answer(request), (answer) => this.#authorized(request, answer, frames));
  }

  batch(request: AuthorizeBatchRequest, frames: FrameChains | undefined): OrPromise<AuthorizeBatchResponse> {
    requireStream(request, frames);
    return andThen(this.answer(request), (answer) =>
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
            decisions: answer.decisions.map(decisionMessage),
            principal: principalMessage(answer.identified, this.#authorizer.account),
            policyRevision: answer.revision,
            frameHandle: this.#openFrames(request, answer, frames),
          },
    );
  }

  /** The answer itself, audited: for doors that are not gRPC's. */
  answer(ask: Ask): OrPromise<Answer> {
    const answer = this.#authorizer.answer(ask);
    return this.#audit === undefined ? answer : andThen(answer, (known) => this.#record(ask, known));
  }

  /** As `answer`, for somebody whom the door has identified itself. Throws AskFault. */
  answerFor(identified: Identified, ask: Omit<Ask, 'credentials' | 'service'>): Answer {
    const answer = this.#authorizer.answerFor(identified, ask);
    return this.#audit === undefined ? answer : this.#record({ ...ask, credentials: undefined }, answer);
  }

  #authorized(request: AuthorizeRequest, answer: Answer, frames: FrameChains | undefined): AuthorizeResponse {
    const policyRevision = answer.revision;
    if (answer.kind === 'refused') {
      return { decision: refusalMessage(answer.refusal), principal: undefined, frameHandle: '', policyRevision };
    }
    const principal = principalMessage(answer.identified, this.#authorizer.account);
    // All must be allowed: the first that is not decides, and facts are asked for once for all accesses.
    const refused = answer.decisions.find(({ outcome }) => outcome !== 'Allow' && outcome !== 'NeedsFacts');
    const decisive = refused ?? needsFacts(answer.decisions) ?? answer.decisions[0];
    if (decisive === undefined) throw new Error('a question without accesses was decided');
    const frameHandle = decisive.outcome === 'Allow' ? this.#openFrames(request, answer, frames) : '';
    return { decision: decisionMessage(decisive), principal, frameHandle, policyRevision };
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

  #record(ask: Ask, answer: Answer): Answer {
    const context = ask.context;
    const shared = {
      time: new Date(this.#nowMs()).toISOString(),
      requestId: context?.requestId ?? '',
      sourceAddress: context?.sourceAddress ?? '',
      revision: answer.revision,
    };
    for (const [index, access] of ask.accesses.entries()) {
      this.#audit?.write({ ...shared, ...whoAndWhat(answer, index), action: access.action, resource: access.resource });
    }
    return answer;
  }
}

function whoAndWhat(
  answer: Answer,
  index: number,
): Pick<AuditEntry, 'principalType' | 'accessKey' | 'parent' | 'outcome' | 'reason' | 'policy' | 'sid' | 'statement'> {
  if (answer.kind === 'refused') {
    return { principalType: '', accessKey: '', parent: '', outcome: 'Unauthenticated', reason: answer.refusal.code };
  }
  const { identified } = answer;
  const credential = identified.type === 'Known' ? identified.credential : undefined;
  const decision = answer.decisions[index];
  return {
    principalType: credential?.type ?? 'Anonymous',
    accessKey: credential?.accessKey ?? '',
    parent: credential !== undefined && 'parent' in credential ? credential.parent : '',
    outcome: decision?.outcome ?? '',
    reason: decision?.reason ?? '',
    ...(decision?.by === undefined
      ? {}
      : { policy: decision.by.policy, sid: decision.by.sid ?? '', statement: decision.by.index }),
  };
}

function requireStream(request: { readonly openFrames: boolean }, frames: FrameChains | undefined): void {
  if (request.openFrames && frames === undefined) {
    throw AskFault.malformed('a frame handle lives on a stream: ask over AuthorizeStream');
  }
}

/** One decision that asks for the facts of all accesses that need some. */
function needsFacts(decisions: readonly AccessDecision[]): AccessDecision | undefined {
  const needing = decisions.filter(({ outcome }) => outcome === 'NeedsFacts');
  const [first] = needing;
  if (first === undefined) return undefined;
  return { ...first, neededFacts: [...new Set(needing.flatMap(({ neededFacts }) => neededFacts))] };
}

/** Goes on at once when the value is there, and without a turn of the loop. */
export function andThen<A, B>(value: OrPromise<A>, next: (value: A) => B): OrPromise<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}
