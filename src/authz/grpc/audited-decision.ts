// A decision on its way to the audit log: what is needed of the question and of the answer, and nothing that could sign a request.
import type { Access, RequestContext } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type AuditEntry, type AuditedDecision, auditedContext } from '../audit/audit-log.ts';
import type { Answer } from '../identity/authorizer.ts';
import { principalArn } from '../identity/principal.ts';
import type { StatementTrace } from '../policy/index.ts';
import { explainAccess } from './explain.ts';

export interface DecisionFacts {
  readonly answer: Answer;
  readonly context: RequestContext | undefined;
  /** What was decided together. */
  readonly accesses: readonly Access[];
  /** Where these stand among all accesses of the question. */
  readonly first: number;
  readonly account: string;
  readonly timeMs: number;
  readonly latencyMs: number;
  readonly asksOnly: boolean;
}

export class RecordedDecision implements AuditedDecision {
  readonly #facts: DecisionFacts;
  #entry: AuditEntry | undefined;

  constructor(facts: DecisionFacts) {
    this.#facts = facts;
  }

  get isRefusal(): boolean {
    const { answer } = this.#facts;
    return answer.kind === 'refused' || answer.decisions.some(({ outcome }) => outcome !== 'Allow');
  }

  get asksOnly(): boolean {
    return this.#facts.asksOnly;
  }

  entry(): AuditEntry {
    this.#entry ??= entryOf(this.#facts);
    return this.#entry;
  }

  /** By the policies that it was decided by, whatever has become of them since. */
  explain(): readonly { action: string; resource: string; outcome: string; statements: readonly StatementTrace[] }[] {
    const { answer, accesses, first } = this.#facts;
    if (answer.kind === 'refused') return [];
    return accesses.map(({ action, resource }, index) => {
      const prepared = answer.accesses[first + index];
      if (prepared === undefined) return { action, resource, outcome: '', statements: [] };
      const { decision, statements } = explainAccess(prepared);
      return { action, resource, outcome: decision.outcome, statements };
    });
  }
}

function entryOf({
  answer,
  context,
  accesses,
  first,
  account,
  timeMs,
  latencyMs,
  asksOnly,
}: DecisionFacts): AuditEntry {
  const shared = {
    time: new Date(timeMs).toISOString(),
    requestId: context?.requestId ?? '',
    sourceAddress: context?.sourceAddress ?? '',
    latencyMs: Math.round(latencyMs * 1000) / 1000,
    revision: answer.revision,
    ...(asksOnly ? { asksOnly } : {}),
  };
  if (answer.kind === 'refused') {
    const outcome = 'Unauthenticated';
    const [access] = accesses;
    return {
      ...shared,
      principalType: '',
      accessKey: '',
      parent: '',
      principal: '',
      action: access?.action ?? '',
      resource: access?.resource ?? '',
      outcome,
      reason: answer.refusal.code,
      accesses: accesses.map(({ action, resource }) => ({ action, resource, outcome })),
      context: {},
    };
  }
  const decisions = answer.decisions.slice(first, first + accesses.length);
  const decisive = decisiveIndex(decisions.map(({ outcome }) => outcome));
  const decision = decisions[decisive];
  const { identified } = answer;
  const credential = identified.type === 'Known' ? identified.credential : undefined;
  return {
    ...shared,
    principalType: credential?.type ?? 'Anonymous',
    accessKey: credential?.accessKey ?? '',
    parent: credential !== undefined && 'parent' in credential ? credential.parent : '',
    principal: principalArn(identified, account),
    action: accesses[decisive]?.action ?? '',
    resource: accesses[decisive]?.resource ?? '',
    outcome: decision?.outcome ?? '',
    reason: decision?.reason ?? '',
    ...(decision?.by === undefined
      ? {}
      : { policy: decision.by.policy, sid: decision.by.sid ?? '', statement: decision.by.index }),
    accesses: accesses.map(({ action, resource }, index) => ({
      action,
      resource,
      outcome: decisions[index]?.outcome ?? '',
    })),
    context: auditedContext(answer.accesses[first + decisive]?.request.keys ?? new Map()),
  };
}

/** All must be allowed: the first that is refused decides, else the first that lacks facts, else the first. */
export function decisiveIndex(outcomes: readonly string[]): number {
  const refused = outcomes.findIndex((outcome) => outcome !== 'Allow' && outcome !== 'NeedsFacts');
  if (refused >= 0) return refused;
  return Math.max(0, outcomes.indexOf('NeedsFacts'));
}
