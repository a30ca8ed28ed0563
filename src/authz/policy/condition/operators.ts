// The table of condition operators, and how a name such as `ForAllValues:StringLike` or `NumericGreaterThanIfExists` is read.
import { ADDRESS_OPERATORS } from './address-operators.ts';
import type { ConditionRules } from './condition-rules.ts';
import type { ConditionOperator } from './operator.ts';
import { ORDERED_OPERATORS } from './ordered-operators.ts';
import { PRESENCE_OPERATORS } from './presence-operators.ts';
import { STRING_OPERATORS } from './string-operators.ts';

const OPERATORS: ReadonlyMap<string, ConditionOperator> = new Map(
  [...STRING_OPERATORS, ...ORDERED_OPERATORS, ...ADDRESS_OPERATORS, ...PRESENCE_OPERATORS].map((o) => [o.name, o]),
);
const BY_LOWER_NAME: ReadonlyMap<string, string> = new Map(
  [...OPERATORS.keys()].map((name) => [name.toLowerCase(), name]),
);

/** Every operator there is, without qualifiers and IfExists. */
export const OPERATOR_NAMES: readonly string[] = [...OPERATORS.keys()];

export interface NamedOperator {
  readonly operator: ConditionOperator;
  readonly set: 'all' | 'any' | undefined;
  readonly ifExists: boolean;
}

/** Finds an operator by the name in a document; undefined when the dialect does not have it. */
export function findOperator(written: string, rules: ConditionRules): NamedOperator | undefined {
  const prefix = (rules.operatorsIgnoreCase ? /^(ForAllValues|ForAnyValue):/i : /^(ForAllValues|ForAnyValue):/).exec(
    written,
  );
  const bare = prefix === null ? written : written.slice(prefix[0].length);
  const conditional = rules.operatorsIgnoreCase ? /IfExists$/i.test(bare) : bare.endsWith('IfExists');
  const name = properName(bare, rules);
  const base = conditional ? properName(bare.slice(0, -'IfExists'.length), rules) : undefined;
  const [operatorName, ifExists] =
    base !== undefined && rules.ifExists.has(base) ? ([base, true] as const) : ([name, false] as const);
  if (operatorName === undefined || !rules.operators.has(operatorName)) return undefined;
  if (prefix !== null && !rules.qualified.has(operatorName)) return undefined;
  const operator = OPERATORS.get(operatorName);
  if (operator === undefined) return undefined;
  const all = prefix?.[1]?.toLowerCase() === 'forallvalues';
  return { operator, set: prefix === null ? undefined : all ? 'all' : 'any', ifExists };
}

function properName(name: string, rules: ConditionRules): string | undefined {
  return rules.operatorsIgnoreCase ? BY_LOWER_NAME.get(name.toLowerCase()) : name;
}
