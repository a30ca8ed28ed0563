// The table of condition operators, and how a name such as `ForAllValues:StringLike` or `NumericGreaterThanIfExists` is read.
import type { Dialect } from '../dialect/dialect.ts';
import { ADDRESS_OPERATORS } from './address-operators.ts';
import type { ConditionOperator } from './operator.ts';
import { ORDERED_OPERATORS } from './ordered-operators.ts';
import { PRESENCE_OPERATORS } from './presence-operators.ts';
import { STRING_OPERATORS } from './string-operators.ts';

const OPERATORS: ReadonlyMap<string, ConditionOperator> = new Map(
  [...STRING_OPERATORS, ...ORDERED_OPERATORS, ...ADDRESS_OPERATORS, ...PRESENCE_OPERATORS].map((o) => [o.name, o]),
);

export interface NamedOperator {
  readonly operator: ConditionOperator;
  readonly set: 'all' | 'any' | undefined;
  readonly ifExists: boolean;
}

/** Finds an operator by the name in a document; undefined when the dialect does not have it. */
export function findOperator(name: string, dialect: Dialect): NamedOperator | undefined {
  const prefix = /^(ForAllValues|ForAnyValue):/.exec(name);
  if (prefix !== null && !dialect.setPrefixes) return undefined;
  const bare = prefix === null ? name : name.slice(prefix[0].length);
  const ifExists = bare.endsWith('IfExists') && dialect.ifExistsOperators.has(bare.slice(0, -'IfExists'.length));
  const operatorName = ifExists ? bare.slice(0, -'IfExists'.length) : bare;
  const operator = dialect.operators.has(operatorName) ? OPERATORS.get(operatorName) : undefined;
  if (operator === undefined) return undefined;
  return { operator, set: prefix === null ? undefined : prefix[1] === 'ForAllValues' ? 'all' : 'any', ifExists };
}
