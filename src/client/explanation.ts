// A decision with its trace, for administrators.
import type { ExplainResponse } from '../../proto/gen/portcullis/authz/v1/authorization.ts';
import { type DecisionAnswer, decisionOf, type StatementRef } from './messages.ts';

/** A statement that was considered, and the first of its elements that did not match. */
export interface StatementTrace {
  readonly statement: StatementRef | undefined;
  readonly effect: string;
  readonly matched: boolean;
  readonly failedElement: string;
  readonly operator: string;
  readonly key: string;
  readonly wanted: readonly string[];
  readonly seen: readonly string[];
}

export interface Explanation extends DecisionAnswer {
  /** One an access, same order; none when the credentials did not stand. */
  readonly accesses: readonly {
    readonly decision: DecisionAnswer;
    readonly statements: readonly StatementTrace[];
  }[];
}

export function explanationOf({ response, accesses }: ExplainResponse): Explanation {
  return {
    ...decisionOf(response?.decision),
    accesses: accesses.map(({ decision, statements }) => ({ decision: decisionOf(decision), statements })),
  };
}
