// The policy engine in this very process.
import {
  admittedKeys,
  askDocuments,
  type Decision,
  type DialectName,
  type DocumentQuestion,
  deriveConditions,
  explain,
  inspectPolicy,
  PRIMITIVES,
} from '../../src/authz/policy/index.ts';
import { issuesText, traceText } from '../explanation.ts';
import { type Answer, flatConditions, PROBED_KEYS } from '../outcome.ts';
import { type EngineQuestion, engineQuestion } from '../question.ts';
import type { Question } from '../vector.ts';
import type { Target } from './target.ts';

const OUTCOMES = {
  Allow: 'ALLOW',
  ExplicitDeny: 'EXPLICIT_DENY',
  ImplicitDeny: 'DENY',
  EvaluationError: 'ERROR',
  NeedsFacts: 'ERROR',
} as const satisfies Record<Decision['outcome'], string>;

export class InProcessTarget implements Target {
  readonly name = 'in-process';
  readonly concurrency = 256;

  evaluate(question: Question, dialect: string): Answer {
    const known = dialect as DialectName;
    return answer(engineQuestion(question, known), known);
  }

  async close(): Promise<void> {}
}

function answer(question: EngineQuestion, dialect: DialectName): Answer {
  switch (question.ask) {
    case 'decide':
      return decided(question.question);
    case 'decideRequest': {
      const keys = deriveConditions(question.http, question.requester, { nowMs: Date.now(), trustedPeer: true });
      return decided({ ...question.question, conditions: Object.fromEntries(keys) });
    }
    case 'derive': {
      const keys = deriveConditions(question.http, question.requester, { nowMs: Date.now(), trustedPeer: true });
      return { outcome: flatConditions(keys) };
    }
    case 'inspect': {
      const { text, kinds, bucket, tenant } = question;
      const inspections = kinds.map((kind) =>
        inspectPolicy(text, {
          kind,
          dialect,
          ...(bucket === undefined ? {} : { bucket }),
          ...(tenant === undefined ? {} : { tenant }),
        }),
      );
      const found = inspections.find(({ valid }) => valid) ?? inspections[0];
      if (found === undefined) throw new Error('a document is of some kind');
      return {
        outcome: { valid: found.valid, storable: found.storable, strict: found.strictlyValid },
        explanation: issuesText(found.issues),
      };
    }
    case 'admittedKeys': {
      const keys = admittedKeys(question.action, PROBED_KEYS, { dialect, kind: question.kind });
      return { outcome: { accepted: keys !== null, keys: keys === null ? null : [...keys] } };
    }
    case 'wildcard':
      return { outcome: PRIMITIVES.wildcard(question.pattern, question.text, question.ignoreCase) };
    case 'segments':
      return { outcome: PRIMITIVES.segments(question.pattern, question.text, question.mode) };
    case 'cidr': {
      const normalized = PRIMITIVES.cidr(question.text);
      return { outcome: normalized === null ? { valid: false } : { valid: true, normalized } };
    }
    case 'sourceIp':
      return { outcome: PRIMITIVES.sourceIp(question.remoteAddrParam, question.env) };
  }
}

function decided(question: DocumentQuestion): Answer {
  const answered = askDocuments(question);
  if (answered.kind === 'invalid') {
    return { outcome: 'INVALID', explanation: `the ${answered.document} document: ${issuesText(answered.issues)}` };
  }
  const { decision, program, request } = answered;
  return {
    outcome: OUTCOMES[decision.outcome],
    // Made only when it is looked at: most answers are right.
    get explanation() {
      return traceText(explain(program, request).statements);
    },
  };
}
