// What a condition operator is. Each is a small object in the table; none knows of statements.
import type { VariableRules } from '../match/template.ts';
import type { QuestionMark } from '../match/wildcard.ts';
import type { ConditionRules } from './condition-rules.ts';
import type { Evaluation, KeyNaming } from './evaluation.ts';

/** What an operator says of a request. 'fault' refuses the whole request. */
export type Verdict = boolean | 'fault';

/** A value as the document has it. */
export type ConditionValue = string | number | bigint | boolean;

/** An operator with its policy values read. */
export interface CompiledTest {
  /** It can answer 'fault'. */
  readonly mayFault: boolean;
  /** `values` undefined = the key is absent. */
  test(values: readonly string[] | undefined, evaluation: Evaluation): Verdict;
}

export interface OperatorOptions {
  readonly rules: ConditionRules;
  readonly variables: VariableRules;
  readonly naming: KeyNaming;
  readonly questionMark: QuestionMark;
  readonly key: string;
  /** `ForAllValues:` or `ForAnyValue:`. */
  readonly set: 'all' | 'any' | undefined;
  readonly ifExists: boolean;
}

export type Compiled =
  | { readonly ok: true; readonly test: CompiledTest }
  | { readonly ok: false; readonly problem: string; readonly suggestion?: string };

export interface ConditionOperator {
  readonly name: string;
  /** Reads the policy's values. */
  compile(values: readonly ConditionValue[], options: OperatorOptions): Compiled;
}

export const compiled = (test: CompiledTest['test'], mayFault = false): Compiled => ({
  ok: true,
  test: { test, mayFault },
});
export const refused = (problem: string, suggestion?: string): Compiled => ({
  ok: false,
  problem,
  ...(suggestion === undefined ? {} : { suggestion }),
});

/** Whether a request's value is among the policy's; undefined when a policy value cannot be made out. */
export type ValueMatch = (value: string, evaluation: Evaluation) => boolean | undefined;

/**
 * The frame of the operators over several values: absent keys, qualifiers and negation, as the dialect has them. `matches` says
 * whether one value of the request equals some value of the policy; `differs`, whether it is unlike some value.
 */
export function overValues(
  matches: ValueMatch,
  differs: ValueMatch,
  negated: boolean,
  { rules, set, ifExists }: OperatorOptions,
): CompiledTest['test'] {
  const eachValue = rules.negatedQualifier === 'each';
  const withoutKey =
    set === 'all'
      ? eachValue || !negated
      : set === 'any' && eachValue
        ? false
        : ifExists || (negated && rules.negatedWithoutKey.string);
  if (set === 'all') {
    const each = eachValue && negated;
    return (values, evaluation) => {
      if (values === undefined) return withoutKey;
      let all = true;
      for (const value of values) {
        const match = matches(value, evaluation);
        if (each ? match !== false : match !== true) {
          all = false;
          break;
        }
      }
      return each ? all : all !== negated;
    };
  }
  if (set === 'any' && negated && eachValue) {
    return (values, evaluation) =>
      values === undefined ? withoutKey : values.some((value) => matches(value, evaluation) === false);
  }
  if (negated && rules.negatedPairs === 'any') {
    return (values, evaluation) =>
      values === undefined ? withoutKey : values.some((value) => differs(value, evaluation) === true);
  }
  return (values, evaluation) => {
    if (values === undefined) return withoutKey;
    for (const value of values) {
      const match = matches(value, evaluation);
      if (match === undefined) {
        // It equals nothing, and nothing can be said to differ from it.
        if (negated) return false;
      } else if (match) return !negated;
    }
    return negated;
  };
}
