// What a condition operator is. Each is a small object in the table; none knows of statements.
import type { Dialect } from '../dialect/dialect.ts';
import type { VariableLookup } from '../match/template.ts';

/** What an operator says of a request. 'fault' refuses the whole request. */
export type Verdict = boolean | 'fault';

/** A value as the document has it. */
export type ConditionValue = string | number | boolean;

/** An operator with its policy values read. */
export interface CompiledTest {
  /** `values` undefined = the key is absent. */
  test(values: readonly string[] | undefined, lookup: VariableLookup): Verdict;
}

export interface OperatorOptions {
  readonly dialect: Dialect;
  readonly key: string;
  /** `ForAllValues:` or `ForAnyValue:`. */
  readonly set: 'all' | 'any' | undefined;
  readonly ifExists: boolean;
}

export type Compiled =
  | { readonly ok: true; readonly test: CompiledTest }
  | { readonly ok: false; readonly problem: string };

export interface ConditionOperator {
  readonly name: string;
  /** Reads the policy's values (at least one). */
  compile(values: readonly ConditionValue[], options: OperatorOptions): Compiled;
}

export const compiled = (test: CompiledTest['test']): Compiled => ({ ok: true, test: { test } });
export const refused = (problem: string): Compiled => ({ ok: false, problem });
