// Explain: the decision that Authorize makes, with every statement that was considered. For administrators: it shows policies.
import {
  type AccessTrace,
  type Credentials,
  type ExplainRequest,
  type ExplainResponse,
  Outcome,
} from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { AskFault } from '../identity/ask-fault.ts';
import {
  type AccessDecision,
  type Authorizer,
  decideAccess,
  fromPolicy,
  type PreparedAccess,
  withLists,
} from '../identity/authorizer.ts';
import { explainDecision } from '../identity/policy-program.ts';
import type { Explanation } from '../policy/index.ts';
import type { Asks } from './asks.ts';
import type { Caller } from './callers.ts';
import { decisionMessage, traceMessage } from './messages.ts';

/** What who asks must be allowed. */
const ADMINISTRATOR = { action: 'admin:*', resource: '', context: {}, resourceAccount: '' };

export class Explainer {
  readonly #authorizer: Authorizer;
  readonly #asks: Asks;
  readonly #trustCallers: boolean;

  constructor(authorizer: Authorizer, asks: Asks, trustCallers: boolean) {
    this.#authorizer = authorizer;
    this.#asks = asks;
    this.#trustCallers = trustCallers;
  }

  /** Rejects with AskFault. */
  async explain({ request, asker }: ExplainRequest, caller?: Caller): Promise<ExplainResponse> {
    await this.#requireAdministrator(asker, caller);
    if (request === undefined) throw AskFault.malformed('there is nothing to explain');
    const response = await this.#asks.authorize({ ...request, openFrames: false }, undefined, caller);
    if (response.decision?.outcome === Outcome.OUTCOME_UNAUTHENTICATED) return { response, accesses: [] };
    const { accesses } = this.#authorizer.prepare(caller === undefined ? request : { ...request, caller });
    return {
      response,
      accesses: accesses.map((prepared, index) => ({ access: request.accesses[index], ...accessTrace(prepared) })),
    };
  }

  async #requireAdministrator(asker: Credentials | undefined, caller: Caller | undefined): Promise<void> {
    if (asker === undefined && (caller?.mayExplain ?? this.#trustCallers)) return;
    if (asker === undefined) throw AskFault.notPermitted('explanations need the credentials of an administrator');
    const answer = await this.#authorizer.answer({
      credentials: asker,
      accesses: [ADMINISTRATOR],
      context: undefined,
      ...(caller === undefined ? {} : { caller: { mayName: false, maySetTime: false } }),
    });
    if (answer.kind !== 'decided' || answer.decisions[0]?.outcome !== 'Allow') {
      throw AskFault.notPermitted('explanations are for those who are allowed admin:*');
    }
  }
}

/** A decision with every statement that was considered. */
export interface Explained {
  readonly decision: AccessDecision;
  readonly statements: Explanation['statements'];
}

/** Decides one access as `decideAccess` does, and tells how. */
export function explainAccess(prepared: PreparedAccess): Explained {
  const { rights, request, lists } = prepared;
  if (rights.kind !== 'program') return { decision: decideAccess(prepared), statements: [] };
  const { decision, statements } = explainDecision(rights.program, request);
  return { decision: withLists(fromPolicy(decision), request, lists), statements };
}

function accessTrace(prepared: PreparedAccess): Pick<AccessTrace, 'decision' | 'statements'> {
  const { decision, statements } = explainAccess(prepared);
  return { decision: decisionMessage(decision), statements: statements.map(traceMessage) };
}
