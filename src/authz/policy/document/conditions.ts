// Condition: operator → key → values, each read by its operator and held against the actions.
import type { ConditionValue } from '../condition/operator.ts';
import { findOperator } from '../condition/operators.ts';
import type { Dialect } from '../dialect/dialect.ts';
import type { CompiledCondition } from '../policy.ts';
import type { ActionEntries } from './actions.ts';
import { nearest } from './policy-issue.ts';
import type { StatementContext } from './statement-context.ts';

type Written = Readonly<Record<string, unknown>>;

/** Reads the element; issues are added to the context. */
export function readConditions(
  written: unknown,
  actions: ActionEntries | undefined,
  context: StatementContext,
): CompiledCondition[] {
  const { dialect, issues } = context;
  const path = `${context.path}.Condition`;
  if (!isObject(written) || Object.keys(written).length === 0) {
    issues.push({ code: 'WrongType', path, message: 'Condition must be an object with at least one operator' });
    return [];
  }
  const conditions: CompiledCondition[] = [];
  for (const [operatorName, keys] of Object.entries(written)) {
    const operatorPath = `${path}.${operatorName}`;
    const named = findOperator(operatorName, dialect);
    if (named === undefined) {
      const suggestion = nearest(operatorName, dialect.operators);
      issues.push({
        code: 'UnknownOperator',
        path: operatorPath,
        message: `${JSON.stringify(operatorName)} is not a condition operator here`,
        ...(suggestion === undefined ? {} : { suggestion }),
      });
      continue;
    }
    if (!isObject(keys)) {
      issues.push({ code: 'WrongType', path: operatorPath, message: 'an operator takes an object of condition keys' });
      continue;
    }
    for (const [key, value] of Object.entries(keys)) {
      const keyPath = `${operatorPath}.${key}`;
      if (!isKnownKey(key, dialect) || (actions !== undefined && !actions.admits(key))) {
        const suggestion = nearest(key, allKeys(dialect));
        issues.push({
          code: 'UnknownConditionKey',
          path: keyPath,
          message: `the condition key ${JSON.stringify(key)} does not go with these actions`,
          ...(suggestion === undefined || suggestion === key ? {} : { suggestion }),
        });
        continue;
      }
      const values = readValues(value);
      const compiled =
        typeof values === 'string'
          ? ({ ok: false, problem: values } as const)
          : named.operator.compile(values, { dialect, key, set: named.set, ifExists: named.ifExists });
      if (!compiled.ok) {
        issues.push({
          code: 'InvalidConditionValue',
          path: keyPath,
          message: `${operatorName} on ${key} ${compiled.problem}`,
        });
        continue;
      }
      conditions.push({
        operator: operatorName,
        key,
        wanted: (values as readonly ConditionValue[]).map(String),
        test: compiled.test,
      });
    }
  }
  return conditions;
}

function isObject(value: unknown): value is Written {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The values, or what is wrong with them. */
function readValues(written: unknown): readonly ConditionValue[] | string {
  const list: unknown[] = Array.isArray(written) ? written : [written];
  if (list.length === 0) return 'needs at least one value';
  const values: ConditionValue[] = [];
  for (const item of list) {
    if (item === null) values.push(false);
    else if (typeof item === 'string' || typeof item === 'boolean') values.push(item);
    else if (typeof item === 'number' && Number.isInteger(item)) values.push(item);
    else return 'takes strings, booleans and whole numbers';
  }
  return new Set(values).size === values.length ? values : 'has the same value twice';
}

const KEYS = new WeakMap<Dialect, ReadonlySet<string>>();

function allKeys(dialect: Dialect): ReadonlySet<string> {
  const cached = KEYS.get(dialect);
  if (cached !== undefined) return cached;
  const keys = new Set([...dialect.commonKeys, ...dialect.adminKeys, 'sts:DurationSeconds']);
  for (const table of [dialect.identityActions, dialect.bucketActions]) {
    for (const extra of Object.values(table)) if (extra !== 'none') for (const key of extra) keys.add(key);
  }
  KEYS.set(dialect, keys);
  return keys;
}

function isKnownKey(key: string, dialect: Dialect): boolean {
  const keys = allKeys(dialect);
  return keys.has(key) || (dialect.keySuffixes && keys.has(key.split('/', 1)[0] as string));
}
